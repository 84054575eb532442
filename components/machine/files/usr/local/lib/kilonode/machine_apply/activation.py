"""Makes the staged content live: only what differs, in an order that can be cut off anywhere and run again."""

from __future__ import annotations

import json
import os

from .artifacts import Artifacts
from .compare import compare, problems_with_host
from .files import Replacement
from .firewall import set_firewall
from .journal import Journal
from .paths import STATE, UNIT_FOLDERS
from .report import Difference, Refused, failpoint, say
from .restarts import Restarts
from .services import States, affected
from .static_pods import pod_states
from .sysctl import remember_kernel_values, set_sysctls
from .systemd import compare_units, unit_files, unit_problems
from .traffic import set_traffic_classes
from .volumes import grow_volumes, make_volumes, volume_problems
from .wanted import load_active

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .host import Host
    from .wanted import Wanted

    Json = dict[str, Any]


class Activation:
    """`held` names services that stay as they are, `held_running` those that do so if they run; what they are owed is recorded for
    the next activation."""

    def __init__(
        self, host: Host, wanted: Wanted, environment: dict[str, str], held: set[str], held_running: set[str]
    ) -> None:
        self.host, self.wanted, self.environment = host, wanted, environment
        self.held, self.held_running = held, held_running
        self.former, self.record = load_active(host)
        self.journal = Journal(host, self.record["held"])
        self.artifacts = Artifacts(host)
        self.degradations: list[Json] = []
        self.changed: Json = {kind: [] for kind in ("users", "volumes", "directories", "modules", "binaries", "files")}
        self.changed.update(removed=[], sysctls=[], traffic=False, firewall=False)
        self.changed["services"] = {
            verb: [] for verb in ("restarted", "reloaded", "started", "stopped", "enabled", "disabled")
        }
        former_units = self.former.all_units if self.former else set()
        former_paths = self.former.paths if self.former else set()
        self.stale = (former_paths | self.journal.paths) - wanted.paths
        # A unit that the content had and has no more goes with its file; one that came with the system stays as it is.
        self.gone = {u for u in (former_units | self.journal.units) - wanted.all_units if unit_files(u) & self.stale}

    def run(self) -> Json:
        self.refuse_what_cannot_work()
        differences = compare(self.host, self.wanted, self.artifacts, self.stale)
        self.owe(differences)
        kinds: dict[str, list[Difference]] = {}
        for difference in differences:
            kinds.setdefault(difference.kind, []).append(difference)
            say(difference.text)
        machine = self.wanted.machine
        self.make_users(kinds.get("user", []))
        unmounted = {difference.name for difference in kinds.get("mount", [])}
        self.changed["volumes"] = make_volumes(self.host, machine, unmounted, self.journal)
        grow_volumes(self.host, machine["volumes"], {difference.name for difference in kinds.get("volume", [])})
        self.make_directories(kinds.get("directory", []))
        self.load_modules(kinds.get("module", []))
        self.stop_units()
        remember_kernel_values(self.host, machine)
        self.replace_files(kinds.get("binary", []), kinds.get("file", []))
        self.changed["sysctls"] = set_sysctls(self.host, machine, self.degrade)
        former = self.former.machine if self.former else None
        self.changed["firewall"] = set_firewall(self.host, machine, former, self.degrade)
        self.changed["traffic"] = set_traffic_classes(self.host, machine, former, self.degrade)
        restarts = Restarts(self.host, self.wanted, self.journal, self.states, self.held, self.changed)
        restarts.run()
        restarts.check()
        self.keep_record()
        return {"digest": self.wanted.digest, "generation": self.wanted.generation,
                "changed": self.changed, "degradations": self.degradations}  # fmt: skip

    def refuse_what_cannot_work(self) -> None:
        unknown = sorted((self.held | self.held_running) - self.wanted.services.keys())
        if unknown:
            known = ", ".join(sorted(self.wanted.services)) or "none"
            raise Refused(f"--hold {unknown[0]}: is no service of the staged content, which has: {known}")
        problems = problems_with_host(self.host, self.wanted, self.artifacts)
        problems += volume_problems(self.host, self.wanted.machine["volumes"], self.journal.formatting)
        self.states = States(self.host, self.wanted.all_units | self.gone, ())
        problems += unit_problems(self.wanted, self.states.units)
        if problems:
            raise Refused("cannot activate; nothing was changed:\n  " + "\n  ".join(problems))
        self.states.pods = pod_states(self.host, self.wanted.pods)
        self.held = self.held | {name for name in self.held_running if self.states.up(name)}

    def owe(self, differences: list[Difference]) -> None:
        journal, wanted = self.journal, self.wanted
        restart, reload = affected(wanted, differences)
        journal.restart = (journal.restart | restart) & wanted.services.keys()
        journal.reload = (journal.reload | reload) & wanted.services.keys() - journal.restart
        for name in journal.restart & wanted.pods - self.held:
            if name in restart or name not in journal.sandboxes:
                now = [sandbox.id for sandbox in self.states.pods[name].sandboxes]
                journal.sandboxes[name] = sorted({*journal.sandboxes.get(name, []), *now})
        journal.paths |= wanted.paths | self.stale
        journal.units |= wanted.all_units | self.gone
        journal.daemon_reload |= any(d.name.startswith(UNIT_FOLDERS) for d in differences if d.kind == "file")
        journal.write()
        failpoint("journal-written")

    def make_users(self, differences: list[Difference]) -> None:
        users = self.wanted.machine["users"]
        missing = [d.name for d in differences if d.have == "absent"]
        if missing:
            lines = "".join(f'u {name} {users[name].get("uid", "-")} "Kilonode" {users[name]["home"]}\n' for name in missing)
            root = [f"--root={self.host.root}"] if self.host.root else []
            self.host.run("systemd-sysusers", *root, "-", stdin=lines)
        for difference in differences:
            if difference.have != "absent":
                self.host.run("usermod", "--home", users[difference.name]["home"], difference.name)
            self.changed["users"].append(difference.name)

    def make_directories(self, differences: list[Difference]) -> None:
        for path in sorted(difference.name for difference in differences):
            spec = self.wanted.machine["directories"][path]
            self.host.own(path, spec["owner"], int(spec["mode"], 8))
            self.changed["directories"].append(path)

    def load_modules(self, differences: list[Difference]) -> None:
        for name in [difference.name for difference in differences]:
            try:
                self.host.run("modprobe", "--", name)
                self.changed["modules"].append(name)
            except Refused as error:
                self.degrade(f"module {name}", "loaded", "absent", str(error))

    def stop_units(self) -> None:
        """First of all changes to units: what must not run must not see new files, and what goes needs its file to go."""
        units, done = self.states.units, self.changed["services"]
        differences = compare_units(self.wanted, units)
        stop = {d.name for d in differences if d.want == "stopped"}
        stop |= {unit for unit in self.gone if not unit.endswith(".mount")}  # a volume stays mounted: it holds data
        done["stopped"] = sorted(unit for unit in stop if units[unit]["ActiveState"] not in ("inactive", "failed"))
        if done["stopped"]:
            say(f"stop {' '.join(done['stopped'])}")
            self.host.run("systemctl", "stop", "--", *done["stopped"])
        disable = {d.name for d in differences if d.want == "disabled"}
        disable |= {unit for unit in self.gone if units[unit]["UnitFileState"].startswith("enabled")}
        if disable:
            self.host.run("systemctl", "disable", "--no-reload", "--", *sorted(disable))
        done["disabled"] = sorted(disable)

    def replace_files(self, binaries: list[Difference], files: list[Difference]) -> None:
        """The manifest of a static pod that is held stays: the kubelet would act on a new one at once."""
        held = self.wanted.manifests(self.held)
        names = [difference.name for difference in files if difference.want != "absent" and difference.name not in held]
        gone = [difference.name for difference in files if difference.want == "absent"]
        replacement = Replacement(self.host, self.wanted, self.artifacts)
        try:
            replacement.prepare([difference.name for difference in binaries], names, self.environment)
        except BaseException:
            self.journal.take_back()
            raise
        failpoint("files-ready")
        replacement.go_live(gone)
        self.artifacts.save()
        failpoint("files-live")
        self.changed.update(binaries=[difference.name for difference in binaries], files=names, removed=gone)

    def keep_record(self) -> None:
        failpoint("before-record")
        wanted, journal = self.wanted, self.journal
        later = {name for name in self.held if not self.states.down(name)}
        held = {"restart": sorted(journal.restart & later), "reload": sorted(journal.reload & later)}
        record = {"digest": wanted.digest, "generation": wanted.generation, "machine": wanted.machine,
                  "secrets": wanted.secrets, "degradations": self.degradations, "held": held}  # fmt: skip
        if record != self.record:
            self.host.write(f"{STATE}/active/content.json", json.dumps(record).encode())
        for path in journal.paths if journal.interrupted else ():
            self.host.discard(path)  # what a killed run left
        journal.close()
        self.artifacts.save()

    def degrade(self, what: str, wanted: str, got: str, why: str) -> None:
        say(f"degraded: {what}: wanted {wanted}, got {got}: {why}")
        self.degradations.append({"what": what, "wanted": wanted, "got": got, "why": why})
