"""Reads what an etcd serves, page by page, over its HTTP gateway: the member of this host, or a throw-away one on a socket."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
import urllib.parse

from .content import Content
from .report import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .host import Host

    Json = dict[str, Any]
    Connect = Callable[[], http.client.HTTPConnection]

TIMEOUT_SECONDS = 120
# A value has 1.5 MiB at most, and base64 takes a third more.
PAGE_KEYS = 100
PAGE_BYTES = 256 << 20


class Unavailable(Refused):
    """The revision cannot be read there any more, or not yet."""


class Gateway:
    def __init__(self, connect: Connect) -> None:
        self.connect = connect
        self.connection: http.client.HTTPConnection | None = None

    def ask(self, path: str, body: Json) -> Json:
        self.connection = self.connection or self.connect()
        self.connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        data = answer.read(PAGE_BYTES + 1)
        if len(data) > PAGE_BYTES:
            raise Refused(f"etcd answered with more than {PAGE_BYTES} bytes")
        if answer.status != 200:
            told = data[:500].decode(errors="replace")
            kind = Unavailable if "compacted" in told or "future revision" in told else Refused
            raise kind(f"etcd answered {answer.status}: {told}")
        found = json.loads(data)
        if not isinstance(found, dict):
            raise Refused("etcd answered no JSON object")
        return found

    def content(self, revision: int) -> Content:
        """All that is there at a revision, as this one member has it."""
        content, start, more = Content(), b"\0", True
        while more:
            wanted = {"key": text(start), "range_end": text(b"\0"), "limit": PAGE_KEYS, "revision": revision, "serializable": True}
            page = self.ask("/v3/kv/range", wanted)
            for one in page.get("kvs", []):
                key = base64.b64decode(one["key"])
                content.add(key, base64.b64decode(one.get("value", "")), int(one["mod_revision"]), int(one["version"]))
                start = key + b"\0"
            more = page.get("more") is True
        return content

    def cluster(self) -> str:
        return f"{int(self.ask('/v3/maintenance/status', {})['header']['cluster_id']):x}"


def own_member(host: Host) -> Gateway:
    """HTTP has a port of its own on 127.0.0.1; the certificate is of the endpoint."""
    own = host.settings.all.get("KILONODE_ETCD_HTTP")
    url = urllib.parse.urlsplit(own or host.settings.of("ETCDCTL_ENDPOINTS", r"https?://[\w.:\[\]-]+"))
    name, address = url.hostname or "", "127.0.0.1" if own else url.hostname or ""
    if url.scheme == "http":
        return Gateway(lambda: http.client.HTTPConnection(address, url.port, timeout=TIMEOUT_SECONDS))
    context = ssl.create_default_context(cafile=host.path(host.settings.of("ETCDCTL_CACERT", "/.+")))
    pair = [host.path(host.settings.of(f"ETCDCTL_{part}", "/.+")) for part in ("CERT", "KEY")]
    context.load_cert_chain(*pair)

    class Named(http.client.HTTPSConnection):
        def connect(self) -> None:
            plain = socket.create_connection((address, url.port or 443), TIMEOUT_SECONDS)
            self.sock = context.wrap_socket(plain, server_hostname=name)

    return Gateway(lambda: Named(name, url.port, timeout=TIMEOUT_SECONDS))


def on_socket(path: str) -> Gateway:
    class Local(http.client.HTTPConnection):
        def connect(self) -> None:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(TIMEOUT_SECONDS)
            self.sock.connect(path)

    return Gateway(lambda: Local("localhost"))


def text(key: bytes) -> str:
    return base64.b64encode(key).decode()
