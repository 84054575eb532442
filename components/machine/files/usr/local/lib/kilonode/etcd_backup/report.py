"""What is told to whom runs this program, and a way for tests to end it at a point."""

from __future__ import annotations

import os
import sys


class Refused(Exception):
    """Something a person must see: what is wrong, the value found, what is allowed, what to do."""

    exit_code = 1


class Usage(Refused):
    exit_code = 2


class Busy(Refused):
    """Another run on this host is at the same work."""


def say(text: str) -> None:
    print(f"etcd-backup: {text}", file=sys.stderr, flush=True)


def failpoint(name: str) -> None:
    """Dies here as if the power went, when a test asks for it."""
    if os.environ.get("KILONODE_FAILPOINT") == name:
        os.kill(os.getpid(), 9)
