"""Why services are not up: read from systemd, the file systems and the journal. Changes nothing, and needs no free space."""

from __future__ import annotations

import json
import os
import re
import time

from .paths import STATE
from .report import Refused
from .static_pods import pod_states
from .systemd import RUNNING, masked, unit_states
from .volumes import mounts_of
from .wanted import today

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .host import Host

    Json = dict[str, Any]
    # What kind of cause it is, and what there is to say about it.
    Cause = tuple[str, str]

DETAILS = (
    "LoadState,UnitFileState,ActiveState,SubState,Result,ExecMainCode,ExecMainStatus,NRestarts,InvocationID,Job,User,"
    "ExecStart,EnvironmentFiles,RequiresMountsFor"
)
# A service that ends again and again is caught between two of its attempts.
PATIENCE_SECONDS = 3.0
# Of the journal of its last run: a panic may be followed by hundreds of lines of its stack.
LINES = 500
TOLD_LINES = 5
LINE_LENGTH = 300

# Less than this is nothing to whom writes a file; and what is left when a write of 64 MB, a segment of etcd's log, was refused.
NO_ROOM = 1 << 20
LITTLE_ROOM = 128 << 20

NO_SPACE = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
# etcd's and bbolt's words for a log, a snapshot or a database that is not what was written, or that is of another member.
BAD_DATA = re.compile(
    r"crc mismatch|walpb: |wal: (max entry|slice bounds|unexpected)|proto: (cannot parse|illegal|wrong|unexpected)"
    r"|failed to open database|meta pages are invalid|Page expected to be|page \d+: (already freed|invalid)"
    r"|failed to (read WAL|recover v3 backend|load (newest )?snapshot)|no such snapshot|bbolt\S* .*(corrupt|invalid)"
    r"|etcdserver\.(bootstrap|recover)\w*\("
    r"|has already been bootstrapped|permanently removed from the cluster|member count is unequal|cluster ID mismatch"
    r"|found data inconsistency with peers|is out of range \[lastIndex"
)
# What the Go flag libraries, kube's components, etcd and haproxy say of a setting that they do not take.
REFUSED = re.compile(
    r"unknown flag|unknown shorthand flag|flag provided but not defined|flag needs an argument|invalid argument \S+ for"
    r"|invalid value \S+ for flag|failed to verify flags|unrecognized feature gate"
    r"|\[ALERT\].*(parsing|config)|Fatal errors found in configuration|command failed.*(--[a-z-]+|strict decoding|invalid|not a valid|failed to parse)"
)
NOT_DAMAGE = re.compile(r"permission denied|too many open files|cannot allocate memory|file already locked", re.IGNORECASE)
TELLING = re.compile(
    r"panic|fatal|error|fail|denied|refused|cannot|unable|invalid|unknown|corrupt|mismatch|no space|no such|not found|must ",
    re.IGNORECASE,
)


def diagnose(host: Host) -> list[Json]:
    """@returns for each service that should run and is not up: how it is, the cause where one is seen, its last telling words"""
    machine = content(host)
    services: Json = machine["services"]
    wanted = [name for name, service in services.items() if service["kind"] == "unit" and service["running"]]
    states = unit_states(host, wanted)
    down = [name for name in wanted if states[name]["ActiveState"] not in RUNNING]
    return [diagnose_unit(host, machine, unit) for unit in down] + list(waiting_pods(host, services))


def content(host: Host) -> Json:
    """What is live; before anything is, what is to be."""
    for path in (f"{STATE}/active/content.json", f"{STATE}/staged/machine.json"):
        record = host.read_json(path)
        if record is not None:
            return today(record["machine"])
    return {"services": {}}


def waiting_pods(host: Host, services: Json) -> Iterable[Json]:
    """The kubelet's own log tells more; only that a pod does not run is known here."""
    pods = [name for name, service in services.items() if service["kind"] == "static-pod"]
    try:
        states = pod_states(host, pods)
    except Refused as error:
        states = {}
        if pods:
            yield told(pods[0], "unknown", ("ends", str(error)), [])
    for name, state in sorted(states.items()):
        if state.active != "active":
            yield told(name, f"{state.active} ({state.sub})", None, [])


def told(service: str, state: str, cause: Cause | None, log: list[str], restarts: int = 0) -> Json:
    kind, text = cause or (None, "")
    return {"service": service, "state": state, "restarts": restarts, "cause": kind, "text": text[:500], "log": log}


