"""Static pods: the kubelet runs the manifests of a folder; what became of them is asked of its container runtime.

A manifest says in an annotation what it is made from, and the pod's sandbox carries it: so a pod that still runs from an
earlier manifest is told from the one that is meant.
"""

from __future__ import annotations

import json
import re
import time

from .paths import MANIFESTS
from .report import Difference, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeVar

    from .host import Host

    Json = dict[str, Any]
    T = TypeVar("T")

ANNOTATION = "kilonode.io/content"
PODS = ("crictl", "pods", "--namespace", "kube-system", "--output", "json")
CONTAINERS = ("crictl", "ps", "--output", "json")


def manifest_path(name: str) -> str:
    return f"{MANIFESTS}/{name}.yaml"


def content_of(manifest: str) -> str | None:
    found = re.search(rf"""^\s+["']?{re.escape(ANNOTATION)}["']?:\s*["']?([0-9a-f]+)["']?\s*$""", manifest, re.MULTILINE)
    return found[1] if found else None


class Sandbox:
    """A pod as it runs. The kubelet adds the node's name to that of a static pod."""

    def __init__(self, item: Json) -> None:
        self.id = str(item["id"])
        self.pod = str(item["metadata"]["name"])
        self.ready: bool = item["state"] == "SANDBOX_READY"
        self.content: str | None = (item.get("annotations") or {}).get(ANNOTATION)
        self.created = int(item["createdAt"]) // 10**9


class PodState:
    """A static pod: its ready sandboxes, and whether the manifest's own one has a running container."""

    def __init__(self, content: str | None, sandboxes: list[Sandbox], containers: dict[str, int]) -> None:
        self.content, self.sandboxes = content, sandboxes
        current = [sandbox for sandbox in sandboxes if sandbox.content == content and sandbox.id in containers]
        self.current = current[0] if current else None
        self.attempt = containers[self.current.id] if self.current else 0

    @property
    def active(self) -> str:
        return "inactive" if self.content is None else "active" if self.current else "activating"

    @property
    def sub(self) -> str:
        return {"inactive": "no manifest", "active": "running"}.get(self.active, "waiting for the kubelet")

    def status(self) -> Json:
        since = time.gmtime(self.current.created) if self.current else None
        return {
            "kind": "static-pod",
            "active": self.active,
            "sub": self.sub,
            "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", since) if since else None,
            "restarts": self.attempt,
            "masked": False,
        }


def pod_states(host: Host, names: Iterable[str]) -> dict[str, PodState]:
    """Two crictl calls for all pods."""
    names = set(names)
    if not names:
        return {}
    ready = [sandbox for sandbox in listed(host, PODS, "items", Sandbox) if sandbox.ready and sandbox.content]
    containers = {sandbox: attempt for sandbox, attempt, runs in listed(host, CONTAINERS, "containers", container) if runs}
    states = {}
    for name in names:
        manifest = host.read(manifest_path(name))
        content = None if manifest is None else content_of(manifest.decode(errors="replace"))
        states[name] = PodState(content, [s for s in ready if name == owner(s.pod, names)], containers)
    return states


def container(item: Json) -> tuple[str, int, bool]:
    """Its sandbox, how often it was made anew in it, whether it runs."""
    return str(item["podSandboxId"]), int(item["metadata"].get("attempt") or 0), item["state"] == "CONTAINER_RUNNING"


def listed(host: Host, command: tuple[str, ...], field: str, parse: Callable[[Json], T]) -> list[T]:
    answer = host.run(*command).stdout
    try:
        return [parse(item) for item in json.loads(answer).get(field) or []]
    except (ValueError, AttributeError, TypeError, KeyError):
        raise Refused(f"`{' '.join(command)}` gave no list of {field}; is the container runtime sound?") from None


def owner(pod: str, names: set[str]) -> str | None:
    """The static pod that runs under this name. "etcd-events-host" is of "etcd-events", not of "etcd"."""
    fitting = sorted((name for name in names if pod == name or pod.startswith(f"{name}-")), key=len)
    return fitting[-1] if fitting else None


def pod_problems(host: Host, names: Iterable[str]) -> list[str]:
    names = sorted(names)
    try:
        pod_states(host, names)
    except Refused as error:
        return [f"static pods ({', '.join(names)}) want a container runtime and crictl: {error}"]
    return []


def compare_pods(states: dict[str, PodState]) -> list[Difference]:
    return [
        Difference("static-pod", name, "running", f"{state.active} ({state.sub})", f"wait for {name}")
        for name, state in sorted(states.items())
        if state.active != "active"
    ]


def stop_sandboxes(host: Host, state: PodState, ids: Iterable[str]) -> None:
    """The kubelet makes a stopped pod anew. One of an earlier manifest it is replacing already."""
    for sandbox in state.sandboxes:
        if sandbox.id in ids and sandbox.content == state.content:
            host.run("crictl", "stopp", sandbox.id)


def wait_for_pods(host: Host, names: set[str], seconds: float) -> dict[str, PodState]:
    until = time.monotonic() + seconds
    while True:
        states = pod_states(host, names)
        if all(state.active == "active" for state in states.values()) or time.monotonic() > until:
            return states
        time.sleep(0.5)


def still_starting(names: list[str], root: str = "") -> list[str]:
    """For lib/kilonode/still-starting."""
    from .host import Host

    states = pod_states(Host(root), names)
    return [name for name in names if states[name].active != "active"]
