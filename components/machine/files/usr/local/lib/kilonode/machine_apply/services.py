"""Services of either kind: how they are, and which a change concerns."""

from __future__ import annotations

from .static_pods import compare_pods, manifest_path, pod_states
from .systemd import RUNNING, compare_units, is_part_of_unit, unit_states, unit_status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .host import Host
    from .report import Difference
    from .wanted import Wanted

    Json = dict[str, Any]


class States:
    def __init__(self, host: Host, units: Iterable[str], pods: Iterable[str]) -> None:
        self.units = unit_states(host, units)
        self.pods = pod_states(host, pods)

    def up(self, name: str) -> bool:
        if name in self.pods:
            return bool(self.pods[name].sandboxes)
        return self.units[name]["ActiveState"] in RUNNING

    def down(self, name: str) -> bool:
        """A unit that a start would bring up with what is live then."""
        return name in self.units and self.units[name]["ActiveState"] in ("inactive", "failed")

    def status(self) -> Json:
        units = {name: unit_status(state) for name, state in self.units.items()}
        return {**units, **{name: state.status() for name, state in sorted(self.pods.items())}}


def compare_services(wanted: Wanted, states: States) -> list[Difference]:
    return compare_units(wanted, states.units) + compare_pods(states.pods)


def affected(wanted: Wanted, differences: Iterable[Difference]) -> tuple[set[str], set[str]]:
    """Services to restart and those to reload because of what changes. Volumes are never remounted under a database."""
    changed = {d.name for d in differences if d.kind in ("file", "binary") and d.content}
    restart, reload = set(), set()
    for name, service in wanted.services.items():
        if any(is_part_of(path, name, service) for path in changed) or changed & set(service["restartOn"]):
            restart.add(name)
        elif changed & set(service.get("reloadOn", ())):
            reload.add(name)
    return restart, reload


def is_part_of(path: str, name: str, service: Json) -> bool:
    return path == manifest_path(name) if service["kind"] == "static-pod" else is_part_of_unit(path, name)


def changed_settings(former: Wanted | None, wanted: Wanted) -> list[str]:
    """What changes for services, told from the contents alone, so that the output is the same whenever it is asked."""
    before = former.services if former else {}
    kinds = {"unit": "unit", "static-pod": "static pod"}
    lines = []
    for name, service in sorted(wanted.services.items()):
        flags = [("" if service.get(flag, True) else "not ") + flag for flag in ("enabled", "running")]
        settings = ("kind", "enabled", "running")
        if [service.get(field) for field in settings] != [before.get(name, {}).get(field) for field in settings]:
            lines.append(f"{kinds[service['kind']]} {name}: {', '.join(flags)}")
    gone = sorted(before.keys() - wanted.services.keys())
    return lines + [f"{kinds[before[name]['kind']]} {name}: no longer managed" for name in gone]
