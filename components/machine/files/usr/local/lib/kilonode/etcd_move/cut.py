"""Removes members from the shard while nobody writes: what each of them has then is the same, and stays so.

Entries of the log that come between two removals would be in the data of the later one alone. So clients are held meanwhile (hold-clients,
by whoever calls this), all members must have the same first, and no removal begins when the hold is about to end. Whether it was the same
is found out afterwards, from the data of each.
"""

from __future__ import annotations

import re
import time

from machine_apply.report import Refused

from .ctl import etcdctl, etcdctl_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Json = dict[str, Any]


def member_id(word: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{1,16}", word):
        raise ValueError(f"got {word!r}, wants the hexadecimal id of a member")
    return word


def cut(milliseconds: int, ids: list[str]) -> Json:
    started = time.monotonic()

    def left() -> float:
        return milliseconds / 1000 - (time.monotonic() - started)

    if not ids:
        raise ValueError("wants the id of a member")
    removed: list[str] = []
    why, revision = "", 0
    try:
        revision = same(left)
        for one in ids:
            if left() <= 0:
                raise Refused("clients are not held for long enough")
            etcdctl("member", "remove", one)
            removed.append(one)
    except Refused as error:
        # For instance "unhealthy cluster": etcd removes nobody while a connection that the quorum may need is younger than 5 s.
        why = str(error)[:500]
    return {"revision": revision, "removed": removed, "why": why, "milliseconds": round((time.monotonic() - started) * 1000)}


def same(left: Callable[[], float]) -> int:
    """@returns the revision, when all members have applied all that there is"""
    while True:
        found = [one["Status"] for one in etcdctl_json("--command-timeout=2s", "endpoint", "status", "--cluster")]
        places = {(one["raftIndex"], one["raftAppliedIndex"], one["header"]["revision"]) for one in found}
        if len(places) == 1:
            index, applied, revision = places.pop()
            if index == applied:
                return int(revision)
        if left() <= 0:
            raise Refused(f"members do not come to the same while clients are held: {sorted(places)}")
        time.sleep(0.02)
