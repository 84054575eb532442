"""What this host was told about its member and its shard's backups."""

from __future__ import annotations

import re

from .report import Refused

FILES = ("/etc/etcd/backup/backup.env", "/etc/etcd/etcdctl.env", "/etc/etcd/etcd.env")


class Settings:
    def __init__(self, root: str) -> None:
        self.all: dict[str, str] = {}
        for path in FILES:
            with open(root + path, encoding="utf-8") as file:
                self.all.update(variables(file.read()))
        self.shard = self.of("KILONODE_SHARD", r"[a-z0-9-]{1,63}")
        self.member = self.of("ETCD_NAME", r"[A-Za-z0-9._-]{1,253}")
        self.every_seconds = 60 * int(self.of("KILONODE_BACKUP_MINUTES", r"\d{1,4}"))
        # etcd's own settings are no business of its tools, nor of a second etcd.
        self.of_tools = {name: value for name, value in self.all.items() if re.match("ETCDCTL_|RESTIC_|AWS_", name)}

    def of(self, name: str, allowed: str) -> str:
        value = self.all.get(name, "")
        if not re.fullmatch(allowed, value, re.ASCII):
            raise Refused(f"{name} is {value!r}, wants {allowed}, in one of {', '.join(FILES)}; `kilonode up` writes them")
        return value


def variables(text: str) -> dict[str, str]:
    """Of an environment file as components/machine/host-files.ts writes it."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and re.fullmatch(r"[A-Z_][A-Z0-9_]*", name):
            found[name] = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
    return found
