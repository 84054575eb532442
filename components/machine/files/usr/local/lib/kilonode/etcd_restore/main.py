"""etcd-restore: one member's part in the restore of its shard. The order over all members is that of `kilonode etcd restore`.

  etcd-restore state [--stored]       how far a restore is here; --stored: also what the data holds, of a member that does not run
  etcd-restore stage OPTIONS          makes the new data from a snapshot, beside the live data of a member that may run
      --id ID --shard S               of the restore; all members have the same
      --snapshot ID --bytes N         from the repository (etcd-backup fetch), and how large it is; ID "own": the member's own data
      --token T --member NAME=URL...  identity of the restored shard, and all of its members
      --bump N                        by how much revisions go on above the snapshot's; 0: as they are, and nothing is forgotten
      --command C                     of `kilonode etcd` that goes on with it: restore, recover, move
  etcd-restore hold --shard S [--command C]
                                      ends the member; it does not start again before `start`, `release` or `abandon`
  etcd-restore swap [--env K=V]...    ends the member, puts its data aside and the staged data in its place; can be cut off and run again
  etcd-restore start                  lets the member start, with what is in place then
  etcd-restore release                ends the hold of a member that keeps its data, and does not start it
  etcd-restore finish                 notes the restore as done
  etcd-restore abandon                removes what is staged; refused once the data was exchanged

Each verb answers with the state as one JSON object. Exit 0, 1 (refused or failed), 2 (usage). `--root DIR` puts every path below
DIR, for tests.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys

from machine_apply.host import Host
from machine_apply.report import Refused

from . import stage, swap
from .member import Member
from .record import say, state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def main() -> int:
    options = arguments().parse_args()
    folders = ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    os.environ["PATH"] = os.environ.get("PATH", "") + folders
    os.umask(0o077)
    try:
        if os.geteuid() != 0 and not options.root:
            raise Refused("wants to be run as root")
        host = Host(options.root or "")
        member = Member(host)
        if options.verb != "state":
            with host.lock("etcd-restore"):
                VERBS[options.verb](host, member, options)
        print(json.dumps(state(host, member, getattr(options, "stored", False))))
    except Refused as error:
        say(f"{options.verb}: {error}")
        return error.exit_code
    except OSError as error:
        say(f"{options.verb}: {error.strerror}: {error.filename}. Mend that, then run again: it goes on from where it stopped.")
        return 1
    return 0


VERBS: dict[str, Callable[[Host, Member, Any], None]] = {
    "stage": stage.stage,
    "hold": swap.hold,
    "swap": swap.swap,
    "start": swap.start,
    "release": swap.release,
    "finish": swap.finish,
    "abandon": stage.abandon,
}


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="etcd-restore", usage=__doc__, add_help=False, allow_abbrev=False)
    parser.add_argument("--root", type=folder)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("state").add_argument("--stored", action="store_true")
    staged = verbs.add_parser("stage", allow_abbrev=False)
    for name in ("id", "shard", "snapshot", "token"):
        staged.add_argument(f"--{name}", required=True, type=word)
    for name in ("bytes", "bump"):
        staged.add_argument(f"--{name}", required=True, type=int)
    staged.add_argument("--member", required=True, action="append")
    held = verbs.add_parser("hold", allow_abbrev=False)
    held.add_argument("--shard", required=True, type=word)
    for one, usual in ((staged, None), (held, "recover")):
        one.add_argument("--command", choices=("restore", "recover", "move"), default=usual)
    verbs.add_parser("swap").add_argument("--env", action="append", default=[], type=setting)
    for name in ("start", "release", "finish", "abandon"):
        verbs.add_parser(name)
    return parser


def folder(text: str) -> str:
    return os.path.abspath(text)


def word(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", text):
        raise argparse.ArgumentTypeError(f"got {text!r}, wants a word of letters, digits, '.', '_' and '-'")
    return text


def setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[A-Z_][A-Z0-9_]*", name) or not value.isprintable():
        raise argparse.ArgumentTypeError(f"got {text!r}, wants NAME=VALUE, NAME in capitals, VALUE on one line")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
