"""A Machine and its secret files, with all that follows from them: what is staged, and what was activated last."""

from __future__ import annotations

import hashlib
import json

from .firewall import rules_file
from .paths import ENV_FILE, FIREWALL_FILE, MODULES_FILE, STATE, SYSCTL_FILE, TRAFFIC_FILE, UNITS
from .report import Refused
from .static_pods import manifest_path
from .sysctl import boot_file
from .traffic import plan_file
from .volumes import mount_unit, mount_unit_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .host import Host

    Json = dict[str, Any]

HEAD = "# Written by machine-apply.\n"


class WantedFile:
    def __init__(self, spec: Json, secret: bool, mac: Callable[[bytes], str]) -> None:
        self.mode = int(spec["mode"], 8)
        self.owner: str = spec["owner"]
        self.secret = secret
        self.credential: str | None = spec.get("credential")
        self.data: bytes | None = spec["content"].encode() if "content" in spec else None
        self.digest: str = spec["mac"] if self.data is None else self.digest_of(self.data, mac)

    def digest_of(self, data: bytes, mac: Callable[[bytes], str]) -> str:
        return mac(data) if self.secret else hashlib.sha256(data).hexdigest()


class Wanted:
    """`secrets` as staged (with content) or as recorded when they were activated (with a keyed digest instead)."""

    def __init__(self, host: Host, machine: Json, secrets: Json, generation: int) -> None:
        self.machine = machine
        self.generation = generation
        self.files = {path: WantedFile(spec, False, host.mac) for path, spec in machine["files"].items()}
        for path, spec in secrets.items():
            self.files[path] = WantedFile(spec, True, host.mac)
        for path, text in derived_files(host, machine).items():
            self.files[path] = WantedFile({"content": text, "mode": "0644", "owner": "root:root"}, False, host.mac)
        self.binaries: dict[str, Json] = machine["binaries"]
        self.services: dict[str, Json] = machine["services"]
        self.units = {name for name, service in self.services.items() if service["kind"] == "unit"}
        self.pods = self.services.keys() - self.units
        self.mount_units = {mount_unit(volume["mount"]) for volume in machine["volumes"]}

    @property
    def secrets(self) -> Json:
        files = {path: file for path, file in self.files.items() if file.secret}
        return {p: {"mode": f"{f.mode:04o}", "owner": f.owner, "mac": f.digest} for p, f in files.items()}

    @property
    def digest(self) -> str:
        whole = {"machine": self.machine, "generation": self.generation, "secrets": self.secrets}
        return hashlib.sha256(json.dumps(whole, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    @property
    def paths(self) -> set[str]:
        return self.files.keys() | self.binaries.keys()

    @property
    def all_units(self) -> set[str]:
        return self.units | self.mount_units

    def manifests(self, pods: set[str]) -> set[str]:
        return {manifest_path(name) for name in self.pods & pods}

    def enabled(self, unit: str) -> bool:
        return unit in self.mount_units or bool(self.services[unit]["enabled"])

    def running(self, name: str) -> bool:
        return name in self.pods or (name in self.units and bool(self.services[name]["running"]))


def derived_paths(machine: Json) -> set[str]:
    mounts = {f"{UNITS}/{mount_unit(volume['mount'])}" for volume in machine["volumes"]}
    return mounts | {SYSCTL_FILE, MODULES_FILE, TRAFFIC_FILE, FIREWALL_FILE, ENV_FILE}


def derived_files(host: Host, machine: Json) -> dict[str, str]:
    files = {f"{UNITS}/{mount_unit(v['mount'])}": HEAD + mount_unit_text(v) for v in machine["volumes"]}
    if machine["modules"]:
        files[MODULES_FILE] = HEAD + "".join(f"{name}\n" for name in machine["modules"])
    texts = {SYSCTL_FILE: boot_file(host, machine), TRAFFIC_FILE: plan_file(machine), FIREWALL_FILE: rules_file(machine)}
    for path, text in texts.items():
        if text is not None:
            files[path] = HEAD + text
    return files


def load_staged(host: Host, machine: Json | None = None, generation: int = 0) -> Wanted | None:
    given: Json = {"machine": machine, "generation": generation}
    staged: Json | None = given if machine else host.read_json(f"{STATE}/staged/machine.json")
    if staged is None:
        return None
    content = today(staged["machine"])
    secrets = (host.read_json(f"{STATE}/staged/secrets.json") or {"files": {}})["files"]
    both = sorted(secrets.keys() & (content["files"].keys() | content["binaries"].keys()))
    if both:
        raise Refused(f"{', '.join(both)}: in the content and in the secrets; keep one")
    return Wanted(host, content, secrets, staged["generation"])


def load_active(host: Host) -> tuple[Wanted | None, Json]:
    nothing: Json = {"digest": None, "generation": 0, "degradations": [], "held": {"restart": [], "reload": []}}
    record = host.read_json(f"{STATE}/active/content.json")
    if record is None:
        return None, nothing
    return Wanted(host, today(record["machine"]), record["secrets"], record["generation"]), {**nothing, **record}


def today(machine: Json) -> Json:
    """A Machine that is kept on a host since before services and volumes had their shape of today."""
    if "units" not in machine:
        return machine
    kept = {field: value for field, value in machine.items() if field not in ("host", "units")}
    services = {name: {"kind": "unit", **settings} for name, settings in machine["units"].items()}
    # One that the platform had mounted has no mount unit, and none that it lacks.
    volumes = [{**volume, "device": volume["source"]} for volume in machine["volumes"] if "source" in volume]
    return {**kept, "volumes": volumes, "services": services}
