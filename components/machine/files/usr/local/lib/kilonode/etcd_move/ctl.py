"""The programs that are called: etcdctl as this host's member is asked, and the host's own."""

from __future__ import annotations

import json
import os
import subprocess

from machine_apply.report import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]

CALL = f"{os.path.dirname(os.path.dirname(os.path.realpath(__file__)))}/etcd-call"
# Of one page of keys with their values.
MOST_BYTES = 512 << 20


def run(*words: str, given: str = "", allow: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(words, input=given, capture_output=True, text=True, errors="replace")
    if done.returncode not in allow:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise Refused(f"`{' '.join(words[:3])}` failed with exit code {done.returncode}: {(said or ['it said nothing'])[-1][:500]}")
    if len(done.stdout) > MOST_BYTES:
        raise Refused(f"`{' '.join(words[:3])}` printed more than {MOST_BYTES} bytes")
    return done.stdout


def etcdctl(*words: str) -> str:
    return run(CALL, *words)


def etcdctl_json(*words: str) -> Any:
    return json.loads(etcdctl("--write-out=json", *words))
