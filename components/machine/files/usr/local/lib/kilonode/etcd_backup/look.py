"""How the members of the shard are, as `etcd-look` prints it, and whose turn it is to take a backup."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from .report import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .host import Host

LOOK = "/usr/local/lib/kilonode/etcd-look"
NAME = re.compile(r"[A-Za-z0-9._-]{1,253}")
MOST_MEMBERS = 100
# A follower that is no further behind still catches up from the leader's log (DefaultSnapshotCatchUpEntries of etcd): so far, two
# members count as equal, which are never asked at the same instant.
NEAR = 5000


class Member(NamedTuple):
    name: str
    leads: bool
    learner: bool
    # It sees the leader that most see, and its data is not known to differ.
    healthy: bool
    # Entries of the log.
    applied: int
    database_bytes: int
    version: str
    cluster: str


class View(NamedTuple):
    quorum: bool
    members: list[Member]

    def member(self, name: str) -> Member:
        for member in self.members:
            if member.name == name:
                return member
        raise Refused(f"the member {name} does not answer; look at `systemctl status etcd` on this host")


def look(host: Host) -> View:
    code, printed = host.run(host.path(LOOK), allow=(0, 1))
    if code != 0:
        raise Refused(f"the member {host.member} does not answer; look at `systemctl status etcd` on this host")
    return read_view(printed)


def read_view(printed: str) -> View:
    """Of members that answer. Raises Refused when it is not what etcd-look prints."""
    try:
        how, listed, answers = (printed.strip().split("\n") + ["", ""])[:3]
        names = {number(member["ID"]): text(member.get("name", ""), NAME) for member in bounded(json.loads(listed)["members"]) if member.get("name")}
        statuses = [answer["Status"] for answer in bounded(json.loads(answers or "[]") or [])]
        return View(how == "quorum", members(names, statuses))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(f"etcd-look printed something else than expected: {type(error).__name__} {error}"[:300]) from None


def members(names: dict[int, str], statuses: list[Any]) -> list[Member]:
    leaders = [number(status.get("leader", 0)) for status in statuses]
    seen = max(sorted(set(leaders) - {0}), key=leaders.count, default=0)
    errors = "\n".join(text(error, re.compile(r"[\s\S]{0,4096}")) for status in statuses for error in bounded(status.get("errors") or []))
    corrupt = {int(found) for found in re.findall(r"memberID:\s*(\d{1,20})\s+alarm:\s*CORRUPT", errors)}
    found = []
    for status, leader in zip(statuses, leaders):
        own = number(status["header"]["member_id"])
        if own in names:
            found.append(
                Member(
                    name=names[own],
                    leads=own == seen,
                    learner=status.get("isLearner") is True,
                    healthy=seen != 0 and leader == seen and own not in corrupt,
                    applied=number(status.get("raftAppliedIndex", 0)),
                    database_bytes=number(status.get("dbSize", 0)),
                    version=text(status.get("version", ""), re.compile(r"[\w.+-]{0,64}")),
                    cluster=f"{number(status['header']['cluster_id']):x}",
                )
            )
    return found


def order(members: list[Member]) -> list[str]:
    """Who is to take a backup, the best first: least behind, then by name.

    Never the leader, for which all writes wait, while another member is healthy. Never a learner: it is only just joining, and
    the lock of the shard is not to be had from it.
    """
    fit = [member for member in members if member.healthy and not member.learner]
    followers = [member for member in fit if not member.leads]
    furthest = max((member.applied for member in fit), default=0)
    return [member.name for member in sorted(followers or fit, key=lambda one: ((furthest - one.applied) // NEAR, one.name))]


def bounded(values: Any) -> list[Any]:
    if not isinstance(values, list) or len(values) > MOST_MEMBERS:
        raise ValueError(f"wants a list of at most {MOST_MEMBERS}")
    return values


def number(value: Any) -> int:
    """Of 64 bits, as etcdctl prints it: a number, or text."""
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,20}", str(value)):
        raise ValueError(f"wants a number, got {str(value)[:40]!r}")
    return int(value)


def text(value: Any, allowed: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not allowed.fullmatch(value):
        raise ValueError(f"got {str(value)[:40]!r}, wants {allowed.pattern}")
    return value
