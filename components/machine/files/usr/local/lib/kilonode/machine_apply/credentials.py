"""Part of the staged content, live before the rest: what this host trusts, then what it shows of itself.

Hosts that know each other by their authorities cannot all change at one moment. So each first trusts old and new (`--only trust`), then
each shows the new (`--only show`), and what is not trusted any more goes with the rest of the content.
"""

from __future__ import annotations

import re

from .wanted import Wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .host import Host
    from .wanted import WantedFile

    Json = dict[str, Any]

# What a file of trust is a list of: PEM blocks, or keys of an EncryptionConfiguration as components/pki writes it.
ENTRY = re.compile(r"-----BEGIN ([A-Z ]+)-----\n[^-]+-----END \1-----\n|^ *- name: [^\n]+\n *secret: [^\n]+\n", re.M)


def partly(host: Host, former: Wanted, staged: Wanted, only: str) -> Wanted:
    """The active content with that part of the staged one."""
    files, secrets = dict(former.machine["files"]), dict(former.secrets)
    changed = False
    for path, file in staged.files.items():
        if file.credential is None or (only == "trust" and not (file.credential == "trusted" and path in former.files)):
            continue
        text = text_of(file)
        if file.credential == "trusted":
            before = former_text(host, former, path)
            # The first of the keys is used; the order of authorities means nothing, and another one would be a change.
            new_first = only == "show" and not text.startswith("-----BEGIN")
            text = joined(host, text, before) if new_first else joined(host, before, text)
        if path in former.files and former.files[path].digest == file.digest_of(text.encode(), host.mac):
            continue
        spec = {"mode": f"{file.mode:04o}", "owner": file.owner, "content": text, "credential": file.credential}
        (secrets if file.secret else files)[path] = spec
        changed = True
    if not changed:
        return former
    both = {part: {**former.machine[part], **staged.machine[part]} for part in ("users", "directories")}
    return Wanted(host, {**former.machine, **both, "files": files}, secrets, former.generation)


def distrusts(host: Host, former: Wanted, staged: Wanted) -> bool:
    """True when the staged content trusts less than the active one."""
    trusted = ((path, text_of(file)) for path, file in staged.files.items() if file.credential == "trusted")
    return any(joined(host, text, former_text(host, former, path)) != text for path, text in trusted)


def text_of(file: WantedFile) -> str:
    return (file.data or b"").decode()


def former_text(host: Host, former: Wanted, path: str) -> str:
    """Of a secret only a digest is kept: its text is that of the live file, where it is still the one that was activated."""
    file = former.files.get(path)
    if file is None:
        return ""
    data = file.data if file.data is not None else host.read(path)
    return data.decode() if data is not None and file.digest_of(data, host.mac) == file.digest else ""


def joined(host: Host, first: str, second: str) -> str:
    """The first list, with the entries that only the second one has at its end."""
    if first == second:
        return first
    known = {identity(host, entry[0]) for entry in ENTRY.finditer(first)}
    more = [entry[0] for entry in ENTRY.finditer(second) if identity(host, entry[0]) not in known]
    end = max((entry.end() for entry in ENTRY.finditer(first)), default=0)
    return first[:end] + "".join(more) + first[end:]


def identity(host: Host, entry: str) -> str:
    """A certificate that was renewed for the same key is trusted like the old one."""
    if not entry.startswith("-----BEGIN CERTIFICATE"):
        return entry
    return host.run("openssl", "x509", "-noout", "-pubkey", stdin=entry).stdout
