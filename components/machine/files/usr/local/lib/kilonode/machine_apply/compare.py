"""What the live host lacks of the content, and what makes an activation impossible."""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from .firewall import firewall_problems
from .paths import MANIFESTS, NOT_READY
from .report import Difference, Refused
from .static_pods import pod_problems
from .sysctl import compare_sysctls
from .volumes import apart_problems, compare_volumes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .artifacts import Artifacts
    from .host import Host
    from .wanted import Wanted

    Json = dict[str, Any]


def compare(
    host: Host, wanted: Wanted, artifacts: Artifacts, stale: Iterable[str], full: bool = False
) -> list[Difference]:
    """Everything but the state of services, of the firewall and of traffic classes, which take a command each."""
    machine = wanted.machine
    return [
        *compare_users(host, machine),
        *compare_volumes(host, machine["volumes"]),
        *compare_directories(host, machine),
        *compare_modules(host, machine),
        *compare_binaries(wanted, artifacts, full),
        *compare_files(host, wanted),
        *compare_stale(host, set(stale) - wanted.paths),
        *compare_sysctls(host, machine),
    ]


def compare_users(host: Host, machine: Json) -> Iterable[Difference]:
    accounts = host.accounts("/etc/passwd")
    for name, user in sorted(machine["users"].items()):
        want = f"home {user['home']}"
        have = f"home {accounts[name][5]}" if name in accounts else "absent"
        if have != want:
            yield Difference("user", name, want, have, f"make user {name}, {want}")


def compare_directories(host: Host, machine: Json) -> Iterable[Difference]:
    for path, spec in sorted(machine["directories"].items()):
        want = f"{int(spec['mode'], 8):04o} {spec['owner']}"
        have = host.ownership(path, stat.S_ISDIR, spec["owner"])
        if want != have:
            yield Difference("directory", path, want, have, f"make directory {path} ({want}; is {have})")


def compare_modules(host: Host, machine: Json) -> Iterable[Difference]:
    for name in machine["modules"]:
        if not module_loaded(host, name):
            yield Difference("module", name, "loaded", "absent", f"load module {name}")


def module_loaded(host: Host, name: str) -> bool:
    name = name.replace("-", "_")
    if os.path.isdir(host.path(f"/sys/module/{name}")):
        return True
    built_in = (host.read(f"/lib/modules/{os.uname().release}/modules.builtin") or b"").decode().replace("-", "_")
    return f"/{name}.ko\n" in built_in


def compare_binaries(wanted: Wanted, artifacts: Artifacts, full: bool) -> Iterable[Difference]:
    for path, binary in sorted(wanted.binaries.items()):
        have = artifacts.state(path, binary, full)
        if have:
            want = f"{binary['name']} {binary['version']}"
            yield Difference("binary", path, want, have, f"install {path}: {want}", not have.startswith("mode"))


def compare_files(host: Host, wanted: Wanted) -> Iterable[Difference]:
    for path, file in sorted(wanted.files.items()):
        want = f"{file.mode:04o} {file.owner}"
        have = host.ownership(path, stat.S_ISREG, file.owner)
        if have == "absent":
            yield Difference("file", path, want, have, f"create {path}")
            continue
        data = host.read(path) if have[0].isdigit() else None
        if data is None or file.digest_of(data, host.mac) != file.digest:
            change = "other secret" if file.secret else "other content"
            yield Difference("file", path, f"{want} as activated", f"{have} {change}", f"change {path}")
        elif want != have:
            yield Difference("file", path, want, have, f"change {path}: {have} -> {want}", False)


def compare_stale(host: Host, stale: set[str]) -> Iterable[Difference]:
    for path in sorted(stale):
        if os.path.lexists(host.path(path)):
            yield Difference("file", path, "absent", "present", f"remove {path}")


def without_known(record: Json, differences: Iterable[Difference]) -> list[Difference]:
    """Without what the last activation reported as impossible on this host."""
    known = {(degradation["what"], degradation["wanted"]) for degradation in record["degradations"]}
    return [d for d in differences if (d.what, d.want.replace("at least ", "")) not in known]


def problems_with_host(host: Host, wanted: Wanted, artifacts: Artifacts) -> list[str]:
    """What makes an activation impossible, as far as it can be told without changing anything."""
    problems = (host.read(NOT_READY) or b"").decode(errors="replace").splitlines()
    problems += artifacts.errors(wanted.binaries)
    made = wanted.machine["users"].keys()
    users, groups = host.accounts("/etc/passwd").keys() | made, host.accounts("/etc/group").keys() | made
    owned = {path: file.owner for path, file in wanted.files.items()}
    owned.update({path: spec["owner"] for path, spec in wanted.machine["directories"].items()})
    owned.update({volume["mount"]: volume["owner"] for volume in wanted.machine["volumes"]})
    for path, owner in sorted(owned.items()):
        user, group = owner.split(":")
        if user not in users or group not in groups:
            problems.append(f'{path}: owner "{owner}" does not exist on this host; add it to users')
    for path in sorted(wanted.paths):
        if os.path.isdir(host.path(path)) and not os.path.islink(host.path(path)):
            problems.append(f"{path}: is a directory on this host, wants a file; move it away")
    problems += link_problems(host, {os.path.dirname(path) for path in wanted.paths} | owned.keys() - wanted.files.keys())
    problems += user_problems(host, wanted.machine["users"])
    problems += apart_problems(host, wanted.machine["volumes"])
    problems += firewall_problems(wanted.machine)
    return problems + pod_problems(host, wanted.pods)


def link_problems(host: Host, directories: Iterable[str]) -> Iterable[str]:
    for path in sorted(directories):
        try:
            with suppress(FileNotFoundError, NotADirectoryError), host.directory(path):
                pass
        except Refused as error:
            yield str(error)


def user_problems(host: Host, users: Json) -> Iterable[str]:
    """A number cannot be changed under what the user owns and runs."""
    accounts = host.accounts("/etc/passwd")
    for name, user in sorted(users.items()):
        for other, fields in accounts.items():
            if "uid" in user and (other == name) != (fields[2] == str(user["uid"])):
                wants = f"wants uid {user['uid']} for {name}, by which its pod runs"
                yield f"user {other}: has uid {fields[2]} on this host, {wants}; remove that user, or make the host anew"


def in_order(path: str) -> tuple[bool, str]:
    """Manifests last: the kubelet acts on one at once, and what it reads from the host must be there."""
    return path.startswith(f"{MANIFESTS}/"), path
