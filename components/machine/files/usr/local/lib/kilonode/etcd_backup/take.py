"""One run of the timer: whose turn it is takes a backup, the others see that it was taken."""

from __future__ import annotations

import calendar
import os
import time

from .host import stamp
from .lock import shard_lock
from .look import Member, look, order
from .report import Busy, Refused, failpoint, say
from .repository import Repository
from .snapshot import take_snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .host import Host

    Json = dict[str, Any]

# What a member gives each one before it to begin with its backup.
TURN_SECONDS = float(os.environ.get("KILONODE_TURN_SECONDS", "60"))
# A whole backup of another member may be under way.
LOCK_SECONDS = float(os.environ.get("KILONODE_LOCK_SECONDS", "1800"))
# A clock that is further ahead is wrong: what it has stamped must not keep others from their work for ever.
AHEAD_SECONDS = 300


class Take:
    def __init__(self, host: Host, now: bool) -> None:
        self.host, self.now, self.started = host, now, time.time()
        self.repository = Repository(host)
        self.newest: Json | None = host.last().get("newest")

    def run(self) -> Json:
        try:
            done = self.work()
        except Busy:
            # Which will remember what comes of its work.
            raise
        except (Refused, OSError) as error:
            self.remember({"result": "failed", "error": str(error)[:500]})
            raise
        return self.remember(done)

    def work(self) -> Json:
        turn = self.turn()[0]
        if turn is None:
            return {"result": "elsewhere"}
        if turn > 0 and not self.now:
            time.sleep(turn * TURN_SECONDS)
            if fresh(self.look_back(), self.started - self.host.settings.every_seconds / 2, time.time()):
                return {"result": "elsewhere"}
        with self.host.folder("work") as folder, shard_lock(self.host, LOCK_SECONDS) as lock:
            # What happened while another one had the lock.
            found = self.look_back()
            turn, member = self.turn()
            done = fresh(found, self.started - self.host.settings.every_seconds / 2, time.time())
            if turn is None or (done and not self.now):
                return {"result": "elsewhere"}
            manifest = take_snapshot(self.host, member, folder)
            lock.check()
            say("hand it to the store")
            kept = self.repository.keep(folder, manifest, found is None)
            failpoint("kept")
            self.newest = {"id": kept["id"], **{name: manifest[name] for name in ("takenAt", "revision", "bytes")}}
            return {"result": "ok", **kept, "revision": manifest["revision"], "bytes": manifest["bytes"]}

    def turn(self) -> tuple[int | None, Member]:
        """How many come before this member; None: another one takes it."""
        view = look(self.host)
        if not view.quorum:
            raise Refused(
                f"shard {self.host.shard} has no quorum, so nothing is taken: no member knows whether its data is that of the shard. "
                "Look at `kilonode status`"
            )
        member, names = view.member(self.host.member), order(view.members)
        if self.now and (member.learner or not member.healthy):
            raise Refused(f"{member.name} is no member to take a backup of; those are: {', '.join(names) or 'none'}")
        if self.now:
            return 0, member
        return (names.index(member.name) if member.name in names else None), member

    def look_back(self) -> list[Json] | None:
        found = self.repository.snapshots()
        if found:
            self.newest = {name: found[-1][name] for name in ("id", "takenAt", "revision", "bytes")}
        return found

    def remember(self, done: Json) -> Json:
        """The newest snapshot that this member knows of goes with it, whoever took it."""
        ended = time.time()
        record = {**done, "at": stamp(ended), "seconds": round(ended - self.started, 1)}
        if self.newest:
            record["newest"] = self.newest
        self.host.remember(record)
        return record


def fresh(snapshots: list[Json] | None, since: float, now: float) -> bool:
    """Whether one was taken since then."""
    return any(since <= moment(one["takenAt"]) <= now + AHEAD_SECONDS for one in snapshots or [])


def moment(text: str) -> float:
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))
