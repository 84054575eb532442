"""The host that this runs on: its folders, the programs that it runs, and what it did last."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from contextlib import contextmanager

from .programs import Programs
from .report import Busy, Refused
from .settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Json = dict[str, Any]

STATE = "/var/lib/kilonode/backup"
LAST = f"{STATE}/last.json"
# Beside a database: its snapshot, the restored one, and what is written meanwhile.
ROOM = 2.5


class Host:
    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/")
        self.settings = Settings(self.root)
        self.shard, self.member = self.settings.shard, self.settings.member
        os.makedirs(self.path(STATE), mode=0o700, exist_ok=True)
        self.programs = Programs(self.settings.of_tools, self.path(STATE))
        self.run = self.programs.run

    def path(self, path: str) -> str:
        return self.root + path

    @contextmanager
    def folder(self, name: str) -> Iterator[str]:
        """An empty folder for this work alone. What is left in it goes first: a run before was killed."""
        with open(self.path(f"{STATE}/{name}.lock"), "w", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy(f"another etcd-backup is at work in {STATE}/{name}; wait until it has ended") from None
            path = self.path(f"{STATE}/{name}")
            shutil.rmtree(path, ignore_errors=True)
            os.makedirs(path, mode=0o700)
            try:
                yield path
            finally:
                shutil.rmtree(path, ignore_errors=True)

    def last(self) -> Json:
        """What this member did last; empty when it never did anything, or nobody can read it any more."""
        try:
            with open(self.path(LAST), encoding="utf-8") as file:
                kept = json.load(file)
        except (OSError, ValueError):
            return {}
        return kept if isinstance(kept, dict) else {}

    def remember(self, done: Json) -> None:
        write(self.path(LAST), json.dumps(done).encode())


def write(path: str, data: bytes) -> None:
    """A reader, or a run after a power cut, sees the old file or the new one."""
    new = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}")
    with open(new, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)


def need_room(folder: str, database_bytes: int) -> None:
    found = os.statvfs(folder)
    free, wanted = found.f_bavail * found.f_frsize, int(database_bytes * ROOM)
    if free < wanted:
        raise Refused(
            f"{folder} has {free >> 20} MiB free, wanted are {wanted >> 20} MiB ({ROOM} times the database). Make room there, then run again"
        )


def stamp(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
