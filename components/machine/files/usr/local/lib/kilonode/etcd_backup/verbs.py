"""What etcd-backup can be asked to do. Each verb answers with something that is printed as JSON."""

from __future__ import annotations

import os

from .host import Host, need_room
from .report import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]


def take(host: Host, words: list[str]) -> Json:
    from .take import Take

    return Take(host, "--now" in words).run()


def order(host: Host, words: list[str]) -> list[str]:
    from .look import look
    from .look import order as best_first

    view = look(host)
    if not view.quorum:
        raise Refused(f"shard {host.shard} has no quorum; look at `kilonode status`")
    return best_first(view.members)


def list_snapshots(host: Host, words: list[str]) -> list[Json]:
    from .repository import Repository

    return Repository(host).snapshots() or []


def fetch(host: Host, words: list[str]) -> Json:
    from .repository import MANIFEST, SNAPSHOT, Repository

    name, folder = words
    os.makedirs(folder, mode=0o700, exist_ok=True)
    # A fetch that was killed leaves this.
    partly = os.path.join(folder, ".partly")
    if set(os.listdir(folder)) - {os.path.basename(partly)}:
        raise Refused(f"{folder} is not empty; name another folder, or empty it")
    remove(partly)
    repository = Repository(host)
    entry = repository.find(name)
    os.mkdir(partly, mode=0o700)
    try:
        need_room(partly, entry["bytes"])
        repository.fetch(entry, partly)
        for file in (SNAPSHOT, MANIFEST):
            os.rename(os.path.join(partly, file), os.path.join(folder, file))
    finally:
        remove(partly)
    return entry


def remove(folder: str) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def drill(host: Host, words: list[str]) -> Json:
    from .drill import drill as run

    return run(host, "--fresh" in words)
