"""Keys of a resource: how many and which, and how they are deleted where they do not belong any more."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time

from machine_apply.report import Refused

from .ctl import etcdctl, etcdctl_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Json = dict[str, Any]

ALL = "/registry/"
PAGE = 500
# A batch is one entry of the log, and one transaction of each member's database: small ones let others in between.
BATCH = 500
PAUSE_SECONDS = 0.02


def prefix(word: str) -> str:
    if not re.fullmatch(r"/registry/[a-z0-9.-]{1,253}(/[a-z0-9.-]{1,253})*/", word):
        raise ValueError(f"got {word!r}, wants a prefix such as /registry/pods/")
    return word


def shard(word: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9]{0,14}", word):
        raise ValueError(f"got {word!r}, wants the name of a shard")
    return word


def note(name: str, text: str | None) -> Json:
    """Outside of what API servers look at, and with the data: it goes wherever that goes."""
    key = f"kilonode/move/{name}"
    if text == "":
        etcdctl("del", key)
    elif text is not None:
        etcdctl("put", key, text)
    kept = etcdctl_json("get", key).get("kvs", [])
    return {"note": json.loads(base64.b64decode(kept[0]["value"])) if kept else None}


def end_of(text: str) -> str:
    """What is right behind everything that begins so."""
    return text[:-1] + chr(ord(text[-1]) + 1)


def content(revision: int, prefixes: list[str]) -> Json:
    """Sums do not ask for an order; they are of key, value, and the revisions by which API servers know an object."""
    resources: Json = {}
    at = (f"--rev={revision}",) if revision else ()
    for one in prefixes:
        keys, total = 0, 0
        for kv in pages(one, end_of(one), *at):
            key, value = (base64.b64decode(kv.get(name, "")) for name in ("key", "value"))
            mark = b"%d %d %d " % (len(key), int(kv["mod_revision"]), int(kv["version"]))
            total = (total + int.from_bytes(hashlib.sha256(mark + key + value).digest(), "big")) % (1 << 256)
            keys += 1
        resources[one] = {"keys": keys, "hash": f"{total:064x}"}
    return {"revision": revision, "resources": resources}


def pages(start: str, end: str, *options: str) -> Iterator[Json]:
    after = ""
    while True:
        found = etcdctl_json("get", after or start, end, f"--limit={PAGE + 1 if after else PAGE}", *options).get("kvs", [])
        # The last key of the page before is the first one of this page.
        fresh = found[1:] if after and found and base64.b64decode(found[0]["key"]).decode() == after else found
        yield from fresh
        if len(fresh) < PAGE:
            return
        after = base64.b64decode(fresh[-1]["key"]).decode()


def delete(which: str, prefixes: list[str]) -> Json:
    """Each batch for itself: cut short it goes on from there."""
    if which not in ("only", "except") or not prefixes:
        raise ValueError("wants only or except, and a prefix")
    deleted = 0
    for start, end in ranges(which, prefixes):
        while True:
            found = etcdctl_json("get", start, end, f"--limit={BATCH + 1}", "--keys-only").get("kvs", [])
            if not found:
                break
            names = [base64.b64decode(one["key"]).decode() for one in found]
            last = names[BATCH] if len(names) > BATCH else end
            told = etcdctl("del", names[0], last).split()
            if not told or not told[0].isdigit() or told[0] == "0":
                raise Refused(f"nothing was deleted from {names[0]} on: etcdctl said {' '.join(told)[:200]!r}")
            deleted += int(told[0])
            time.sleep(PAUSE_SECONDS)
    return {"deleted": deleted}


def ranges(which: str, prefixes: list[str]) -> list[tuple[str, str]]:
    """Of what is to go, each from its first key to right behind its last."""
    named = sorted((one, end_of(one)) for one in prefixes)
    if which == "only":
        return named
    starts = [ALL, *(end for _, end in named)]
    ends = [*(start for start, _ in named), end_of(ALL)]
    return [(start, end) for start, end in zip(starts, ends) if start < end]
