"""What a shard holds at a revision: how many keys of each resource, and a hash of them, whoever reads them in whatever order."""

from __future__ import annotations

import hashlib
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Resources = dict[str, dict[str, Any]]

# What is not below /registry: etcd's clients keep locks and the last compaction there.
OTHER = "other"
MOST_RESOURCES = 10_000
MOST_DIFFERENCES = 20


class Content:
    def __init__(self) -> None:
        self.keys: dict[str, int] = {}
        self.sums: dict[str, int] = {}
        # 1: a database has a key without a name, which etcdutl counts, and no member serves.
        self.nameless = 0

    def add(self, key: bytes, value: bytes, mod_revision: int, version: int) -> None:
        name = resource_of(key)
        digest = hashlib.sha256(b"%d %d %d " % (len(key), mod_revision, version) + key + value).digest()
        self.keys[name] = self.keys.get(name, 0) + 1
        # A sum does not ask for an order: a database is read by revision, a member by key.
        self.sums[name] = (self.sums.get(name, 0) + int.from_bytes(digest, "big")) % (1 << 256)

    def total(self) -> int:
        return sum(self.keys.values())

    def resources(self) -> Resources:
        return {name: {"keys": self.keys[name], "hash": f"{self.sums[name]:064x}"} for name in sorted(self.keys)}


def resource_of(key: bytes) -> str:
    """The first part of a key below /registry, with the next one where that is a group."""
    parts = key.split(b"/")
    if len(parts) < 3 or parts[:2] != [b"", b"registry"]:
        return OTHER
    name = parts[2:4] if b"." in parts[2] else parts[2:3]
    path = "/registry/" + b"/".join(name).decode(errors="replace")
    return path if re.fullmatch(r"/registry/[\w.-]{1,253}(/[\w.-]{1,253})?", path, re.ASCII) else OTHER


def differences(wanted: Resources, found: Resources, where: str) -> list[str]:
    """One line a resource, bounded. `where`: who holds what was found."""
    lines = []
    for name in sorted(wanted.keys() | found.keys()):
        want, have = wanted.get(name, {}).get("keys", 0), found.get(name, {}).get("keys", 0)
        if want != have:
            lines.append(f"{name}: the manifest has {want} keys, {where} {have}")
        elif wanted[name]["hash"] != found[name]["hash"]:
            lines.append(f"{name}: {want} keys, and they are others in {where}")
    more = len(lines) - MOST_DIFFERENCES
    return lines if more <= 0 else [*lines[:MOST_DIFFERENCES], f"and {more} more resources"]
