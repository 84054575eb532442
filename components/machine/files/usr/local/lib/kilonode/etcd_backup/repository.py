"""The shard's repository: what restic keeps, and what it is told about each snapshot."""

from __future__ import annotations

import hashlib
import json
import os
import re

from .manifest import LARGEST_BYTES, NUMBERS, TEXTS, matches, read_manifest
from .report import Refused, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .host import Host

    Json = dict[str, Any]

NO_REPOSITORY = 10  # restic's exit code
# restic by itself asks a store that is gone for a quarter of an hour.
ANSWER_SECONDS = float(os.environ.get("KILONODE_ANSWER_SECONDS", "120"))
MARK = "kilonode"
# What a snapshot's tags tell, beside the member, which is its host.
TAGS = ("takenAt", "revision", "hash", "keys", "bytes", "etcdVersion", "sha256")
SNAPSHOT, MANIFEST = "snapshot.db", "manifest.json"


class Repository:
    def __init__(self, host: Host) -> None:
        self.host = host

    def snapshots(self) -> list[Json] | None:
        """The newest last; None where the shard has no repository yet. Without a lock of restic's: it only reads."""
        words = ("restic", "snapshots", "--json", "--no-lock", "--tag", MARK)
        code, printed = self.host.run(*words, allow=(0, NO_REPOSITORY), seconds=ANSWER_SECONDS)
        if code == NO_REPOSITORY:
            return None
        found = [entry_of(snapshot) for snapshot in json.loads(printed or "[]")]
        return sorted((one for one in found if one), key=lambda one: (one["takenAt"], one["id"]))

    def find(self, name: str) -> Json:
        found = self.snapshots() or []
        if name == "latest" and found:
            return found[-1]
        fits = [one for one in found if re.fullmatch(r"[0-9a-f]{8,64}", name) and one["id"].startswith(name)]
        if len(fits) == 1:
            return fits[0]
        known = ", ".join(one["id"][:8] for one in found[-5:]) or "none"
        raise Refused(f"there is no snapshot {name[:64]!r} of shard {self.host.shard}; wants `latest` or an id, the newest are: {known}")

    def keep(self, folder: str, manifest: Json, is_new: bool) -> Json:
        """@returns its id, and how many bytes it added to what was there"""
        if is_new:
            say(f"make the repository of shard {self.host.shard}")
            self.host.run("restic", "init", seconds=ANSWER_SECONDS)
        # A restic that was killed leaves its lock, which nothing but a removal of old data minds.
        self.host.run("restic", "unlock", seconds=ANSWER_SECONDS)
        tags = ",".join([MARK, *(f"{name}={manifest[name]}" for name in TAGS)])
        # Whoever removes old data has the repository for himself meanwhile.
        words = ("restic", "backup", "--json", "--retry-lock=10m", "--host", manifest["member"], "--tag", tags, SNAPSHOT, MANIFEST)
        _, printed = self.host.run(*words, folder=folder)
        for line in reversed(printed.splitlines()):
            told = json.loads(line)
            if told.get("message_type") == "summary":
                return {"id": str(told["snapshot_id"]), "addedBytes": int(told["data_added_packed"])}
        raise Refused("restic did not say what it has kept; look at `etcd-backup list`")

    def fetch(self, entry: Json, folder: str) -> Json:
        """Puts both files there. @returns the manifest. Raises Refused when the snapshot is not what its manifest says."""
        manifest = read_manifest(self.dump(entry, MANIFEST, LARGEST_BYTES))
        wrong = [name for name in TAGS if manifest[name] != entry[name]]
        if wrong:
            raise Refused(f"snapshot {entry['id'][:8]} is listed with another {wrong[0]} than its manifest has: it is broken")
        total = self.dump_to(entry, SNAPSHOT, manifest["bytes"], f"{folder}/{SNAPSHOT}")
        if total != manifest["sha256"]:
            raise Refused(f"snapshot {entry['id'][:8]} is broken: its sum is {total}, its manifest says {manifest['sha256']}")
        with open(f"{folder}/{MANIFEST}", "w", encoding="utf-8") as file:
            json.dump(manifest, file)
        return manifest

    def dump(self, entry: Json, name: str, limit: int) -> bytes:
        data = bytearray()
        self.host.programs.feed(bounded(data.extend, limit, name), *dump_words(entry, name))
        return bytes(data)

    def dump_to(self, entry: Json, name: str, limit: int, path: str) -> str:
        total = hashlib.sha256()
        with open(path, "wb") as file:

            def take(chunk: bytes) -> None:
                file.write(chunk)
                total.update(chunk)

            self.host.programs.feed(bounded(take, limit, name), *dump_words(entry, name))
        return total.hexdigest()


def dump_words(entry: Json, name: str) -> tuple[str, ...]:
    return ("restic", "dump", "--no-lock", entry["id"], f"/{name}")


def bounded(take: Any, limit: int, name: str) -> Any:
    """No member that can write to the repository fills the disk of another one."""
    taken = 0

    def count(chunk: bytes) -> None:
        nonlocal taken
        taken += len(chunk)
        if taken > limit:
            raise Refused(f"{name} of the snapshot has more than the {limit} bytes that it should have: it is broken")
        take(chunk)

    return count


def entry_of(snapshot: Json) -> Json | None:
    """None for what `etcd-backup` has not kept."""
    told = dict(str(tag).partition("=")[::2] for tag in snapshot.get("tags") or [])
    entry: Json = {"id": snapshot.get("id"), **{name: told.get(name) for name in TAGS}, "member": snapshot.get("hostname")}
    numbers = [name for name in TAGS if name in NUMBERS]
    sound = matches(entry["id"], r"[0-9a-f]{64}") and all(matches(entry[name], r"\d{1,19}") for name in numbers)
    if not sound or not all(matches(entry[name], allowed) for name, allowed in TEXTS.items() if name in entry):
        return None
    return {**entry, **{name: int(entry[name]) for name in numbers}}
