"""What stands beside each snapshot: which one it is, and what it holds."""

from __future__ import annotations

import json
import re

from .content import MOST_RESOURCES
from .report import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]

VERSION = 1
LARGEST_BYTES = 4 << 20
NUMBERS = ("revision", "keys", "bytes")
TEXTS = {
    "shard": r"[a-z0-9-]{1,63}",
    "member": r"[A-Za-z0-9._-]{1,253}",
    "takenAt": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "hash": r"[0-9a-f]{1,8}",
    "sha256": r"[0-9a-f]{64}",
    "etcdVersion": r"[\w.+-]{0,64}",
    "clusterId": r"[0-9a-f]{1,16}",
}


def read_manifest(data: bytes) -> Json:
    """What another member has written. Raises Refused when it is no manifest."""
    try:
        found = json.loads(data)
        problems = [name for name in NUMBERS if type(found[name]) is not int or found[name] < 0]
        problems += [name for name, allowed in TEXTS.items() if not matches(found[name], allowed)]
        resources = found["resources"]
        problems += [] if len(resources) <= MOST_RESOURCES else ["resources"]
        for name, held in resources.items():
            if len(name) > 600 or type(held["keys"]) is not int or not matches(held["hash"], r"[0-9a-f]{64}"):
                problems.append(f"resources[{name[:80]!r}]")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(f"manifest.json is none: {type(error).__name__} {error}"[:300]) from None
    if found.get("version") != VERSION:
        raise Refused(f"manifest.json has version {str(found.get('version'))[:20]}, this program reads {VERSION}")
    if problems:
        raise Refused(f"manifest.json: cannot be read as a manifest: {', '.join(problems[:5])}")
    return {"version": VERSION, **{name: found[name] for name in (*TEXTS, *NUMBERS)}, "resources": resources}


def matches(value: Any, allowed: str) -> bool:
    return isinstance(value, str) and re.fullmatch(allowed, value, re.ASCII) is not None