def diagnose_unit(host: Host, machine: Json, name: str) -> Json:
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        unit = Unit(host, machine, name)
        cause = unit.cause()
        again = cause is None and unit.restarts > 0 and time.monotonic() < until
        if not again:
            return told(name, unit.state, cause, unit.words[-TOLD_LINES:], unit.restarts)
        time.sleep(0.2)


class Unit:
    """One that is down, as systemd and the content know it."""

    def __init__(self, host: Host, machine: Json, name: str) -> None:
        self.host, self.machine, self.name = host, machine, name
        shown = host.run("systemctl", "show", f"--property={DETAILS}", "--", name).stdout
        self.details: dict[str, list[str]] = {}
        for line in shown.splitlines():
            field, _, value = line.partition("=")
            self.details.setdefault(field, []).append(value)
        self.restarts = int(self.first("NRestarts") or 0)
        self.user = self.first("User") or "root"
        self.state = f"{self.first('ActiveState')} ({self.first('SubState')})"
        # Between two attempts: what it has said is all that it has to say.
        self.ended = self.first("SubState") in ("auto-restart", "failed") or self.first("ActiveState") == "failed"
        self.lines = self.last_run()
        self.words = telling(self.lines)

    def first(self, field: str) -> str:
        return self.details.get(field, [""])[0]

    def cause(self) -> Cause | None:
        if masked({"LoadState": self.first("LoadState"), "UnitFileState": self.first("UnitFileState")}):
            return "masked", f"{self.name} is masked: somebody has taken it out on purpose"
        return self.lacks() or self.unmounted() or self.swapped() or self.full() or self.said() or self.how_it_is()

    def lacks(self) -> Cause | None:
        if self.first("LoadState") == "not-found":
            return "missing", f"there is no unit file of {self.name}"
        for path in self.programs():
            if not os.path.exists(self.host.path(path)):
                return "missing", f"the program {path} is missing"
            if not os.access(self.host.path(path), os.X_OK):
                return "not-executable", f"the program {path} cannot be executed (its mode, or a mount with noexec)"
        for path in self.files():
            if not os.path.exists(self.host.path(path)):
                return "missing", f"the file {path} is missing"
        return None

    def words_of_start(self) -> list[str]:
        """The program and its arguments: { path=... ; argv[]=... ; ignore_errors=no ; ...}."""
        starts = re.findall(r"path=(\S+) ; argv\[\]=(.*?) ;", " ".join(self.details.get("ExecStart", [])))
        return [word for path, arguments in starts for word in (path, *arguments.split())]

    def programs(self) -> list[str]:
        words = self.words_of_start()
        return [word for word in words if word in words[:1] or word in self.machine["binaries"]]

    def files(self) -> list[str]:
        arguments = [word for word in self.words_of_start() if word in self.machine["files"]]
        settings = [re.match(r"(\S+) \(ignore_errors=no\)", line) for line in self.details.get("EnvironmentFiles", [])]
        return arguments + [found[1] for found in settings if found]

    def volumes(self) -> list[str]:
        """Mount points that it needs: those that it names, and those that are its user's."""
        named = " ".join(self.details.get("RequiresMountsFor", [])).split()
        return [v["mount"] for v in self.machine["volumes"] if v["mount"] in named or self.owns(v)]

    def owns(self, owned: Json) -> bool:
        return str(owned["owner"]).split(":")[0] == self.user

    def unmounted(self) -> Cause | None:
        mounts = mounts_of(self.host)
        for path in self.volumes():
            if path not in mounts:
                return "not-mounted", f"nothing is mounted on {path}, a volume that it needs"
        return None

    def swapped(self) -> Cause | None:
        """As the unit of etcd sees it, which does not start then."""
        own = {volume["name"]: volume for volume in self.machine["volumes"] if volume["mount"] in self.volumes()}
        if "wal" not in own or "database" not in own:
            return None
        log, database = own["wal"], own["database"]

        def holds(volume: Json, entry: str) -> bool:
            return os.path.lexists(self.host.path(f"{volume['mount']}/{entry}"))

        found = []
        if holds(database, "wal"):
            found.append(f"a log (wal/) is on {database['mount']} ({database['device']}), where the database belongs")
        if holds(log, "db") and not holds(log, "wal"):
            found.append(f"a database (db) is on {log['mount']} ({log['device']}), where the log belongs")
        return ("swapped", f"its disks are swapped, or those of another host: {'; '.join(found)}") if found else None

    def full(self) -> Cause | None:
        """Of the places where it writes: volumes and directories of its own."""
        refused = any(NO_SPACE.search(line) for line in self.lines)
        directories = [path for path, spec in self.machine["directories"].items() if self.owns(spec)]
        for path in [*self.volumes(), *directories]:
            try:
                place = os.statvfs(self.host.path(path))
            except OSError:
                continue
            free = (place.f_bfree if self.user == "root" else place.f_bavail) * place.f_frsize
            if free < (LITTLE_ROOM if refused else NO_ROOM):
                whole = place.f_blocks * place.f_frsize
                return "full", f"the file system of {path} is full: {size(free)} of {size(whole)} are free"
            if place.f_files and not (place.f_ffree if self.user == "root" else place.f_favail):
                return "full", f"the file system of {path} has none of its {place.f_files} inodes left"
        return None

    def said(self) -> Cause | None:
        """By its own words; only when it has ended, since a program that runs may get over what it says."""
        if not self.ended:
            return None
        for kind, pattern in (("bad-data", BAD_DATA), ("refused", REFUSED)):
            if kind == "bad-data" and not self.volumes():
                continue
            lines = [line for line in self.lines if pattern.search(line)]
            if lines and not any(NOT_DAMAGE.search(line) or NO_SPACE.search(line) for line in self.lines):
                words = telling(lines) or [shortened(lines[-1])]
                return kind, f"it {self.how()}: {words[-1]}"
        return None

    def how_it_is(self) -> Cause | None:
        if self.ended:
            words = f": {self.words[-1]}" if self.words else ""
            return "ends", f"it {self.how()}{words}"
        if self.first("ActiveState") == "inactive" and self.first("Job") in ("", "0"):
            return "stopped", "it is stopped, and nothing is about to start it"
        return None

    def how(self) -> str:
        """ "ends with exit status 2, started again 7 times"."""
        number, result = self.first("ExecMainStatus"), self.first("Result")
        ways = {"1": f"ends with exit status {number}", "2": f"is ended by signal {number}", "3": f"is ended by signal {number}"}
        way = ways.get(self.first("ExecMainCode"), f"does not start ({result})")
        return f"{way}, started again {self.restarts} times" if self.restarts else way

    def last_run(self) -> list[str]:
        """What it and systemd have said in its last run."""
        run = self.first("InvocationID")
        which = [f"_SYSTEMD_INVOCATION_ID={run}", "+", f"INVOCATION_ID={run}"] if run else ["--unit", self.name]
        form = (f"--lines={LINES}", "--output=cat", "--no-pager", "--quiet")
        log = self.host.run("journalctl", *form, *which, allow=(0, 1)).stdout
        return [condensed(line) for line in log.splitlines() if line.strip()]


