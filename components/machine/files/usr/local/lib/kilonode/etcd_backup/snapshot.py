"""Takes a snapshot of the member, and proves it by a sample restore."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time

from .database import read_database
from .host import need_room, stamp, write
from .manifest import VERSION
from .report import Refused, failpoint, say
from .repository import MANIFEST, SNAPSHOT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .host import Host
    from .look import Member

    Json = dict[str, Any]

# Of the only member of a restored folder, and of the socket that others would reach it by.
RESTORED = "restored"
PEER = "unix://peer.sock"


def take_snapshot(host: Host, member: Member, folder: str) -> Json:
    """Both files in the folder. @returns the manifest"""
    need_room(folder, member.database_bytes)
    path = f"{folder}/{SNAPSHOT}"
    taken = stamp(time.time())
    say(f"save a snapshot of {member.name}, {member.database_bytes >> 20} MiB")
    host.run("etcdctl", "snapshot", "save", path)
    failpoint("saved")
    status = json.loads(host.run("etcdutl", "snapshot", "status", path, "--write-out=json")[1])
    say("restore it beside, as a sample")
    restore(host, path, f"{folder}/{RESTORED}")
    revision, content = read_database(f"{folder}/{RESTORED}/member/snap/db")
    shutil.rmtree(f"{folder}/{RESTORED}")
    counted = content.total() + content.nameless
    if (revision, counted) != (status["revision"], status["totalKey"]):
        raise Refused(
            f"the sample restore has {counted} keys at revision {revision}, its snapshot {status['totalKey']} at "
            f"{status['revision']}: the snapshot is no good. Look at the member's disk; the next try takes another one"
        )
    manifest = {
        "version": VERSION,
        "shard": host.shard,
        "member": member.name,
        "takenAt": taken,
        "revision": revision,
        "hash": f"{status['hash']:08x}",
        "keys": content.total(),
        "bytes": os.path.getsize(path),
        "sha256": sum_of(path),
        "etcdVersion": member.version,
        "clusterId": member.cluster,
        "resources": content.resources(),
    }
    write(f"{folder}/{MANIFEST}", json.dumps(manifest, indent=1).encode())
    failpoint("verified")
    return manifest


def restore(host: Host, path: str, data: str) -> None:
    """etcdutl compares the sum that the snapshot ends with."""
    cluster = (f"--name={RESTORED}", f"--initial-cluster={RESTORED}={PEER}", f"--initial-advertise-peer-urls={PEER}")
    host.run("etcdutl", "snapshot", "restore", path, f"--data-dir={data}", *cluster)


def sum_of(path: str) -> str:
    total = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            total.update(chunk)
    return total.hexdigest()
