"""Makes the new data beside the live data, while the member serves."""

from __future__ import annotations

import hashlib
import os
import shutil

from machine_apply.host import Host
from machine_apply.paths import RESTORE_HOLD, RESTORE_JOURNAL
from machine_apply.report import Refused, failpoint

from .member import DOWN, STAGED, UNIT, Member
from .record import FOLDER, forget, is_held, journal_of, keep, say
from .trees import remove_tree, sync_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]

FETCHED = f"{FOLDER}/fetched"
BACKUP = "/usr/local/lib/kilonode/etcd-backup"
OWN = "own"
# What a new log takes before it holds anything: a segment of 64 MB, and the next one ahead.
LOG_BYTES = 128 << 20
SPARE_BYTES = 64 << 20


def stage(host: Host, member: Member, options: Any) -> None:
    journal = journal_of(host)
    if journal and journal["id"] == options.id:
        return
    if journal:
        raise Refused(
            f"another restore ({journal['id']}, of snapshot {journal['snapshot']}) is {journal['phase']} here: finish it, or "
            "take it back with `kilonode etcd restore --abandon`"
        )
    if f"{member.name}={member.peer_url}" not in options.member:
        raise Refused(f"--member: wants {member.name}={member.peer_url} among them, got {', '.join(options.member)}")
    own = options.snapshot == OWN
    if own and (member.active() not in DOWN or not is_held(host)):
        raise Refused(f"the member's own data is copied when nobody writes it; run `etcd-restore hold --shard {options.shard}` first")
    member.wants_volumes()
    wants_guard(host)
    clear(host, member)
    size = os.path.getsize(host.path(f"{member.database}/db")) if own else options.bytes
    wants_room(host, ((member.database, size + SPARE_BYTES), (member.log, LOG_BYTES), *(() if own else ((FOLDER, size + SPARE_BYTES),))))
    source, sha256 = (None, "") if own else fetch(host, options.snapshot)
    say(f"restoring snapshot {options.snapshot} beside the live data")
    made = restore(host, member, options, source)
    failpoint("restored")
    shutil.rmtree(host.path(FETCHED), ignore_errors=True)
    command = options.command or ("recover" if own else "restore")
    fields = {name: getattr(options, name) for name in ("id", "shard", "snapshot", "bytes", "token", "bump")}
    keep(host, RESTORE_JOURNAL, {**fields, "command": command, "members": options.member, "phase": "staged", "sha256": sha256, **made})


def abandon(host: Host, member: Member, options: Any) -> None:
    journal = journal_of(host)
    if journal and journal["phase"] != "staged":
        raise Refused("the data was exchanged already: finish the restore; what was there before it is put aside on the volumes")
    clear(host, member)
    forget(host, RESTORE_JOURNAL)
    if is_held(host):
        forget(host, RESTORE_HOLD)
        host.run("systemctl", "start", "--no-block", UNIT)


def clear(host: Host, member: Member) -> None:
    """What an earlier run, killed or abandoned, has left."""
    for path in (FETCHED, f"{member.database}/{STAGED}", f"{member.log}/{STAGED}"):
        remove_tree(host, path)


def wants_guard(host: Host) -> None:
    """Without it a power cut in the middle of the exchange would let etcd start on half of it."""
    text = (host.read("/usr/local/lib/systemd/system/etcd.service") or b"").decode()
    if f"AssertPathExists=!{RESTORE_HOLD}\n" not in text:
        raise Refused("etcd.service of this host does not know of restores yet; run `kilonode up` first")


def wants_room(host: Host, wanted: tuple[tuple[str, int], ...]) -> None:
    lacks = []
    for path, size in wanted:
        os.makedirs(host.path(path), mode=0o700, exist_ok=True)
        info = os.statvfs(host.path(path))
        free = info.f_bavail * info.f_frsize
        if free < size:
            lacks.append(f"{path} has {free >> 20} MiB free, wants {-(-size >> 20)} MiB: {-(-(size - free) >> 20)} MiB are missing")
    if lacks:
        raise Refused("; ".join(lacks) + ". Remove what is put aside there and not needed (set-aside-...), or give it a larger volume")


def fetch(host: Host, snapshot: str) -> tuple[int, str]:
    """@returns the snapshot, open, and its sum. etcd-backup has compared it with its manifest"""
    os.makedirs(host.path(FETCHED), mode=0o700)
    say(f"fetching snapshot {snapshot}")
    host.run(host.path(BACKUP), "fetch", snapshot, host.path(FETCHED))
    fd = os.open(host.path(f"{FETCHED}/snapshot.db"), os.O_RDONLY | os.O_NOFOLLOW)
    # In a folder of root's, and read by its descriptor.
    os.fchmod(fd, 0o644)
    total = hashlib.sha256()
    while chunk := os.read(fd, 1 << 20):
        total.update(chunk)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd, total.hexdigest()


def restore(host: Host, member: Member, options: Any, source: int | None) -> Json:
    """@returns what the new data is, read back from it"""
    files = () if source is None else (source,)
    path = host.path(f"{member.database}/db") if source is None else f"/proc/self/fd/{source}"
    # Clients wait while the data of a move is made: what it is, is read once, and compared among the members.
    before = member.stored(path, files) if options.bump else None
    bump = (f"--bump-revision={options.bump}", "--mark-compacted") if options.bump else ()
    member.etcdutl(
        "snapshot",
        "restore",
        path,
        f"--name={member.name}",
        f"--initial-cluster={','.join(options.member)}",
        f"--initial-cluster-token={options.token}",
        f"--initial-advertise-peer-urls={member.peer_url}",
        f"--data-dir={host.path(f'{member.database}/{STAGED}')}",
        f"--wal-dir={host.path(f'{member.log}/{STAGED}')}",
        *bump,
        # A copy of a live file has no sum at its end; that of a snapshot is compared.
        f"--skip-hash-check={str(source is None).lower()}",
        files=files,
    )
    made = host.path(f"{member.staged_database}/db")
    after = member.stored(made)
    if before is None:
        # What members know of leases may differ by one that has just ended; what they know of keys may not.
        before, after = after, {**after, "hash": member.hash_of_keys(made)}
    if after["revision"] != before["revision"] + options.bump:
        raise Refused(f"the staged data is at revision {after['revision']}, wants {before['revision']} + {options.bump}; run again")
    for folder in (f"{member.database}/{STAGED}", f"{member.log}/{STAGED}"):
        sync_tree(host.path(folder))
    return {"snapshotRevision": before["revision"], **after}
