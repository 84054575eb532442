"""What machine-apply can be asked to do. Each verb answers with one JSON object."""

from __future__ import annotations

import hashlib
import json
import os
import sys

from .artifacts import Artifacts
from .compare import compare, problems_with_host, without_known
from .credentials import distrusts, partly
from .firewall import compare_firewall
from .paths import PROGRAMS_FILE, RESTORE_HOLD, RESTORE_JOURNAL, RESTORE_LAST, STATE
from .report import Refused
from .services import States, affected, changed_settings, compare_services
from .traffic import compare_traffic
from .volumes import hold_data
from .wanted import load_active, load_staged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .host import Host
    from .report import Difference

    Json = dict[str, Any]


def stage(host: Host, options: Json) -> Json:
    from .content import MACHINE, parse

    machine = parse(sys.stdin.buffer.read(), MACHINE, "the content")
    with host.lock():
        wanted = load_staged(host, machine, options["generation"])
        assert wanted is not None
        former, record = load_active(host)
        artifacts = Artifacts(host)
        artifacts.fetch(machine, former.binaries.values() if former else ())
        problems = problems_with_host(host, wanted, artifacts)
        artifacts.save()
        if problems:
            raise Refused("cannot stage; nothing was changed:\n  " + "\n  ".join(problems))
        differences = compare(host, wanted, artifacts, former.paths if former else ())
        restart = affected(wanted, differences)[0] | set(record["held"]["restart"])
        pending = [d.text for d in without_known(record, differences)] + changed_settings(former, wanted)
        restarts = sorted(name for name in restart if former and name in former.services and wanted.running(name))
        content = {"machine": machine, "generation": wanted.generation}
        host.write(f"{STATE}/staged/machine.json", json.dumps(content).encode())
    # Another one each time: who has staged the same content before does not know what went live in between.
    return {"digest": wanted.digest, "staging": os.urandom(4).hex(), "pending": pending, "restarts": restarts}


def stage_secrets(host: Host, options: Json) -> Json:
    from .content import SECRETS, parse

    secrets = parse(sys.stdin.buffer.read(), SECRETS, "the secrets", secret=True)
    canonical = json.dumps(secrets, sort_keys=True).encode()
    with host.lock():
        digest = host.mac(canonical)
        if host.read(f"{STATE}/staged/secrets.json") != canonical:
            host.write(f"{STATE}/staged/secrets.json", canonical)
    return {"digest": digest, "paths": sorted(secrets["files"])}


def activate(host: Host, options: Json) -> Json:
    from .activation import Activation

    with host.lock():
        wanted = load_staged(host)
        if wanted is None:
            raise Refused("nothing is staged on this host; run `machine-apply stage` first")
        if options["only"]:
            former, _ = load_active(host)
            if former is None:
                raise Refused(f"--only {options['only']}: nothing is active on this host yet; activate all of it")
            wanted = partly(host, former, wanted, options["only"])
        if options["digest"] not in (None, wanted.digest):
            raise Refused(
                f"staged is {wanted.digest}, asked to activate {options['digest']}: it was staged again meanwhile. "
                "Look at what is staged (machine-apply status), then activate that digest"
            )
        return Activation(host, wanted, options["env"], set(options["hold"]), set(options["hold-running"])).run()


def rest(host: Host, options: Json) -> Json:
    """Ends what runs, before the machine is changed. Static pods end with their kubelet, and that with the machine."""
    with host.lock():
        active, _ = load_active(host)
        units = sorted(active.units) if active else []
        if units:
            host.run("systemctl", "stop", "--", *units)
    return {"stopped": units}


def status(host: Host, options: Json) -> Json:
    from .journal import Journal

    staged, (former, record) = load_staged(host), load_active(host)
    parts = {only: partly(host, former, staged, only) for only in ("trust", "show")} if former and staged else {}
    wanted = parts.get(options["only"]) if options["only"] else staged
    journal = Journal(host, record["held"])
    pending: list[str] = []
    restarts: list[str] = []
    used = wanted is not None and former is None and hold_data(host, wanted.machine["volumes"], journal.formatting)
    both = [content for content in (wanted, former) if content]
    units = {unit for content in both for unit in content.all_units}
    states = States(host, units, {name for content in both for name in content.pods})
    if wanted:
        stale = (former.paths if former else set()) | journal.paths
        differences = compare(host, wanted, Artifacts(host), stale)
        restart, reload = affected(wanted, differences)
        restart, reload = restart | journal.restart, reload | journal.reload
        running = {name for name in wanted.services if wanted.running(name) and states.up(name)}
        restarts = sorted(restart & running)
        not_for_us = [d for d in compare_services(wanted, states) if d.kind != "static-pod"]
        pending = [d.text for d in without_known(record, differences + not_for_us)]
        pending += [f"restart {name}" for name in restarts]
        pending += [f"reload {name}" for name in sorted(reload & running - set(restarts))]
        pending += ["complete the activation that was interrupted"] if journal.interrupted else []
    return {
        "staged": wanted.digest if wanted else None,
        "parts": {only: part.digest for only, part in parts.items()},
        "distrusts": former is not None and staged is not None and distrusts(host, former, staged),
        "active": record["digest"],
        "everActivated": former is not None or used,
        "restarts": restarts,
        "pending": pending,
        "services": states.status(),
        "degradations": record["degradations"],
        "restoring": restoring(host),
        "dataOf": (host.read_json(RESTORE_LAST) or {}).get("shard"),
    }


def restoring(host: Host) -> Json | None:
    """The restore of the member's shard that is under way here, and how far it is: see ../etcd_restore."""
    found = host.read_json(RESTORE_JOURNAL) or host.read_json(RESTORE_HOLD)
    return None if found is None else {name: found[name] for name in ("command", "shard", "phase")}


def set_aside(host: Host, options: Json) -> Json:
    from .aside import set_aside as run

    return run(host)


def drift(host: Host, options: Json) -> Json:
    active, record = load_active(host)
    if active is None:
        return {"drift": [], "generation": 0, "programRepairs": program_repairs(host), "everActivated": False}
    # The manifest of a static pod that was held is still to come.
    held = active.manifests(set(record["held"]["restart"]))
    differences: Iterable[Difference] = compare(host, active, Artifacts(host), (), options["full"])
    differences = [d for d in differences if not (d.kind == "file" and d.name in held)]
    differences += compare_services(active, States(host, active.all_units, active.pods))
    differences += compare_traffic(host, active.machine) + compare_firewall(host, active.machine)
    found = [{"kind": d.kind, "name": d.name, "want": d.want, "have": d.have} for d in without_known(record, differences)]
    generation = active.generation + (1 if found else 0)
    return {"drift": found, "generation": generation, "programRepairs": program_repairs(host), "everActivated": True}


def diagnose(host: Host, options: Json) -> Json:
    from .diagnosis import diagnose as down_services

    return {"down": down_services(host)}


def program_repairs(host: Host) -> int:
    """How often the host programs were repaired, and one more when they are not as delivered (lib/kilonode/deliver)."""
    delivered = host.read_json(PROGRAMS_FILE)
    if delivered is None:
        return 1
    sums = delivered["sums"].items()
    sound = all(hashlib.sha256(host.read(path) or b"").hexdigest() == total for path, total in sums)
    return int(delivered["repairs"]) + (0 if sound else 1)
