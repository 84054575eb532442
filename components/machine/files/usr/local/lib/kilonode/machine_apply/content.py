"""What comes on stdin: a Machine, or secret files. Both are checked whole before anything is believed of them."""

from __future__ import annotations

import json
import os

from .paths import PACKAGE, PROGRAMS
from .report import BadContent
from .shape import FLAG, TEXT, Kinds, leaf, shape_errors
from .static_pods import content_of, manifest_path
from .sysctl import numbers
from .wanted import derived_paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .shape import Leaf

    Json = dict[str, Any]

PORT: Leaf = (lambda v: type(v) is int and 0 < v < 65536, "a port from 1 to 65535")
BAND: Leaf = (lambda v: type(v) is int and v in (1, 2, 3), "a band: 1 (first), 2 or 3 (last)")
UID: Leaf = (lambda v: type(v) is int and 0 < v < 65534, "a number from 1 to 65533")
SIZE: Leaf = (lambda v: type(v) in (int, float) and v > 0, "a number of GiB above 0")
PATH: Leaf = (
    lambda v: isinstance(v, str) and v.startswith("/") and os.path.normpath(v) == v != "/" and v.isprintable(),
    'an absolute path without "..", "//" or a slash at its end',
)
NAME = leaf(r"[A-Za-z0-9][A-Za-z0-9._-]*", "a name of letters, digits, dot, dash, underscore")
USER = leaf(r"[a-z_][a-z0-9_-]{0,30}", "a user name")
MODE = leaf(r"0[0-7]{3,4}", 'octal text such as "0640"')
OWNER = leaf(r"[a-z_][a-z0-9_-]*:[a-z_][a-z0-9_-]*", '"user:group"')
SHA256 = leaf(r"[0-9a-f]{64}", "64 hexadecimal digits")
MODULE = leaf(r"[A-Za-z0-9_-]+", "a module name")
KEY = leaf(r"[a-z0-9_-]+([./][A-Za-z0-9_:@-]+)+", 'a sysctl key such as "vm.max_map_count"')
VALUE = leaf(r"[^\n\0]+", "one line of text")
UNIT = leaf(r"[A-Za-z0-9:_.\\@-]+\.(service|socket|timer|target|path|mount|slice)", 'a unit such as "etcd.service"')
POD = leaf(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", 'a pod such as "kube-apiserver"')
FS = leaf(r"ext4|xfs", '"ext4" or "xfs"')
RANGE = leaf(r"(\d+\.){3}\d+(/\d+|-(\d+\.){3}\d+)?", 'IPv4 addresses: "10.0.0.0/8", "10.0.0.1-10.0.0.9" or one')
RULE = leaf(r"[A-Za-z0-9 -]{1,64}", "at most 64 letters, digits, spaces, dashes")

CREDENTIAL = leaf(r"own|trusted", '"own" or "trusted"')

FILE = {"mode": MODE, "owner": OWNER, "content": TEXT, "credential?": CREDENTIAL}
SECRETS = {"files": (PATH, FILE)}
VOLUME = {"name": NAME, "mount": PATH, "fs": FS, "sizeGiB": SIZE, "apartFrom": [NAME], "owner": OWNER, "device": PATH}
STORE_URL = leaf(r"(https|file)://[!-~]+", "an address that begins with https:// or file://")
REGION = leaf(r"[a-z0-9-]+", 'a region such as "eu-central-1"')
SERVICES = Kinds(
    unit=(UNIT, {"enabled": FLAG, "running": FLAG, "restartOn": [PATH], "reloadOn": [PATH], "wait": FLAG}),
    static_pod=(POD, {"restartOn": [PATH], "wait": FLAG}),
)
MACHINE = {
    "users": (USER, {"home": PATH, "uid?": UID}),
    "directories": (PATH, {"mode": MODE, "owner": OWNER}),
    "files": (PATH, FILE),
    "binaries": (PATH, {"name": NAME, "version": TEXT, "sha256": SHA256}),
    "store?": {"url": STORE_URL, "region?": REGION},
    "modules": [MODULE],
    "sysctls": (KEY, {"value": VALUE, "floor": FLAG}),
    "volumes": [VOLUME],
    "traffic?": {"classes": [{"name": NAME, "band": BAND, "ports": [PORT]}]},
    "firewall?": {"allowed": [{"name": RULE, "port": PORT, "from": [RANGE]}]},
    "services": SERVICES,
}


# The first line of a document that a preview is to compare by its lines: without it, it would be taken for JSON (delivery.ts).
BY_LINES = b"@machine\n"


def joined(value: Json) -> Any:
    """A text that came as its lines is one again."""
    lines = value.get("lines") if value.keys() == {"lines"} else None
    if isinstance(lines, list) and all(isinstance(line, str) for line in lines):
        return "\n".join(lines)
    return value


def parse(text: bytes, shape: Json, what: str, secret: bool = False) -> Json:
    try:
        value: Json = json.loads(text.removeprefix(BY_LINES), object_hook=joined)
    except ValueError as error:  # its message has a position, never the text
        raise BadContent(f"{what} on stdin is not JSON: {error}. It wants one JSON object.") from None
    errors = list(shape_errors(value, shape, "", secret))
    if not errors and shape is MACHINE:
        errors = list(machine_errors(value))
    if errors:
        raise BadContent(f"{what} has {len(errors)} error(s); nothing was changed:\n  " + "\n  ".join(errors))
    return value


def machine_errors(machine: Json) -> Iterable[str]:
    """What the shape alone cannot say."""
    files, binaries, written = machine["files"].keys(), machine["binaries"].keys(), derived_paths(machine)
    for path in sorted(files | binaries):
        if path in written or path in PROGRAMS or path.startswith(f"{PACKAGE}/"):
            yield f'files["{path}"]: machine-apply writes this file itself; take it out'
    for path in sorted(files & binaries):
        yield f'files["{path}"]: is also a binary; keep one'
    for path in sorted(files & machine["directories"].keys()):
        yield f'files["{path}"]: is also a directory; keep one'
    for key, sysctl in machine["sysctls"].items():
        if sysctl["floor"] and numbers(sysctl["value"]) is None:
            yield f'sysctls["{key}"].value: got "{sysctl["value"]}", a floor wants whole numbers'
    names = [volume["name"] for volume in machine["volumes"]]
    for index, volume in enumerate(machine["volumes"]):
        for other in volume["apartFrom"]:
            if other not in names or other == volume["name"]:
                yield f'volumes[{index}].apartFrom: got "{other}", wants the name of another volume ({", ".join(names)})'
    for name, service in machine["services"].items():
        for path in set(service["restartOn"]) & set(service.get("reloadOn", ())):
            yield f'services["{name}"]: "{path}" is in restartOn and in reloadOn; keep one'
        if service["kind"] == "static-pod":
            yield from manifest_errors(machine, name)


def manifest_errors(machine: Json, name: str) -> Iterable[str]:
    path = manifest_path(name)
    manifest = machine["files"].get(path)
    if manifest is None:
        yield f'services["{name}"]: a static pod wants its manifest {path} among files'
    elif content_of(manifest["content"]) is None:
        yield (
            f'files["{path}"]: wants the annotation kilonode.io/content: "HEX" of what the pod is made from; '
            "without it nobody can tell whether the running pod is this one"
        )
