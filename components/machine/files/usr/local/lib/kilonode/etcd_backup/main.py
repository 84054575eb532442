"""etcd-backup: backups of the etcd shard that this host is a member of.

  etcd-backup take [--now]     takes one, when it is this member's turn; --now: whatever its turn is
  etcd-backup order            names of the members that may take one, the best first
  etcd-backup list             what is in the shard's repository, newest last
  etcd-backup fetch ID FOLDER  puts snapshot.db and manifest.json there, verified; ID may be `latest` and be cut short
  etcd-backup drill [--fresh]  restores the latest beside the member, and compares it with its manifest and the live shard; --fresh:
                               takes another one where the shard has forgotten the revision of the latest

JSON on stdout, progress on stderr. Exit 0, 1 (refused, failed, or the drill found something), 2 (usage). `--root DIR` puts every path below DIR, for tests.
Can be killed at any moment and run again.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from . import verbs
from .host import Host
from .report import Refused, Usage, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

# With how many words each wants, and its option.
VERBS = {
    "take": (verbs.take, 0, "--now"),
    "order": (verbs.order, 0, ""),
    "list": (verbs.list_snapshots, 0, ""),
    "fetch": (verbs.fetch, 2, ""),
    "drill": (verbs.drill, 0, "--fresh"),
}


def main() -> int:
    verb = "etcd-backup"
    # So that what was begun is cleaned up, as after an error.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        root, verb, words = arguments(sys.argv[1:])
        if os.geteuid() != 0 and not root:
            raise Refused("wants to be run as root")
        os.umask(0o077)
        answer = VERBS[verb][0](Host(root), words)
    except Refused as error:
        say(f"{verb}: {error}")
        return error.exit_code
    except OSError as error:
        say(f"{verb}: {error.strerror or error}: {error.filename}. Mend that, then run again")
        return 1
    print(json.dumps(answer))
    return 1 if isinstance(answer, dict) and answer.get("passed") is False else 0


def arguments(words: list[str]) -> tuple[str, str, list[str]]:
    root = ""
    if words[:1] == ["--root"] and len(words) > 1:
        root, words = os.path.abspath(words[1]), words[2:]
    verb, rest = (words or [""])[0], words[1:]
    if verb not in VERBS:
        usage(f"got {verb or 'no verb'}, wants one of: {', '.join(VERBS)}")
    _, wanted, option = VERBS[verb]
    given = [word for word in rest if word != option]
    if len(given) != wanted or any(word.startswith("-") for word in given):
        usage(f"{verb}: got {' '.join(rest) or 'nothing'}")
    return root, verb, rest


def usage(problem: str) -> NoReturn:
    raise Usage(f"{problem}\n{__doc__}")
