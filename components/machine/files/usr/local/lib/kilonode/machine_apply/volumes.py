"""Volumes: file systems of their own, each on a device that stays the same across boots. The host makes and mounts them."""

from __future__ import annotations

import os
import re
import time

from .report import Difference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .host import Host
    from .journal import Journal

    Json = dict[str, Any]

# A service's own data needs no reserve for root. What mkfs leaves unwritten reads as nothing: the device is empty, and the
# journal's checksums are of this file system's own identity.
MAKE = {
    "ext4": ("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1"),
    "xfs": ("mkfs.xfs", "-q", "-f"),
}


def mount_unit(path: str) -> str:
    """systemd-escape --path --suffix=mount."""
    hexed = re.sub(r"[^A-Za-z0-9:_./]", lambda m: "".join(f"\\x{b:02x}" for b in m[0].encode()), path.strip("/"))
    escaped = hexed.replace("/", "-")
    return ("\\x2e" + escaped[1:] if escaped.startswith(".") else escaped) + ".mount"


def mount_unit_text(volume: Json) -> str:
    return (
        f"[Unit]\nDescription=Volume {volume['name']}\nStartLimitIntervalSec=0\n\n"
        f"[Mount]\nWhat={volume['device']}\nWhere={volume['mount']}\nType={volume['fs']}\nOptions=noatime\n\n"
        "[Install]\nWantedBy=local-fs.target\n"
    )


def mounts_of(host: Host) -> dict[str, tuple[str, str, str]]:
    """Mount point to (file system, source, major:minor)."""
    found = {}
    for line in (host.read("/proc/self/mountinfo") or b"").decode().splitlines():
        fields = line.split(" ")
        dash = fields.index("-")
        found[fields[4].replace("\\040", " ")] = (fields[dash + 1], fields[dash + 2], fields[2])
    return found


def compare_volumes(host: Host, volumes: list[Json]) -> Iterable[Difference]:
    mounts = mounts_of(host)
    for volume in volumes:
        mount, wanted = volume["mount"], volume["fs"]
        fs, source, _ = mounts.get(mount, ("absent", "", ""))
        if fs != wanted:
            empty = os.path.exists(volume["device"]) and signature(host, volume["device"]) == ""
            verb = "make and mount" if empty else "mount"
            yield Difference("mount", mount, wanted, fs, f"{verb} {mount} ({wanted})")
        elif os.path.realpath(volume["device"]) != os.path.realpath(source):
            yield Difference("mount", mount, volume["device"], source, f"mount {mount}")
        elif room_to_grow(volume["device"]):
            device, inside = sizes(volume["device"])
            yield Difference("volume", mount, f"{device >> 20} MiB", f"{inside >> 20} MiB", f"grow {mount} to {device >> 20} MiB")


# What mkfs may leave unused at the end of a device is far less; a volume grows by whole GiB.
SLACK = 64 << 20


def room_to_grow(device: str) -> bool:
    whole, inside = sizes(device)
    return 0 < inside < whole - SLACK


def sizes(device: str) -> tuple[int, int]:
    """Bytes of the device, and of the file system on it as its superblock says (0: neither ext4 nor xfs). No program is started."""
    try:
        with open(device, "rb") as file:
            head = file.read(4096)
            whole = file.seek(0, os.SEEK_END)
    except OSError:
        return 0, 0
    if head[1080:1082] == b"\x53\xef":
        low, block = (int.from_bytes(head[1024 + at : 1028 + at], "little") for at in (0x4, 0x18))
        high = int.from_bytes(head[1024 + 0x150 : 1028 + 0x150], "little")
        return whole, (low + (high << 32)) << (10 + block)
    if head[:4] == b"XFSB":
        return whole, int.from_bytes(head[4:8], "big") * int.from_bytes(head[8:16], "big")
    return whole, 0


def grow_volumes(host: Host, volumes: list[Json], mounts: set[str]) -> None:
    for volume in volumes:
        if volume["mount"] in mounts:
            program = ("xfs_growfs", volume["mount"]) if volume["fs"] == "xfs" else ("resize2fs", volume["device"])
            host.run(*program)


