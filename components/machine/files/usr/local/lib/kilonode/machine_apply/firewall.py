"""Who may open connections to the host, by its own program (files/usr/local/sbin/host-firewall)."""

from __future__ import annotations

import os

from .paths import FIREWALL_FILE, FIREWALL_PROGRAM
from .report import Difference, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from .host import Host

    Json = dict[str, Any]

TABLE = "inet kilonode_firewall"
# Only a packet that opens a TCP connection is judged, and nothing is tracked: a table of all connections would be one more thing that
# can be full, and open connections outlive every change of the rules. ICMP (1) and ICMPv6 (58) by number: a small system has no names
# for them. UDP: what answers DNS, DHCP and NTP, since no service of a host listens. Drops are counted: `nft list table inet
# kilonode_firewall` shows whether it was the firewall.
HEAD = f"""table {TABLE}
delete table {TABLE}
table {TABLE} {{
  chain input {{
    type filter hook input priority filter; policy drop;
    iifname "lo" accept
    tcp flags & (syn | ack) != syn accept
    meta l4proto {{ 1, 58 }} accept
    udp sport {{ 53, 67, 123, 547 }} accept
"""
TAIL = """    counter drop
  }
}
"""


def rules_file(machine: Json) -> str | None:
    if "firewall" not in machine:
        return None
    rules = [
        f'    ip saddr {{ {", ".join(one["from"])} }} tcp dport {one["port"]} accept comment "{one["name"]}"\n'
        for one in machine["firewall"]["allowed"]
        if one["from"]
    ]
    return HEAD + "".join(rules) + TAIL


def compare_firewall(host: Host, machine: Json) -> list[Difference]:
    if "firewall" not in machine or host.read(FIREWALL_PROGRAM) is None:
        return []
    done = host.run(host.path(FIREWALL_PROGRAM), "check", allow=(0, 3, 4))
    have = done.stderr.strip()
    return [Difference("firewall", "rules", "as planned", have, "load firewall rules")] if done.returncode else []


def set_firewall(host: Host, machine: Json, former: Json | None, degrade: Callable[[str, str, str, str], None]) -> bool:
    """@returns whether something was changed"""
    program = host.path(FIREWALL_PROGRAM)
    if "firewall" not in machine:
        if former and "firewall" in former and os.path.exists(program):
            host.run(program, "remove", allow=(0, 4))
            return True
        return False
    if not os.path.exists(program):
        raise Refused(f"a firewall is planned and {FIREWALL_PROGRAM} is missing; add it to files")
    if not compare_firewall(host, machine):
        return False
    done = host.run(program, "apply", allow=(0, 4))
    if done.returncode == 4:
        degrade("firewall rules", "as planned", "none", done.stderr.strip())
    return done.returncode == 0


def firewall_problems(machine: Json) -> Iterable[str]:
    """A plan that would shut out who brings it is a mistake that nobody could take back."""
    came = connection() if "firewall" in machine else None
    if came is None:
        return
    client, port = came
    allowed = [source for one in machine["firewall"]["allowed"] if one["port"] == port for source in one["from"]]
    if not any(within(client, source) for source in allowed):
        yield (
            f"firewall: this login comes from {client} to port {port}, which the plan opens to {', '.join(allowed) or 'nobody'}: "
            "no one could log in from there again; add its range to network.operators"
        )


def connection() -> tuple[str, int] | None:
    """The client's address and the server's port of the SSH connection in which this runs. sudo hides it, the processes above have it."""
    process = os.getpid()
    while process > 1:
        try:
            with open(f"/proc/{process}/environ", "rb") as file:
                variables = file.read().split(b"\0")
            with open(f"/proc/{process}/stat", "rb") as file:
                process = int(file.read().rpartition(b")")[2].split()[1])
        except OSError:
            return None
        for variable in variables:
            name, _, value = variable.decode(errors="replace").partition("=")
            words = value.split()
            if name == "SSH_CONNECTION" and len(words) == 4:
                return words[0], int(words[3])
    return None


def within(address: str, source: str) -> bool:
    from ipaddress import ip_address, ip_network

    client = ip_address(address)
    if "-" not in source:
        return client in ip_network(source)
    first, last = (ip_address(end) for end in source.split("-"))
    return client.version == first.version and int(first) <= int(client) <= int(last)
