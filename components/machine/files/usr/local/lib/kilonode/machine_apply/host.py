"""The host that this runs on: its files, accounts, commands, and the lock that admits one run at a time."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import stat
import time
from contextlib import contextmanager, suppress

from .paths import STATE
from .report import Refused, cannot_write

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from typing import IO, Any


class Host:
    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/")

    def path(self, path: str) -> str:
        return self.root + path

    def read(self, path: str) -> bytes | None:
        try:
            with open(self.path(path), "rb") as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def read_json(self, path: str) -> Any:
        data = self.read(path)
        return None if data is None else json.loads(data)

    def accounts(self, path: str) -> dict[str, list[str]]:
        lines = (self.read(path) or b"").decode().splitlines()
        return {line.split(":")[0]: line.split(":") for line in lines if line.count(":") >= 3}

    def owner_ids(self, owner: str) -> tuple[int, int]:
        user, group = owner.split(":")
        return int(self.accounts("/etc/passwd")[user][2]), int(self.accounts("/etc/group")[group][2])

    def ownership(self, path: str, right_type: Callable[[int], bool], wanted: str) -> str:
        """ "0640 root:etcd", with the wanted names where their ids are meant (two names may have one id)."""
        try:
            info = os.lstat(self.path(path))
        except (FileNotFoundError, NotADirectoryError):
            return "absent"
        mode = info.st_mode
        if not right_type(mode):
            return "symlink" if stat.S_ISLNK(mode) else "directory" if stat.S_ISDIR(mode) else "other type"
        user, group = wanted.split(":")
        names = []
        for file, name, number in (("/etc/passwd", user, info.st_uid), ("/etc/group", group, info.st_gid)):
            others = [other for other, fields in self.accounts(file).items() if fields[2] == str(number)]
            names.append(name if name in others else (others or [str(number)])[0])
        return f"{stat.S_IMODE(mode):04o} {':'.join(names)}"

    def run(self, *command: str, allow: tuple[int, ...] = (0,), stdin: str = "") -> subprocess.CompletedProcess[str]:
        import subprocess

        try:
            done = subprocess.run(command, input=stdin, capture_output=True, text=True, errors="replace")
        except FileNotFoundError:
            raise Refused(f"{command[0]} is not installed on this host; install it and run again") from None
        if done.returncode not in allow:
            reason = (done.stderr or done.stdout).strip()
            raise Refused(f"`{' '.join(command)}` failed with exit code {done.returncode}: {reason}")
        return done

    @contextmanager
    def directory(self, path: str, make: bool = False) -> Iterator[int]:
        """The directory, open: what is done by its descriptor is done to no other one.

        A link on the way is followed where only root can have put it. A service writes in directories of its own, and must not lead
        root elsewhere by a link in one of them.
        """
        fd = os.open(self.root or "/", os.O_RDONLY | os.O_DIRECTORY)
        try:
            way = ""
            for name in filter(None, path.split("/")):
                way += f"/{name}"
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(name, 0o755, dir_fd=fd)
                follow = 0 if only_root_writes(os.fstat(fd)) else os.O_NOFOLLOW
                try:
                    inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | follow, dir_fd=fd)
                except OSError:
                    if follow and stat.S_ISLNK(os.lstat(name, dir_fd=fd).st_mode):
                        raise Refused(
                            f"{way} is a link to {os.readlink(name, dir_fd=fd)}, in a directory in which not only root writes: "
                            "it is not followed. Find out who has put it there, remove it, then run again"
                        ) from None
                    raise
                os.close(fd)
                fd = inner
            yield fd
        finally:
            os.close(fd)

    def own(self, path: str, owner: str, mode: int | None = None) -> None:
        """Gives a directory its owner and its mode; it is made where it is not there."""
        with self.directory(path, make=True) as fd:
            os.fchown(fd, *self.owner_ids(owner))
            if mode is not None:
                os.fchmod(fd, mode)

    def write(self, path: str, data: bytes, mode: int = 0o600, owner: tuple[int, int] | None = None) -> None:
        """Writes atomically: a reader, or a run after a power cut, sees the old file or the new one."""
        self.write_temporary(path, data, mode, owner)
        self.replace(path)

    def write_temporary(self, path: str, data: bytes, mode: int, owner: tuple[int, int] | None) -> None:
        try:
            with self.new_file(path) as file:
                file.write(data)
                file.flush()
                if owner:
                    os.fchown(file.fileno(), *owner)
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
        except OSError as error:
            self.discard(path)
            raise cannot_write(path, len(data), error) from None

    def new_file(self, path: str) -> IO[bytes]:
        """The file that is to take its place, empty."""
        self.discard(path)
        with self.directory(os.path.dirname(path), make=True) as folder:
            return os.fdopen(os.open(temporary(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder), "wb")

    def replace(self, path: str) -> None:
        with self.directory(os.path.dirname(path)) as folder:
            os.replace(temporary(path), os.path.basename(path), src_dir_fd=folder, dst_dir_fd=folder)

    def discard(self, path: str) -> None:
        """Removes the file that was to take its place."""
        with suppress(FileNotFoundError, NotADirectoryError), self.directory(os.path.dirname(path)) as folder:
            os.unlink(temporary(path), dir_fd=folder)

    def remove(self, path: str) -> None:
        with self.directory(os.path.dirname(path)) as folder:
            os.unlink(os.path.basename(path), dir_fd=folder)

    def sync_directory(self, path: str) -> None:
        with self.directory(path) as fd:
            os.fsync(fd)

    def lock(self, program: str = "machine-apply") -> Any:
        """One run at a time; released by the kernel when the process ends, however it ends."""
        os.makedirs(self.path(STATE), mode=0o700, exist_ok=True)
        name = "lock" if program == "machine-apply" else f"{program}.lock"
        handle = open(self.path(f"{STATE}/{name}"), "w")
        until = time.monotonic() + 60
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return handle
            except BlockingIOError:
                if time.monotonic() > until:
                    raise Refused(
                        f"another {program} has been running for 60 s; wait for it, then run again"
                    ) from None
                time.sleep(0.05)

    def mac(self, data: bytes) -> str:
        """Recognises a secret without keeping or telling it: keyed with a random key that never leaves the host."""
        path = f"{STATE}/mac-key"
        key = self.read(path)
        if key is None:
            key = os.urandom(32)
            self.write(path, key)
        return hashlib.blake2b(data, key=key, digest_size=32).hexdigest()


def temporary(path: str) -> str:
    """A dot name: kubelet, sysctl.d, udev and systemd all skip it. Fixed, so that a killed run leaves no more than one."""
    return f".{os.path.basename(path)}.kilonode"


def only_root_writes(info: os.stat_result) -> bool:
    """Root is who runs this: in tests it may be another user."""
    others = info.st_mode & 0o002 or (info.st_mode & 0o020 and info.st_gid != os.getegid())
    return info.st_uid == os.geteuid() and not others
