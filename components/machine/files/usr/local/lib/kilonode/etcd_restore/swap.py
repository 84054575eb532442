"""The exchange: the member ends, its data is put aside, what was staged takes its place.

The hold is on the disk before anything is moved, so that no boot and no person starts etcd on half of it, and the journal says which
half is next. Moves are renames within a volume, so each of them is done or is not.
"""

from __future__ import annotations

import os
import time

from machine_apply.aside import folder_name, put_aside
from machine_apply.files import quoted
from machine_apply.host import Host
from machine_apply.paths import ENV_FILE, RESTORE_HOLD, RESTORE_JOURNAL
from machine_apply.report import Refused, failpoint

from .member import DOWN, GATES, STAGED, UNIT, Member
from .record import LAST, forget, is_held, journal_of, keep, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]


def hold(host: Host, member: Member, options: Any) -> None:
    end(host, member, {"command": options.command, "shard": options.shard})


def end(host: Host, member: Member, why: Json) -> None:
    if not is_held(host):
        keep(host, RESTORE_HOLD, {**why, "phase": "held"})
    failpoint("held")
    if member.active() not in DOWN:
        say(f"stop {UNIT}")
        host.run("systemctl", "stop", UNIT)
    if member.active() not in DOWN:
        raise Refused(f"{UNIT} is {member.active()} after it was stopped; look at its log, then run again")


def swap(host: Host, member: Member, options: Any) -> None:
    journal = journal_of(host)
    if journal is None:
        raise Refused("nothing is staged on this host; run `etcd-restore stage` first")
    if journal["phase"] == "swapped":
        return
    member.wants_volumes()
    # Not beside an activation, which mounts volumes and gives folders their owner.
    with host.lock():
        end(host, member, {"command": journal["command"], "shard": journal["shard"]})
        if journal["phase"] == "staged":
            journal = reach(host, journal, "aside", folder=folder_name())
        if journal["phase"] == "aside":
            for mount in member.volumes:
                put_aside(host, mount, journal["folder"], STAGED)
                failpoint("one-aside")
            journal = reach(host, journal, "place")
        failpoint("placing")
        place(host, member)
        # Read only by a member without data, and then it does not start: see ownDataEnv (components/rollout/etcd/bootstrap.ts).
        settings = {**dict(options.env), **member.first_start}
        lines = "".join(f"{name}={quoted(value)}\n" for name, value in sorted(settings.items()))
        if lines:
            host.write(ENV_FILE, lines.encode(), 0o644)
        reach(host, journal, "swapped")


def reach(host: Host, journal: Json, phase: str, **more: str) -> Json:
    reached = {**journal, **more, "phase": phase}
    keep(host, RESTORE_JOURNAL, reached)
    failpoint(phase)
    return reached


def place(host: Host, member: Member) -> None:
    """What a run before has moved already is not there any more."""
    if os.path.isdir(host.path(member.staged_database)):
        with host.directory(member.staged_database) as staged, host.directory(member.database) as live:
            for entry in sorted(os.listdir(staged)):
                os.rename(entry, entry, src_dir_fd=staged, dst_dir_fd=live)
                failpoint("one-placed")
            os.fsync(live)
    if os.path.isdir(host.path(f"{member.log}/{STAGED}")):
        with host.directory(member.log) as log:
            os.rename(STAGED, member.log_name, src_dir_fd=log, dst_dir_fd=log)
            os.fsync(log)
    for folder in (f"{STAGED}/member/snap", f"{STAGED}/member", STAGED):
        if os.path.isdir(host.path(f"{member.database}/{folder}")):
            os.rmdir(host.path(f"{member.database}/{folder}"))


def start(host: Host, member: Member, options: Any) -> None:
    journal = journal_of(host)
    if journal is None or journal["phase"] != "swapped":
        raise Refused(f"the data is not exchanged yet ({journal['phase'] if journal else 'nothing is staged'}); run `etcd-restore swap` first")
    forget(host, RESTORE_HOLD)
    failpoint("let-go")
    host.run("systemctl", "reset-failed", UNIT, allow=(0, 1))
    host.run("systemctl", "start", "--no-block", UNIT)


def release(host: Host, member: Member, options: Any) -> None:
    if journal_of(host) is not None:
        raise Refused("a restore is under way here: finish or abandon it")
    forget(host, RESTORE_HOLD)


def finish(host: Host, member: Member, options: Any) -> None:
    journal = journal_of(host)
    if journal is None:
        return
    if journal["phase"] != "swapped" or is_held(host):
        raise Refused(f"the restore is {journal['phase']}{' and the member is held' if is_held(host) else ''}; it is not done")
    aside = [f"{mount}/{journal['folder']}" for mount in member.volumes if os.path.isdir(host.path(f"{mount}/{journal['folder']}"))]
    fields = {name: journal[name] for name in ("id", "snapshot", "revision", "shard", "command")}
    forget_first_start(host)
    keep(host, LAST, {**fields, "at": int(time.time()), "aside": aside})
    failpoint("noted")
    forget(host, RESTORE_JOURNAL)


def forget_first_start(host: Host) -> None:
    text = (host.read(ENV_FILE) or b"").decode()
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith(f"{GATES}=")]
    if "".join(lines) != text:
        host.write(ENV_FILE, "".join(lines).encode(), 0o644)
