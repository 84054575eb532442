"""Files and binaries go live together: all are complete on disk before the first one is, so that a full disk changes nothing."""

from __future__ import annotations

import os
import re

from .compare import in_order
from .paths import ENV_FILE
from .report import failpoint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .artifacts import Artifacts
    from .host import Host
    from .wanted import Wanted


class Replacement:
    def __init__(self, host: Host, wanted: Wanted, artifacts: Artifacts) -> None:
        self.host, self.wanted, self.artifacts = host, wanted, artifacts
        self.ready: list[str] = []

    def prepare(self, binaries: list[str], files: list[str], environment: dict[str, str]) -> None:
        try:
            for path in binaries:
                self.artifacts.place(path, self.wanted.binaries[path])
                self.ready.append(path)
            for path in files:
                file = self.wanted.files[path]
                self.host.write_temporary(path, file.data or b"", file.mode, self.host.owner_ids(file.owner))
                self.ready.append(path)
            if environment:
                lines = "".join(f"{name}={quoted(value)}\n" for name, value in sorted(environment.items()))
                self.host.write_temporary(ENV_FILE, lines.encode(), 0o644, None)
                self.ready.append(ENV_FILE)
        except BaseException:
            for path in self.ready:
                self.host.discard(path)
            raise

    def go_live(self, gone: list[str]) -> None:
        for index, path in enumerate(sorted(self.ready, key=in_order)):
            self.host.replace(path)
            if path in self.wanted.binaries and not self.artifacts.read_only:
                self.artifacts.remember(path, self.wanted.binaries[path]["sha256"])
            if index == 0:
                failpoint("first-file-live")
        for path in gone:
            self.host.discard(path)
            self.host.remove(path)
        for directory in {os.path.dirname(path) for path in [*self.ready, *gone]}:
            self.host.sync_directory(directory)


def quoted(value: str) -> str:
    """A value of systemd's EnvironmentFile."""
    return value if re.fullmatch(r"[\w.,:/=@+%-]*", value) else '"' + re.sub(r'(["\\$`])', r"\\\1", value) + '"'
