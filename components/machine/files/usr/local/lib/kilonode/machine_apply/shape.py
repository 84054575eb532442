"""Checks that a JSON value has a shape; all errors at once, and never a secret in one of them."""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    # A dict is an object with exactly these keys ("?": may be absent), a pair (leaf, shape) a map, a list an array, a Kinds
    # a map of objects that say their kind.
    Leaf = tuple[Callable[[Any], bool], str]


class Kinds:
    """A map whose entries each have a "kind": to each kind the check of its names, and the shape of the rest."""

    def __init__(self, **kinds: tuple[Leaf, dict[str, Any]]) -> None:
        self.kinds = {kind.replace("_", "-"): shape for kind, shape in kinds.items()}

    def errors(self, value: dict[str, Any], where: str, secret: bool) -> Iterable[str]:
        for name, entry in value.items():
            place = f"{where}[{json.dumps(name)}]"
            kind = entry.get("kind") if isinstance(entry, dict) else None
            if not isinstance(kind, str) or kind not in self.kinds:
                got = shown(kind if isinstance(entry, dict) else entry, secret)
                yield f"{place}.kind: got {got}, wants {' or '.join(json.dumps(known) for known in self.kinds)}"
                continue
            (name_fits, allowed), shape = self.kinds[kind]
            if not name_fits(name):
                yield f"{place}: wants as its name {allowed}"
            yield from shape_errors(entry, {"kind": TEXT, **shape}, place, secret)


def leaf(pattern: str, allowed: str) -> Leaf:
    compiled = re.compile(pattern)
    return (lambda v: isinstance(v, str) and compiled.fullmatch(v) is not None, allowed)


TEXT: Leaf = (lambda v: isinstance(v, str) and "\0" not in v, "text")
FLAG: Leaf = (lambda v: isinstance(v, bool), "true or false")


def shape_errors(value: Any, shape: Any, where: str, secret: bool) -> Iterable[str]:
    if isinstance(shape, tuple) and callable(shape[0]):
        if not shape[0](value):
            yield f"{where}: got {shown(value, secret)}, wants {shape[1]}"
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield f"{where}: got {shown(value, secret)}, wants an array"
            return
        for index, item in enumerate(value):
            yield from shape_errors(item, shape[0], f"{where}[{index}]", secret)
    elif not isinstance(value, dict):
        yield f"{where or 'content'}: got {shown(value, secret)}, wants an object"
    elif isinstance(shape, Kinds):
        yield from shape.errors(value, where, secret)
    elif isinstance(shape, dict):
        yield from object_errors(value, shape, f"{where}." if where else "", secret)
    else:
        (key_fits, allowed), inner = shape
        for name in value:
            place = f"{where}[{json.dumps(name)}]"
            if not key_fits(name):
                yield f"{place}: wants as its name {allowed}"
            yield from shape_errors(value[name], inner, place, secret)


def object_errors(value: dict[str, Any], shape: dict[str, Any], where: str, secret: bool) -> Iterable[str]:
    known = {name.rstrip("?"): (inner, name.endswith("?")) for name, inner in shape.items()}
    for name in sorted(value.keys() - known.keys()):
        yield f"{where}{name}: unknown; allowed are {', '.join(known)}"
    for name, (inner, optional) in known.items():
        if name in value:
            yield from shape_errors(value[name], inner, f"{where}{name}", secret)
        elif not optional:
            yield f"{where}{name}: missing"


def shown(value: Any, secret: bool) -> str:
    """The value for a message; of a secret document, or of anything long, only what kind of value it is."""
    text = json.dumps(value)
    kinds = {str: "text", dict: "an object", list: "an array", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number") if secret or len(text) > 80 else text
