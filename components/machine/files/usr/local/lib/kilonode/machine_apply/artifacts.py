"""The artifact store, and the binaries that come from it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat

from .host import temporary
from .paths import STATE, STORE
from .report import Refused, cannot_write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .bucket import Bucket
    from .host import Host

    Json = dict[str, Any]


SUM = re.compile("[0-9a-f]{64}")


class Artifacts:
    """Verified sums are remembered by (inode, mtime, size), so that 100 MB are hashed once and not at every run."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.memory: dict[str, list[Any]] = host.read_json(f"{STATE}/verified.json") or {}
        self.changed = False
        try:
            self.read_only = bool(os.statvfs(host.path(STORE)).f_flag & os.ST_RDONLY)
        except OSError:
            self.read_only = False
        # Who filled a store that this host cannot write has verified it, and may say so: not hashed once per host.
        self.store_memory: Json = (host.read_json(f"{STORE}/verified.json") or {}) if self.read_only else {}

    def source(self, binary: Json) -> str:
        return f"{STORE}/{binary['sha256']}/{binary['name']}"

    def fetch(self, machine: Json, kept: Iterable[Json]) -> None:
        """Brings what is missing here from the bucket that the machine names, and lets go what nothing needs any more."""
        if "store" not in machine or self.read_only:
            return
        wanted = machine["binaries"].values()
        missing = {self.source(b): b for b in wanted if not os.path.isfile(self.host.path(self.source(b)))}
        if missing:
            from .bucket import Bucket

            bucket = Bucket(machine["store"]["url"], machine["store"].get("region"))
            for path, binary in missing.items():
                self.download(bucket, path, binary)
        self.prune({binary["sha256"] for binary in (*wanted, *kept)})

    def download(self, bucket: Bucket, path: str, binary: Json) -> None:
        total, size = hashlib.sha256(), 0
        try:
            with bucket.open(path[len(STORE) + 1 :]) as source, self.host.new_file(path) as file:
                while chunk := source.read(1 << 20):
                    total.update(chunk)
                    size += len(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            self.host.discard(path)
            raise cannot_write(path, size, error) from None
        if total.hexdigest() != binary["sha256"]:
            self.host.discard(path)
            raise Refused(
                f"{binary['name']} {binary['version']} as the artifact store has it has another sum "
                f"({total.hexdigest()[:12]}..., wants {binary['sha256'][:12]}...): it was not kept. Run `up` again, which uploads it"
            )
        self.host.replace(path)

    def prune(self, sums: set[str]) -> None:
        """Removes the folders of all other sums, and no folder else."""
        if not os.path.isdir(self.host.path(STORE)):
            return
        for sum_ in os.listdir(self.host.path(STORE)):
            if sum_ not in sums and SUM.fullmatch(sum_):
                folder = f"{STORE}/{sum_}"
                for name in os.listdir(self.host.path(folder)):
                    self.host.remove(f"{folder}/{name}")
                os.rmdir(self.host.path(folder))

    def errors(self, binaries: dict[str, Json]) -> Iterable[str]:
        for path, binary in sorted(binaries.items()):
            source = self.source(binary)
            where = f'binaries["{path}"]: {binary["name"]} {binary["version"]}'
            if not os.path.isfile(self.host.path(source)):
                yield f"{where} is not in the artifact store ({source}); put it there, then stage again"
            elif not self.fits(source, binary["sha256"]):
                yield f"{where}: the sum of {source} is not {binary['sha256'][:12]}...; replace that file, then stage again"

    def fits(self, path: str, sha256: str, full: bool = False) -> bool:
        """Whether the file has this sum: believed when it is unchanged since it was last hashed, unless `full`."""
        info = os.stat(self.host.path(path))
        mark = [info.st_ino, info.st_mtime_ns, info.st_size]
        key = path[len(STORE) + 1 :] if path.startswith(STORE) else ""
        if not full and [*mark, sha256] in (self.memory.get(path), [*self.store_memory.get(key, []), sha256]):
            return True
        if self.sum(path) != sha256:
            return False
        self.remember(path, sha256)
        return True

    def sum(self, path: str) -> str:
        total = hashlib.sha256()
        with open(self.host.path(path), "rb") as file:
            while chunk := file.read(1 << 20):
                total.update(chunk)
        return total.hexdigest()

    def remember(self, path: str, sha256: str) -> None:
        info = os.stat(self.host.path(path))
        self.memory[path] = [info.st_ino, info.st_mtime_ns, info.st_size, sha256]
        self.changed = True

    def save(self) -> None:
        if self.changed:
            self.memory = {p: mark for p, mark in self.memory.items() if os.path.exists(self.host.path(p))}
            self.host.write(f"{STATE}/verified.json", json.dumps(self.memory).encode())

    def state(self, path: str, binary: Json, full: bool) -> str:
        """ "" when the live binary is as wanted, else what it is."""
        live = self.host.path(path)
        if not os.path.lexists(live):
            return "absent"
        if os.path.islink(live):
            target = os.readlink(live)
            if target != self.source(binary):
                return f"symlink to {target}"
            if not os.path.isfile(self.host.path(target)):
                return "symlink to a file that is gone"
            return "" if self.fits(target, binary["sha256"], full) else "another file (sum differs)"
        if not os.path.isfile(live):
            return "not a file"
        if not self.fits(path, binary["sha256"], full):
            return "another file (sum differs)"
        mode = stat.S_IMODE(os.stat(live).st_mode)
        return "" if mode == 0o755 else f"mode {mode:04o}"

    def place(self, path: str, binary: Json) -> None:
        """Makes the new binary beside the old one.

        A symlink when the store is a read-only mount: nobody can change the file below the running program, and all
        hosts of one machine share one copy on disk and in memory. Else a copy, because the store may be cleaned up.
        """
        if self.read_only:
            self.host.discard(path)
            with self.host.directory(os.path.dirname(path), make=True) as folder:
                os.symlink(self.source(binary), temporary(path), dir_fd=folder)
            return
        total = hashlib.sha256()
        try:
            with open(self.host.path(self.source(binary)), "rb") as source, self.host.new_file(path) as file:
                while chunk := source.read(1 << 20):
                    total.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fchmod(file.fileno(), 0o755)
                os.fsync(file.fileno())
            if total.hexdigest() != binary["sha256"]:
                raise Refused(
                    f"{self.source(binary)} changed while it was copied; put it into the store again, then stage"
                )
        except OSError as error:
            self.host.discard(path)
            raise cannot_write(path, os.path.getsize(self.host.path(self.source(binary))), error) from None
        except Refused:
            self.host.discard(path)
            raise
