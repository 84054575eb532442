"""Puts aside what a host's volumes hold, for a host that is to begin with nothing. Nothing is deleted."""

from __future__ import annotations

import os
import time

from .report import Refused, say
from .services import States
from .volumes import mount_volume, mounts_of, signature
from .wanted import load_active, load_staged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .host import Host

    Json = dict[str, Any]

ASIDE = "set-aside-"


def set_aside(host: Host) -> Json:
    with host.lock():
        wanted, former = load_staged(host), load_active(host)[0]
        if wanted is None:
            raise Refused("nothing is staged on this host; run `machine-apply stage` first")
        units = wanted.units | (former.units if former else set())
        states = States(host, units, ())
        running = sorted(unit for unit in units if states.units[unit]["ActiveState"] not in ("inactive", "failed"))
        if running:
            say(f"stop {' '.join(running)}")
            host.run("systemctl", "stop", "--", *running)
        name = folder_name()
        folders = [empty(host, volume, name) for volume in wanted.machine["volumes"]]
    return {"setAside": [folder for folder in folders if folder]}


def empty(host: Host, volume: Json, name: str) -> str | None:
    """@returns the folder that has its content now, on the volume itself; None when there was none"""
    mount = volume["mount"]
    if mount not in mounts_of(host):
        if signature(host, volume["device"]) == "":
            return None
        mount_volume(host, volume)
    return put_aside(host, mount, name)


def put_aside(host: Host, mount: str, name: str, kept: str = "") -> str | None:
    """The same of what is mounted. Cut short and run again with the same name it goes on. @param kept: an entry that stays"""
    with host.directory(mount) as root:
        entries = [entry for entry in os.listdir(root) if entry not in ("lost+found", kept) and not entry.startswith(ASIDE)]
        entries = [entry for entry in entries if not os.path.ismount(os.path.join(host.path(mount), entry))]
        if not entries:
            return None
        with host.directory(f"{mount}/{name}", make=True) as folder:
            os.fchmod(folder, 0o700)
            for entry in sorted(entries):
                os.rename(entry, entry, src_dir_fd=root, dst_dir_fd=folder)
            os.fsync(folder)
    host.sync_directory(mount)
    say(f"put aside what {mount} held, in {mount}/{name}")
    return f"{mount}/{name}"


def folder_name() -> str:
    return ASIDE + time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
