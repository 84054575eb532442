"""Other programs, run so that they end when this one does, however that ends, and cannot fill this host's memory."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import threading
from contextlib import contextmanager

from .report import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Of what a program prints, where it is kept: no answer comes near it.
OUTPUT_LIMIT = 16 << 20
CHUNK = 1 << 20
# Gigabytes at the lowest priority take their time; what hangs must not hang for ever.
LONGEST_SECONDS = 3 * 3600


class Programs:
    """@param scratch a folder for what they write aside: a temporary file system may be memory, which the member needs"""

    def __init__(self, environment: dict[str, str], scratch: str) -> None:
        folders = os.environ.get("PATH", "") + ":/usr/local/bin:/usr/bin:/bin"
        # restic would tell its progress sixty times a second.
        quiet = {"RESTIC_PROGRESS_FPS": "0.05"}
        self.environment = {**environment, **quiet, "PATH": folders, "LC_ALL": "C.UTF-8", "TMPDIR": scratch}
        self.scratch = scratch

    def run(
        self, *words: str, folder: str = "/", allow: tuple[int, ...] = (0,), seconds: float = LONGEST_SECONDS
    ) -> tuple[int, str]:
        """@returns its exit code and what it printed"""
        printed = bytearray()

        def take(chunk: bytes) -> None:
            printed.extend(chunk)
            if len(printed) > OUTPUT_LIMIT:
                raise Refused(f"`{words[0]}` printed more than {OUTPUT_LIMIT} bytes")

        code = self.feed(take, *words, folder=folder, allow=allow, seconds=seconds)
        return code, printed.decode(errors="replace")

    def feed(
        self,
        take: Callable[[bytes], None],
        *words: str,
        folder: str = "/",
        allow: tuple[int, ...] = (0,),
        seconds: float = LONGEST_SECONDS,
    ) -> int:
        """Hands on what it prints, piece by piece. An error of `take` ends it."""
        with tempfile.TemporaryFile(dir=self.scratch) as errors:
            process = self.start(*words, folder=folder, errors=errors.fileno())
            assert process.stdout
            with ended(process), killed_after(process, seconds):
                while chunk := process.stdout.read(CHUNK):
                    take(chunk)
                code = process.wait()
            if code == -signal.SIGKILL:
                raise Refused(f"`{' '.join(words[:3])}` was not done within {seconds:.0f} s: {last_words(errors.fileno())}")
            if code not in allow:
                raise Refused(f"`{' '.join(words[:3])}` failed with exit code {code}: {last_words(errors.fileno())}")
        return code

    def start(
        self, *words: str, folder: str = "/", errors: int = subprocess.DEVNULL, orphaned: str = "KILL"
    ) -> subprocess.Popen[bytes]:
        """@param orphaned the signal that it gets when this program is gone"""
        # systemd ends all that its service has started, in whose sandbox setpriv may not set capabilities.
        bound = () if os.environ.get("KILONODE_IN_SERVICE") else ("setpriv", "--pdeathsig", orphaned, "--")
        return subprocess.Popen(
            [*bound, *words],
            cwd=folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Afterwards it runs no more: it is told to end, and killed where it does not."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.terminate()
            with killed_after(process, 10):
                process.wait()
        if process.stdout:
            process.stdout.close()


@contextmanager
def killed_after(process: subprocess.Popen[bytes], seconds: float) -> Iterator[None]:
    timer = threading.Timer(seconds, process.kill)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def last_words(errors: int) -> str:
    size = os.fstat(errors).st_size
    said = os.pread(errors, 4000, max(0, size - 4000)).decode(errors="replace")
    # restic's error, as JSON.
    messages = re.findall(r'"message":"((?:[^"\\]|\\.)*)"', said)
    return (messages[-1] if messages else " ".join(said.split())[-600:]) or "it said nothing"