def condensed(line: str) -> str:
    """A line of JSON, as etcd and kwok write it, in plain words and without its stack; others as they are."""
    try:
        entry = json.loads(line)
        parts = [entry["msg"], *(entry.get(name, "") for name in ("error", "err", "path"))]
        level = entry["level"].lower()
    except (ValueError, KeyError, TypeError, AttributeError):
        return line[: 4 * LINE_LENGTH]
    return f"{level}: {': '.join(str(part) for part in parts if part)}"


def telling(lines: list[str]) -> list[str]:
    """Without a stack's lines and without what is told for information; each once, the last ones."""
    found: dict[str, None] = {}
    for line in lines:
        stack = line.startswith(("\t", "goroutine ", "info:", "warn:", "debug:")) or re.match(r"[\w./*()\[\]-]+\(.*\)$", line)
        if TELLING.search(line) and not stack:
            text = shortened(line)
            found.pop(text, None)
            found[text] = None
    return list(found)


def shortened(line: str) -> str:
    """On one line, without the time that klog begins with."""
    line = re.sub(r"^[IWEF]\d{4} [\d:.]+ +\d+ \S+\] ", "", line)
    return " ".join("".join(c if c.isprintable() else " " for c in line).split())[:LINE_LENGTH]


def size(number: int) -> str:
    for unit in ("B", "KiB", "MiB"):
        if number < 1024:
            return f"{number} {unit}"
        number //= 1024
    return f"{number} GiB"
