"""The last part of an activation: services come up with what is live now, and it is looked whether they did."""

from __future__ import annotations

import os

from .report import Refused, failpoint, say
from .services import States, compare_services
from .static_pods import pod_states, stop_sandboxes, wait_for_pods
from .systemd import RUNNING, compare_units, last_words, unit_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .host import Host
    from .journal import Journal
    from .wanted import Wanted

    Json = dict[str, Any]

# As long as systemd waits for a unit by default, and half as much again for the kubelet to look. Tests wait less.
POD_SECONDS = float(os.environ.get("KILONODE_POD_SECONDS", "135"))


class Restarts:
    def __init__(
        self, host: Host, wanted: Wanted, journal: Journal, states: States, held: set[str], changed: Json
    ) -> None:
        self.host, self.wanted, self.journal, self.states, self.held = host, wanted, journal, states, held
        self.changed, self.done = set(changed["files"]), changed["services"]

    def run(self) -> None:
        self.enable_units()
        failpoint("before-restarts")
        self.move_units()
        self.move_pods()
        for names in self.done.values():
            names.sort()
        failpoint("after-restarts")

    def enable_units(self) -> None:
        own_changed = {unit for unit in self.wanted.all_units if unit_files(unit) & self.changed}
        enable = {d.name for d in compare_units(self.wanted, self.states.units) if d.want == "enabled"}
        enable |= {unit for unit in own_changed if self.wanted.enabled(unit)}  # its [Install] may have changed
        if enable:
            self.host.run("systemctl", "reenable", "--no-reload", "--", *sorted(enable), allow=(0, 1))
            self.done["enabled"] += enable
        if self.journal.daemon_reload or enable:
            self.host.run("systemctl", "daemon-reload")

    def move_units(self) -> None:
        state = {unit: self.states.units[unit]["ActiveState"] for unit in self.wanted.units}
        up = {unit for unit in self.wanted.units if state[unit] in RUNNING + ("activating",)}
        should = {unit for unit in self.wanted.units - self.held if self.wanted.running(unit)}
        restart = should & up & self.journal.restart
        start = {unit for unit in should - restart if state[unit] not in RUNNING}
        reload = should & up & self.journal.reload - start
        # Also forgets how often it was started lately: systemd refuses a sixth start in ten seconds, planned or not.
        reset = restart | {unit for unit in start if state[unit] == "failed"}
        if reset:
            self.host.run("systemctl", "reset-failed", "--", *sorted(reset), allow=(0, 1))
        for waits in (False, True):
            for verb, units in (("restart", restart), ("start", start), ("reload", reload)):
                now = sorted(unit for unit in units if self.wanted.services[unit]["wait"] == waits)
                if now:
                    say(f"{verb} {' '.join(now)}")
                    options = [] if waits else ["--no-block"]
                    # Its exit code is not the answer: check() looks at the units.
                    self.host.run("systemctl", *options, verb, "--", *now, allow=(0, 1, 3, 4, 5))
        self.done["restarted"] += restart
        self.done["started"] += start
        self.done["reloaded"] += reload

    def move_pods(self) -> None:
        """A new manifest the kubelet has seen by itself."""
        changed = {name for name in self.wanted.pods - self.held if self.wanted.manifests({name}) & self.changed}
        owed = self.journal.restart & self.wanted.pods - self.held
        # Asked again: the kubelet may have replaced one meanwhile.
        now = pod_states(self.host, self.wanted.pods) if owed - changed else {}
        for name in sorted(owed - changed):
            say(f"restart {name}")
            stop_sandboxes(self.host, now[name], self.journal.sandboxes.get(name, []))
        was_up = {name for name in self.wanted.pods if self.states.up(name)}
        self.done["restarted"] += owed & was_up
        self.done["started"] += changed - was_up

    def check(self) -> None:
        waited = {name for name in self.wanted.pods - self.held if self.wanted.services[name]["wait"]}
        states = States(self.host, self.wanted.all_units, ())
        states.pods = wait_for_pods(self.host, waited, POD_SECONDS)
        wrong = []
        for difference in compare_services(self.wanted, states):
            name = difference.name
            if name in self.held and difference.want == "running":
                continue
            failed = difference.kind == "unit" and states.units[name]["ActiveState"] == "failed"
            if difference.want != "running" or self.wanted.services[name]["wait"] or failed:
                wrong.append(f"{name} should be {difference.want} and is {difference.have}")
                if difference.want == "running" and difference.kind == "unit":
                    wrong += [f"  | {line}" for line in last_words(self.host, name)]
        if wrong:
            raise Refused(
                "the content is in place, and not all services came up:\n  "
                + "\n  ".join(wrong)
                + "\n  Mend the cause (journalctl --unit NAME tells more of a unit), then run again: it goes on from here."
            )
