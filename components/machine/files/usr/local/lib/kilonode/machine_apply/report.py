"""What is told to whom runs this program, and a way for tests to end it at a point."""

from __future__ import annotations

import errno
import os
import sys


class Refused(Exception):
    """Something a person must see: what is wrong, the value found, what is allowed, what to do."""

    exit_code = 1


class BadContent(Refused):
    exit_code = 2


class Difference:
    """One place where the live host is not as wanted. `text` says what activation does about it."""

    def __init__(self, kind: str, name: str, want: str, have: str, text: str, content: bool = True) -> None:
        self.kind, self.name, self.want, self.have, self.text = kind, name, want, have, text
        self.content = content  # False: only mode or owner differ, which restarts nothing

    @property
    def what(self) -> str:
        return f"{self.kind} {self.name}"


def say(text: str) -> None:
    print(f"machine-apply: {text}", file=sys.stderr, flush=True)


def cannot_write(path: str, size: int, error: OSError) -> Refused:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    remedy = "Free some space and run again." if full else "Mend that and run again."
    return Refused(f"cannot write {path} ({size} bytes): {error.strerror}. No file of the host was replaced. {remedy}")


def failpoint(name: str) -> None:
    """Dies here as if the power went, when a test asks for it."""
    if os.environ.get("KILONODE_FAILPOINT") == name:
        os.kill(os.getpid(), 9)
