"""Keeps new clients away from this host's member, and sends those that are there elsewhere.

What an API server sends to a member that ends in order is answered, or sent again by it on another connection: so a member is closed to new
connections first, then ends. A connection that is being made waits: the kernel of the client asks again for it, a second later, and
nobody sees an error for as long as etcd's client waits for it (20 s).
"""

from __future__ import annotations

import ipaddress
import os
import re
import time
import urllib.request

from machine_apply.report import Refused

from .ctl import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]

TABLE = "inet kilonode_door"
UNIT = "etcd.service"
# Everything but watches, which never end, has its answer by then.
DRAIN_SECONDS = 1.0
MOST_SECONDS = 8.0


def number(word: str) -> int:
    if not re.fullmatch(r"\d{1,19}", word):
        raise ValueError(f"got {word!r}, wants a whole number")
    return int(word)


def addresses(words: list[str]) -> list[str]:
    return [str(ipaddress.ip_address(word)) for word in words]


def state(port: int, known: list[str]) -> Json:
    # 1: there is no such table. What has timed out is not listed any more.
    listed = run("nft", "list", "set", *TABLE.split(), "closed", allow=(0, 1))
    closed = bool(re.search(rf"elements = \{{[^}}]*\b{port} timeout", listed))
    return {"closed": closed, "clients": clients(port, known)}


def clients(port: int, known: list[str]) -> int:
    """Connections to that port, but for this host's own and those of `known`."""
    lines = run("ss", "-Htn", "state", "established", f"sport = :{port}").splitlines()
    pairs = [line.split()[-2:] for line in lines if line.strip()]
    ends = [(place(here), place(there)) for here, there in pairs]
    return sum(1 for here, there in ends if there != here and there not in known)


def place(end: str) -> str:
    """Of `10.0.0.1:2379`, `[::ffff:10.0.0.1]:2379`."""
    address = end.rsplit(":", 1)[0].strip("[]")
    return address[7:] if address.startswith("::ffff:") else address


def close(port: int, seconds: int, known: list[str]) -> Json:
    others = f"ip saddr != {{ {', '.join(known)} }} " if known else ""
    rules = f"""
table {TABLE}
delete table {TABLE}
table {TABLE} {{
  set closed {{ type inet_service; flags timeout; elements = {{ {port} timeout {seconds}s }} }}
  chain clients {{
    type filter hook input priority filter; policy accept;
    iif != lo {others}tcp dport @closed tcp flags & (fin | syn | rst | ack) == syn drop
  }}
}}
"""
    run("nft", "-f", "-", given=rules)
    return state(port, known)


def open_again() -> Json:
    run("nft", "-f", "-", given=f"table {TABLE}\ndelete table {TABLE}\n")
    return {"closed": False}


def drain(port: int, known: list[str]) -> Json:
    """Ends the process as a stop does, but for the watches, which etcd would wait for in vain; systemd starts it again."""
    if not state(port, known)["closed"]:
        raise Refused("new clients are not kept out: they would come back")
    pid = run("systemctl", "show", "--property=MainPID", "--value", UNIT).strip()
    run("systemctl", "kill", "--signal=TERM", "--kill-whom=main", UNIT)
    started = time.monotonic()
    while os.path.exists(f"/proc/{pid}") and pid != "0":
        waited = time.monotonic() - started
        if waited > MOST_SECONDS or (waited > DRAIN_SECONDS and not under_way()):
            # Whatever it has acknowledged is in its log: as after a power cut it goes on from there.
            run("systemctl", "kill", "--signal=KILL", "--kill-whom=main", UNIT, allow=(0, 1))
            break
        time.sleep(0.05)
    # Returns when it has joined again, and its shard has a quorum.
    run("systemctl", "start", UNIT)
    return state(port, known)


def under_way() -> bool:
    """Whether this member has still to answer a write. No answer: it takes none any more."""
    try:
        with urllib.request.urlopen("http://127.0.0.1:2381/metrics", timeout=1) as answer:
            return re.search(r"^etcd_server_proposals_pending [^0]", answer.read(8 << 20).decode(), re.MULTILINE) is not None
    except OSError:
        return False
