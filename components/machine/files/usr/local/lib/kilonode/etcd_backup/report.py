"""What is told to whom runs this program, beside what all programs of a host have."""

from __future__ import annotations

import sys

from machine_apply.report import Refused as Refused
from machine_apply.report import failpoint as failpoint


class Usage(Refused):
    exit_code = 2


class Busy(Refused):
    """Another run on this host is at the same work."""


def say(text: str) -> None:
    print(f"etcd-backup: {text}", file=sys.stderr, flush=True)
