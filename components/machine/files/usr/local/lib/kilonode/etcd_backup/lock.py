"""One backup of the shard at a time, whichever member takes it: a lock in the shard itself."""

from __future__ import annotations

from contextlib import contextmanager

from .programs import ended, killed_after
from .report import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from .host import Host

# It outlives a host whose power went by this.
TTL_SECONDS = 60


class Lock:
    def __init__(self, holder: subprocess.Popen[bytes]) -> None:
        self.holder = holder

    def check(self) -> None:
        if self.holder.poll() is not None:
            raise Refused("the lock of the shard was lost: the member lost its quorum, or ended. Look at `kilonode status`")


@contextmanager
def shard_lock(host: Host, patience_seconds: float) -> Iterator[Lock]:
    words = ("etcdctl", "lock", f"--ttl={TTL_SECONDS}", f"/kilonode/backup/{host.shard}")
    # Told to end, it gives the lock back.
    holder = host.programs.start(*words, orphaned="TERM")
    assert holder.stdout
    with ended(holder):
        # It prints its key as soon as it has the lock, and holds it until it is told to end.
        with killed_after(holder, patience_seconds):
            key = holder.stdout.readline()
        if not key:
            raise Refused(
                f"the lock of the shard was not to be had within {patience_seconds:.0f} s: another member is taking a backup, "
                "or the shard has no quorum. Look at `kilonode status`, then run again"
            )
        yield Lock(holder)
