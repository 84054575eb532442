"""Egress priorities, by their own program (files/usr/local/sbin/traffic-classes)."""

from __future__ import annotations

import os

from .paths import TRAFFIC_PROGRAM
from .report import Difference, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .host import Host

    Json = dict[str, Any]


def plan_file(machine: Json) -> str | None:
    if "traffic" not in machine:
        return None
    classes = machine["traffic"]["classes"]
    return "".join(f"band {c['band']} {' '.join(map(str, c['ports']))} # {c['name']}\n" for c in classes)


def compare_traffic(host: Host, machine: Json) -> list[Difference]:
    if "traffic" not in machine or host.read(TRAFFIC_PROGRAM) is None:
        return []
    done = host.run(host.path(TRAFFIC_PROGRAM), "check", allow=(0, 3, 4))
    have = (done.stderr or done.stdout).strip()
    return [Difference("traffic", "classes", "as planned", have, "apply traffic classes")] if done.returncode else []


def set_traffic_classes(
    host: Host, machine: Json, former: Json | None, degrade: Callable[[str, str, str, str], None]
) -> bool:
    """@returns whether something was changed"""
    program, changed = host.path(TRAFFIC_PROGRAM), False
    if "traffic" not in machine:
        if former and "traffic" in former and os.path.exists(program):
            host.run(program, "remove")
            return True
        return False
    if not os.path.exists(program):
        raise Refused(f"traffic classes are planned and {TRAFFIC_PROGRAM} is missing; add it to files")
    if compare_traffic(host, machine):
        done = host.run(program, "apply", allow=(0, 4))
        changed = done.returncode == 0
        if done.returncode == 4:
            degrade("traffic classes", "as planned", "none", done.stderr.strip())
    form = host.run(program, "form", allow=(0, 4)).stdout.strip()
    if form and not form.startswith("prio"):
        degrade("traffic form", "prio", form, "this kernel has no sch_prio; the same classes, made with htb")
    return changed