def apart_problems(host: Host, volumes: list[Json]) -> Iterable[str]:
    mounts, named = mounts_of(host), {volume["name"]: volume for volume in volumes}

    def disk_of(volume: Json) -> str | None:
        if volume["mount"] in mounts:
            return disk(host, mounts[volume["mount"]][2])
        try:
            number = os.stat(volume["device"]).st_rdev
        except OSError:
            return None
        return disk(host, f"{os.major(number)}:{os.minor(number)}") if number else None

    for name, volume in named.items():
        for other in volume["apartFrom"]:
            where = disk_of(volume)
            if where is not None and where == disk_of(named[other]):
                yield (
                    f'volume "{name}" ({volume["mount"]}) and volume "{other}" ({named[other]["mount"]}) are both on '
                    f"{where}; they must be on different devices: give each its own disk"
                )


def disk(host: Host, number: str) -> str:
    """The whole disk of a device number: two partitions of one disk are one device."""
    device = os.path.realpath(host.path(f"/sys/dev/block/{number}"))
    return os.path.basename(os.path.dirname(device) if os.path.exists(f"{device}/partition") else device)


def volume_problems(host: Host, volumes: list[Json], formatting: set[str]) -> Iterable[str]:
    mounts = mounts_of(host)
    for volume in volumes:
        what, device = f'volume "{volume["name"]}" ({volume["mount"]})', volume["device"]
        fs, source, _ = mounts.get(volume["mount"], ("", "", ""))
        if fs:
            if fs != volume["fs"] or os.path.realpath(source) != os.path.realpath(device):
                yield f"{what}: {source} ({fs}) is mounted, wants {device} ({volume['fs']}); unmount it, run again"
        elif not device_appears(device):
            yield f"{what}: there is no {device} (waited 20 s); attach the disk or correct the device"
        elif device not in formatting and signature(host, device) not in ("", volume["fs"]):
            yield (
                f"{what}: {device} holds {signature(host, device)}, wants {volume['fs']} or an empty disk. "
                f"It is not formatted, it may be somebody's data; if it is not: wipefs --all {device}"
            )


def device_appears(path: str) -> bool:
    until = time.monotonic() + 20
    while not os.path.exists(path) and time.monotonic() < until:
        time.sleep(0.2)
    return os.path.exists(path)


def signature(host: Host, device: str) -> str:
    """ "" for a disk on which blkid finds nothing at all. A partition table is a signature too."""
    done = host.run("blkid", "--probe", "--output", "export", device, allow=(0, 2, 8))
    if done.returncode == 8:
        return "several signatures"
    tags = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    return tags.get("TYPE") or tags.get("PTTYPE") or ("an unknown signature" if done.returncode == 0 else "")


def mount_volume(host: Host, volume: Json) -> None:
    with host.directory(volume["mount"], make=True):
        host.run("mount", "-t", volume["fs"], "-o", "noatime", volume["device"], host.path(volume["mount"]))


def hold_data(host: Host, volumes: list[Json], formatting: set[str]) -> bool:
    """True: one has a file system already, so that an earlier host has used it."""
    return any(signature(host, volume["device"]) for volume in volumes if volume["device"] not in formatting)


def make_volumes(host: Host, machine: Json, missing: set[str], journal: Journal) -> list[str]:
    """@returns the mount points that were mounted"""
    changed = []
    for volume in machine["volumes"]:
        device, mount = volume["device"], volume["mount"]
        if mount in missing:
            if device in journal.formatting or signature(host, device) == "":
                journal.formatting.add(device)  # a kill in the middle leaves half a file system: made again
                journal.write()
                host.run(*MAKE[volume["fs"]], device)
                journal.formatting.discard(device)
                journal.write()
            mount_volume(host, volume)
            changed.append(mount)
        if mount not in machine["directories"]:
            host.own(mount, volume["owner"])
    return changed
