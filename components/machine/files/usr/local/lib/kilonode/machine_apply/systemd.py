"""Units of systemd: how they are, where they are not as wanted, and which files are theirs."""

from __future__ import annotations

import os
import re
import time

from .paths import UNIT_FOLDERS, UNITS
from .report import Difference, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .host import Host
    from .wanted import Wanted

    Json = dict[str, Any]
    States = dict[str, dict[str, str]]

ENABLED = ("enabled", "enabled-runtime", "static", "alias", "indirect", "generated")
RUNNING = ("active", "reloading")


def unit_states(host: Host, names: Iterable[str]) -> States:
    """One systemctl call for all units."""
    names = sorted(names)
    if not names:
        return {}
    wanted = "LoadState,ActiveState,SubState,UnitFileState,NRestarts,StateChangeTimestamp"
    shown = host.run("systemctl", "show", "--timestamp=unix", f"--property={wanted}", "--", *names).stdout
    blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in shown.strip().split("\n\n")]
    if len(blocks) != len(names):
        raise Refused(f"`systemctl show` answered for {len(blocks)} of {len(names)} units; is systemd running?")
    return dict(zip(names, blocks))


def compare_units(wanted: Wanted, states: States) -> list[Difference]:
    found = []
    for unit in sorted(wanted.all_units):
        state = states[unit]
        file_state, active = state["UnitFileState"] or state["LoadState"], state["ActiveState"]
        if masked(state):
            if wanted.enabled(unit) or wanted.running(unit):
                found.append(Difference("unit", unit, "not masked", "masked", f"refuse: {unit} is masked"))
            continue
        if wanted.enabled(unit) and file_state not in ENABLED:
            found.append(Difference("unit", unit, "enabled", file_state, f"enable {unit}"))
        elif not wanted.enabled(unit) and file_state in ("enabled", "enabled-runtime"):
            found.append(Difference("unit", unit, "disabled", file_state, f"disable {unit}"))
        if wanted.running(unit) and active not in RUNNING:
            found.append(Difference("unit", unit, "running", f"{active} ({state['SubState']})", f"start {unit}"))
        elif unit in wanted.units and not wanted.running(unit) and active in RUNNING:
            # A oneshot at work is "activating": a timer started it, and it is let finish.
            found.append(Difference("unit", unit, "stopped", f"{active} ({state['SubState']})", f"stop {unit}"))
    return found


def masked(state: dict[str, str]) -> bool:
    return state["LoadState"] == "masked" or state["UnitFileState"].startswith("masked")


def unit_problems(wanted: Wanted, states: States) -> Iterable[str]:
    for unit in sorted(wanted.all_units):
        settings = "running" if wanted.running(unit) else "enabled"
        if masked(states[unit]) and (wanted.running(unit) or wanted.enabled(unit)):
            yield (
                f"{unit} is masked on this host and should be {settings}: somebody masked it by hand. Find out why; then "
                f'`systemctl unmask {unit}` and run again, or plan it with "running": false, "enabled": false'
            )
        if states[unit]["LoadState"] == "not-found" and not wanted.paths & unit_files(unit):
            yield f"{unit}: the host has no such unit and the content no file {UNITS}/{unit}; add it to files"


def unit_files(unit: str) -> set[str]:
    template = re.sub(r"@[^@]*\.", "@.", unit)
    return {f"{folder}/{name}" for folder in UNIT_FOLDERS for name in (unit, template)}


def is_part_of_unit(path: str, unit: str) -> bool:
    """Its unit file, the template that it is an instance of, or a drop-in of them."""
    return path in unit_files(unit) or os.path.dirname(path) in {f"{file}.d" for file in unit_files(unit)}


def last_words(host: Host, unit: str) -> list[str]:
    log = host.run("journalctl", "--unit", unit, "--lines=5", "--output=cat", "--no-pager", allow=(0, 1))
    return [line[:300] for line in log.stdout.strip().splitlines()[-5:]]


def unit_status(state: dict[str, str]) -> Json:
    since = state.get("StateChangeTimestamp", "").lstrip("@")
    return {
        "kind": "unit",
        "active": state["ActiveState"],
        "sub": state["SubState"],
        "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(since))) if since.isdigit() else None,
        "restarts": int(state.get("NRestarts") or 0),
        "masked": masked(state),
    }
