"""Kernel settings: what is wanted of them, what is live, and what the file says that is read at boot."""

from __future__ import annotations

import errno
import json

from .paths import STATE, SYSCTL_FILE
from .report import Difference, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from .host import Host

    Json = dict[str, Any]

FOUND_FILE = f"{STATE}/sysctls-found.json"


def numbers(text: str) -> list[int] | None:
    fields = text.split()
    return [int(f) for f in fields] if fields and all(f.isdigit() for f in fields) else None


def satisfies(live: str | None, sysctl: Json) -> bool:
    if live is None:
        return False
    have, want = numbers(live), numbers(sysctl["value"])
    if sysctl["floor"] and have and want and len(have) == len(want):
        return all(h >= w for h, w in zip(have, want))
    return bool(live.split() == sysctl["value"].split())


def path_of(key: str) -> str:
    dots_separate = key.find("/") == -1 or -1 < key.find(".") < key.find("/")
    return "/proc/sys/" + (key.translate(str.maketrans("./", "/.")) if dots_separate else key)


def live_value(host: Host, key: str) -> str | None:
    try:
        data = host.read(path_of(key))
    except OSError:  # write-only
        return None
    return None if data is None else " ".join(data.decode().split())


def targets(host: Host, machine: Json) -> dict[str, tuple[str, str | None]]:
    """Key to (value for the file that is read at boot, the kernel's own value).

    A floor that the kernel already exceeds must not be in the file, or the next boot would lower it. The kernel's own
    value is what was live before the key was first in our file; it is remembered from then on.
    """
    ours = {line.split(" = ")[0] for line in (host.read(SYSCTL_FILE) or b"").decode().splitlines()}
    remembered = host.read_json(FOUND_FILE) or {}
    result: dict[str, tuple[str, str | None]] = {}
    for key, sysctl in machine["sysctls"].items():
        found = remembered.get(key) if key in ours and key in remembered else live_value(host, key)
        value, have, want = sysctl["value"], numbers(found or ""), numbers(sysctl["value"])
        if sysctl["floor"] and have and want and len(have) == len(want):
            value = "" if satisfies(found, sysctl) else " ".join(str(max(h, w)) for h, w in zip(have, want))
        result[key] = (value, found)
    return result


def boot_file(host: Host, machine: Json) -> str | None:
    """The settings as sysctl.d reads them; None where no setting is planned."""
    lines = [f"{key} = {value}\n" for key, (value, _) in sorted(targets(host, machine).items()) if value]
    return "".join(lines) if machine["sysctls"] else None


def compare_sysctls(host: Host, machine: Json) -> Iterable[Difference]:
    for key, sysctl in sorted(machine["sysctls"].items()):
        live = live_value(host, key)
        if not satisfies(live, sysctl):
            want = ("at least " if sysctl["floor"] else "") + sysctl["value"]
            text = f"set sysctl {key}: {live or 'absent'} -> {sysctl['value']}"
            yield Difference("sysctl", key, want, live or "absent", text)


def remember_kernel_values(host: Host, machine: Json) -> None:
    found = {key: value for key, (_, value) in targets(host, machine).items()}
    if found != (host.read_json(FOUND_FILE) or {}):
        host.write(FOUND_FILE, json.dumps(found, sort_keys=True).encode())


def set_sysctls(host: Host, machine: Json, degrade: Callable[[str, str, str, str], None]) -> list[str]:
    """@returns the keys that were changed; what this host cannot have is degraded, what no host can have refused"""
    wanted, changed = targets(host, machine), []
    for key, sysctl in sorted(machine["sysctls"].items()):
        live = live_value(host, key)
        if satisfies(live, sysctl):
            continue
        why = f"the kernel of this host has no {key}"
        if live is not None:
            why = write_value(host, key, wanted[key][0] or sysctl["value"])
        live = live_value(host, key)
        if satisfies(live, sysctl):
            changed.append(key)
        else:
            degrade(f"sysctl {key}", sysctl["value"], live or "absent", why)
    return changed


def write_value(host: Host, key: str, value: str) -> str:
    """@returns why the kernel may have another value afterwards"""
    try:
        with open(host.path(path_of(key)), "r+") as file:
            file.write(value)
        return "the kernel took the value and kept another"
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise Refused(f'the kernel refuses {key} = "{value}"; correct the value, stage again') from None
        return f"cannot be written here ({error.strerror}): a container takes it from its machine"
