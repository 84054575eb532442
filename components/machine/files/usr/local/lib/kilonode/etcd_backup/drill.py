"""Restores a snapshot into an etcd of its own beside the member, and compares what that serves with the manifest and the shard."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager

from .content import differences
from .gateway import Unavailable, on_socket, own_member
from .host import need_room
from .programs import ended
from .report import Refused, say
from .repository import SNAPSHOT, Repository
from .snapshot import PEER, RESTORED, restore
from .take import Take, moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .gateway import Gateway
    from .host import Host

    Json = dict[str, Any]

START_SECONDS = 900
COMPACTED = "compacted"
# Where nobody but root comes: it would serve all that the shard holds to whoever asks.
CLIENT = "client.sock"


def drill(host: Host, is_fresh: bool) -> Json:
    """@param is_fresh whether to take another snapshot where the shard has forgotten the revision of the latest one

    Raises Refused when the snapshot is broken; differences are part of the answer.
    """
    repository = Repository(host)
    entry = repository.find("latest")
    age = round(time.time() - moment(entry["takenAt"]))
    seconds: dict[str, float] = {}
    # First of all: API servers have a shard forget old revisions every 5 minutes.
    live, why = live_content(host, entry["revision"], seconds)
    if why == COMPACTED and is_fresh:
        Take(host, now=True).run()
        entry = repository.find("latest")
        live, why = live_content(host, entry["revision"], seconds)
    with host.folder("drill") as folder:
        need_room(folder, entry["bytes"])
        say(f"fetch snapshot {entry['id'][:8]} of {entry['takenAt']}, {entry['bytes'] >> 20} MiB")
        with timed(seconds, "fetch"):
            manifest = repository.fetch(entry, folder)
        with timed(seconds, "restore"):
            restore(host, f"{folder}/{SNAPSHOT}", f"{folder}/{RESTORED}")
        with served(host, folder, seconds) as gateway, timed(seconds, "compare"):
            restored = gateway.content(manifest["revision"]).resources()
    found = differences(manifest["resources"], restored, "the restored shard")
    comparison = compared(manifest, live, why)
    return {
        "passed": not found and comparison["result"] != "differs",
        "snapshot": entry,
        "ageSeconds": age,
        "seconds": seconds,
        "resources": len(manifest["resources"]),
        "keys": manifest["keys"],
        "differences": found,
        "live": comparison,
    }


def compared(manifest: Json, live: tuple[str, Json] | None, why: str) -> Json:
    if live is not None and live[0] == manifest["clusterId"]:
        found = differences(manifest["resources"], live[1], "the live shard")
        return {"result": "differs" if found else "same", "why": "", "differences": found}
    return {"result": "not compared", "why": why or "the shard was made anew since", "differences": []}


def live_content(host: Host, revision: int, seconds: dict[str, float]) -> tuple[tuple[str, Json] | None, str]:
    """The cluster and its content at that revision, or why it cannot be had."""
    say(f"read the live shard at revision {revision}")
    gateway = own_member(host)
    try:
        with timed(seconds, "live"):
            return (gateway.cluster(), gateway.content(revision).resources()), ""
    except Unavailable as error:
        return None, COMPACTED if "compacted" in str(error) else "the member is not at that revision"
    except (Refused, OSError) as error:
        return None, f"the member does not answer: {error}"[:200]


@contextmanager
def served(host: Host, folder: str, seconds: dict[str, float]) -> Iterator[Gateway]:
    """The restored folder, served by an etcd that no other host can reach. It writes nothing that has to last."""
    say("start an etcd of its own with it")
    words = (
        *("etcd", f"--name={RESTORED}", f"--data-dir={folder}/{RESTORED}", "--unsafe-no-fsync", "--log-level=error"),
        *(f"--listen-client-urls=unix://{CLIENT}", f"--advertise-client-urls=unix://{CLIENT}"),
        *(f"--listen-peer-urls={PEER}", f"--initial-advertise-peer-urls={PEER}", f"--initial-cluster={RESTORED}={PEER}"),
        *(f"--quota-backend-bytes={16 << 30}", "--log-outputs=stderr"),
    )
    with open(f"{folder}/etcd.log", "wb") as log:
        process = host.programs.start(*words, folder=folder, errors=log.fileno())
        with ended(process):
            with timed(seconds, "start"):
                gateway = ready(process.poll, f"{folder}/{CLIENT}", f"{folder}/etcd.log")
            yield gateway


def ready(ended_with: Any, path: str, log: str) -> Gateway:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and ended_with() is None:
        try:
            gateway = on_socket(path)
            gateway.ask("/v3/maintenance/status", {})
            return gateway
        except (OSError, Refused):
            time.sleep(0.1)
    with open(log, errors="replace", encoding="utf-8") as file:
        said = file.read()[-600:]
    raise Refused(f"an etcd does not start with the restored snapshot: {' '.join(said.split()) or 'it said nothing'}")


@contextmanager
def timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    seconds[name] = round(time.monotonic() - started, 2)
