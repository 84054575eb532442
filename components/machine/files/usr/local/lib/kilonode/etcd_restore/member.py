"""The member of this host: where its data is, its process, and etcdutl."""

from __future__ import annotations

import json
import os

from machine_apply.host import Host
from machine_apply.report import Refused
from machine_apply.systemd import unit_states
from machine_apply.volumes import mounts_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]

UNIT = "etcd.service"
DOWN = ("inactive", "failed")
STAGED = "restore-staged"
GATES = "ETCD_FEATURE_GATES"


class Member:
    """Its data is on two volumes: the database with etcd's own snapshots, and the log."""

    def __init__(self, host: Host) -> None:
        self.host = host
        text = (host.read("/etc/etcd/etcd.env") or b"").decode()
        settings = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        try:
            self.name = settings["ETCD_NAME"]
            self.peer_url = settings["ETCD_INITIAL_ADVERTISE_PEER_URLS"]
            self.database = f"{settings['ETCD_DATA_DIR']}/member/snap"
            self.log = os.path.dirname(settings["ETCD_WAL_DIR"])
            self.log_name = os.path.basename(settings["ETCD_WAL_DIR"])
            self.gates = settings.get(GATES, "").strip('"')
        except KeyError as error:
            raise Refused(f"/etc/etcd/etcd.env has no {error.args[0]}: no member is set up on this host; run `kilonode up`") from None

    @property
    def volumes(self) -> tuple[str, str]:
        return self.database, self.log

    @property
    def first_start(self) -> Json:
        """
        Settings for the first start on exchanged data. Members would compare their data before they serve, and wait for each other's answers
        until all have timed out, since none serves yet; that the data is the same was seen before it was exchanged.
        """
        once = self.gates.replace("InitialCorruptCheck=true", "InitialCorruptCheck=false")
        return {} if once == self.gates else {GATES: once}

    @property
    def staged_database(self) -> str:
        """As etcdutl lays it out below its data-dir."""
        return f"{self.database}/{STAGED}/member/snap"

    def has_data(self) -> bool:
        return os.path.exists(self.host.path(f"{self.database}/db")) and os.path.isdir(self.host.path(f"{self.log}/{self.log_name}"))

    def active(self) -> str:
        return unit_states(self.host, [UNIT])[UNIT]["ActiveState"]

    def wants_volumes(self) -> None:
        """What is mounted over the data later would hide it."""
        for mount in self.volumes:
            if mount not in mounts_of(self.host):
                raise Refused(f"{mount} is not mounted; run `kilonode up`, which mounts it, or find out where its disk is")

    def etcdutl(self, *arguments: str, files: tuple[int, ...] = ()) -> str:
        """As the user of etcd: what it writes belongs to the service, and no link that the service has put there leads root elsewhere."""
        import subprocess

        user: Json = {} if self.host.root else {"user": "etcd", "group": "etcd", "extra_groups": []}
        done = subprocess.run(
            ("etcdutl", *arguments), capture_output=True, text=True, errors="replace", pass_fds=files, umask=0o077, cwd="/", **user
        )
        if done.returncode != 0:
            lines = (done.stderr or done.stdout).strip().splitlines()
            raise Refused(f"`etcdutl {' '.join(arguments[:2])}` failed with exit code {done.returncode}: {(lines or ['it said nothing'])[-1][:500]}")
        return done.stdout

    def stored(self, database: str, files: tuple[int, ...] = ()) -> Json:
        """Revision, and a sum over all keys, of a database that nobody writes."""
        told: Json = json.loads(self.etcdutl("snapshot", "status", database, "--write-out=json", files=files))
        return {"revision": int(told["revision"]), "hash": int(told["hash"]), "keys": int(told["totalKey"])}

    def hash_of_keys(self, database: str) -> int:
        """As members compare it among themselves: of all keys that are stored, with their revisions."""
        told: Json = json.loads(self.etcdutl("hashkv", database, "--write-out=json"))
        return int(told["hash"])
