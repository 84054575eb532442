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
        self.temporaries: dict[str, str] = {}

    def prepare(self, binaries: list[str], files: list[str], environment: dict[str, str]) -> None:
        try:
            for path in binaries:
                self.make_folder(path)
                self.temporaries[path] = self.artifacts.place(path, self.wanted.binaries[path])
            for path in files:
                file = self.wanted.files[path]
                self.make_folder(path)
                owner = self.host.owner_ids(file.owner)
                self.temporaries[path] = self.host.write_temporary(path, file.data or b"", file.mode, owner)
            if environment:
                lines = "".join(f"{name}={quoted(value)}\n" for name, value in sorted(environment.items()))
                self.make_folder(ENV_FILE)
                self.temporaries[ENV_FILE] = self.host.write_temporary(ENV_FILE, lines.encode(), 0o644, None)
        except BaseException:
            for temporary in self.temporaries.values():
                os.unlink(temporary)
            raise

    def make_folder(self, path: str) -> None:
        os.makedirs(os.path.dirname(self.host.path(path)), exist_ok=True)

    def go_live(self, gone: list[str]) -> None:
        for index, path in enumerate(sorted(self.temporaries, key=in_order)):
            os.replace(self.temporaries[path], self.host.path(path))
            if path in self.wanted.binaries and not self.artifacts.read_only:
                self.artifacts.remember(path, self.wanted.binaries[path]["sha256"])
            if index == 0:
                failpoint("first-file-live")
        for path in gone:
            self.host.temporary(path)
            os.unlink(self.host.path(path))
        for directory in {os.path.dirname(path) for path in [*self.temporaries, *gone]}:
            self.host.sync_directory(directory)


def quoted(value: str) -> str:
    """A value of systemd's EnvironmentFile."""
    return value if re.fullmatch(r"[\w.,:/=@+%-]*", value) else '"' + re.sub(r'(["\\$`])', r"\\\1", value) + '"'
