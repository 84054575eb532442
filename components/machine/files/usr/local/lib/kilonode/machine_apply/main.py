"""machine-apply: puts a host's desired content (a Machine, components/machine/machine.ts) on the host it runs on.

  machine-apply stage [--generation N] <machine.json   checks the content and keeps it; the live system is untouched
  machine-apply stage-secrets <secrets.json            the same for secret files (before `stage`: its digest covers them)
  machine-apply activate [--digest D] [--env K=V]... [--hold SERVICE]... [--hold-running SERVICE]... [--only trust|show]
                                                       makes the staged content live; can be killed and run again. A service
                                                       that is held stays as it is until an activation that does not hold it;
                                                       --hold-running holds one only if it runs; --only: no more of it than
                                                       what the host trusts in addition, or than what it shows of itself
  machine-apply rest                                   ends the services, as a restart would; activate starts them again
  machine-apply status [--only trust|show]             what is staged, active and pending, and how the services are
  machine-apply set-aside                              stops the services, and puts what the volumes hold in a dated folder on each
  machine-apply drift [--full]                         where the live host differs from what was activated
  machine-apply diagnose                               why services that should run are not up

One JSON object on stdout, progress on stderr. Exit 0, 1 (refused or failed), 2 (bad content or usage). `--root DIR` puts
every path below DIR, for tests.
"""

from __future__ import annotations

import json
import os
import re
import sys

from . import verbs
from .host import Host
from .report import BadContent, Refused, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    Json = dict[str, Any]

VERBS = {
    "stage": verbs.stage,
    "stage-secrets": verbs.stage_secrets,
    "activate": verbs.activate,
    "rest": verbs.rest,
    "status": verbs.status,
    "set-aside": verbs.set_aside,
    "drift": verbs.drift,
    "diagnose": verbs.diagnose,
}
OPTIONS = {
    "stage": {"--generation"},
    "activate": {"--digest", "--env", "--hold", "--hold-running", "--only"},
    "status": {"--only"},
    "drift": {"--full"},
}


def main() -> int:
    verb = "machine-apply"
    try:
        verb, options = arguments(sys.argv[1:])
        folders = ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        os.environ["PATH"] = os.environ.get("PATH", "") + folders
        os.environ["LC_ALL"] = "C.UTF-8"
        os.umask(0o022)
        if os.geteuid() != 0 and not options["root"]:
            raise Refused("wants to be run as root")
        answer = VERBS[verb](Host(options["root"]), options)
    except Refused as error:
        say(f"{verb}: {error}")
        return error.exit_code
    except OSError as error:
        say(f"{verb}: {error.strerror}: {error.filename}. Mend that, then run again: it goes on from where it stopped.")
        return 1
    print(json.dumps(answer))
    return 0


def arguments(words: list[str]) -> tuple[str, Json]:
    options: Json = {"root": "", "generation": 0, "digest": None, "env": {}, "hold": [], "hold-running": [], "only": "", "full": False}
    given, words = [], list(words)
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            given.append(word)
            continue
        if word == "--full":
            options["full"] = True
        elif word not in ("--root", "--digest", "--generation", "--hold", "--hold-running", "--env", "--only"):
            usage(f"{word}: unknown option")
        elif not words:
            usage(f"{word} wants a value")
        else:
            take(options, word, words.pop(0))
        if word != "--root" and given and word not in OPTIONS.get(given[0], ()):
            usage(f"{word}: not an option of {given[0]}")
    if len(given) != 1 or given[0] not in VERBS:
        usage(f"got {' '.join(given) or 'no verb'}, wants one of: {', '.join(VERBS)}")
    return given[0], options


def take(options: Json, option: str, value: str) -> None:
    if option == "--root":
        options["root"] = os.path.abspath(value)
    elif option == "--digest":
        options["digest"] = value
    elif option == "--only":
        options["only"] = value if value in ("trust", "show") else usage(f"--only: got {value}, wants trust or show")
    elif option in ("--hold", "--hold-running"):
        options[option.lstrip("-")].append(value)
    elif option == "--generation":
        options["generation"] = int(value) if value.isdigit() else usage(f"--generation: got {value}, wants 0 or more")
    else:
        name, equals, content = value.partition("=")
        if not equals or not re.fullmatch(r"[A-Z_][A-Z0-9_]*", name) or not content.isprintable():
            usage(f"--env {name}: wants NAME=VALUE, NAME in capitals, VALUE on one line")
        options["env"][name] = content


def usage(problem: str) -> NoReturn:
    raise BadContent(f"{problem}\n{__doc__}")
