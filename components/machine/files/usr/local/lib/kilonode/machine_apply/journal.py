"""What an activation owes, written before it is done: a run after a kill pays it, and knows what to clean up."""

from __future__ import annotations

import json
import os

from .paths import STATE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .host import Host

    Json = dict[str, Any]


class Journal:
    PATH = f"{STATE}/journal.json"

    def __init__(self, host: Host, held: Json) -> None:
        """`held`: what the last activation that came to its end left owed. One that was interrupted has taken it over."""
        self.host = host
        kept = host.read_json(self.PATH)
        self.interrupted = kept is not None
        kept = held if kept is None else kept
        self.restart: set[str] = set(kept.get("restart", []))
        self.reload: set[str] = set(kept.get("reload", []))
        # The sandboxes that a static pod which is to restart had then: its new one is not stopped again.
        self.sandboxes: dict[str, list[str]] = kept.get("sandboxes", {})
        self.paths: set[str] = set(kept.get("paths", []))  # ever put on the host and not yet recorded as active
        self.units: set[str] = set(kept.get("units", []))
        self.formatting: set[str] = set(kept.get("formatting", []))
        self.daemon_reload: bool = kept.get("daemonReload", False)
        self.before = self.debts()

    def debts(self) -> tuple[set[str], set[str], dict[str, list[str]], bool]:
        return set(self.restart), set(self.reload), dict(self.sandboxes), self.daemon_reload

    def take_back(self) -> None:
        """Owes again what it did before this run, which has changed no file."""
        self.restart, self.reload, self.sandboxes, self.daemon_reload = self.before
        self.write()

    def write(self) -> None:
        sets = {"restart": self.restart, "reload": self.reload, "paths": self.paths, "units": self.units}
        lists = {name: sorted(values) for name, values in {**sets, "formatting": self.formatting}.items()}
        content = {**lists, "sandboxes": self.sandboxes, "daemonReload": self.daemon_reload}
        self.host.write(self.PATH, json.dumps(content).encode())

    def close(self) -> None:
        os.unlink(self.host.path(self.PATH))
