"""What is kept of a restore: how far it is, what holds the member, and which was the last."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress

from machine_apply.host import Host
from machine_apply.paths import RESTORE_HOLD, RESTORE_JOURNAL, RESTORE_LAST, STATE

from .member import DOWN, Member

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]

FOLDER = f"{STATE}/restore"
LAST = RESTORE_LAST


def say(text: str) -> None:
    print(f"etcd-restore: {text}", file=sys.stderr, flush=True)


def journal_of(host: Host) -> Json | None:
    found: Json | None = host.read_json(RESTORE_JOURNAL)
    return found


def keep(host: Host, path: str, content: Json) -> None:
    """It is on the disk when this returns, its name too."""
    host.write(path, json.dumps(content).encode())
    host.sync_directory(FOLDER)


def forget(host: Host, path: str) -> None:
    with suppress(FileNotFoundError):
        host.remove(path)
        host.sync_directory(FOLDER)


def is_held(host: Host) -> bool:
    return os.path.exists(host.path(RESTORE_HOLD))


def state(host: Host, member: Member, stored: bool) -> Json:
    journal, active = journal_of(host), member.active()
    answer: Json = {
        "phase": journal["phase"] if journal else "none",
        "restore": journal,
        "held": is_held(host),
        "etcd": active,
        "hasData": member.has_data(),
        "last": host.read_json(LAST),
    }
    if stored and active in DOWN and member.has_data():
        answer["stored"] = member.stored(host.path(f"{member.database}/db"))
    return answer
