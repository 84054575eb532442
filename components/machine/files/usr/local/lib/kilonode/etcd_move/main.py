"""etcd-move: one host's part in a move of resources to a cluster of their own. The order over all hosts is that of `kilonode etcd move`.

  etcd-move state PORT [ADDRESS...]            whether new clients are kept out, and how many are connected, those at ADDRESS left out
  etcd-move close PORT SECONDS [ADDRESS...]    keeps new clients out, but for those at ADDRESS; the kernel ends it after SECONDS
  etcd-move drain PORT [ADDRESS...]            restarts the member: its clients go elsewhere, and with a closed door none comes back
  etcd-move open                               lets clients in
  etcd-move cut MILLISECONDS ID...             removes these members from the shard of this host's member, one right after the other,
                                               when all members have the same; begins none later than MILLISECONDS after its start
  etcd-move content REVISION PREFIX...         keys below each prefix at a revision (0: now) as this member has them: number and sum
  etcd-move note SHARD [TEXT]                  what the shard of this host's member keeps of the move to SHARD; with TEXT keeps that, "" forgets it
  etcd-move delete only|except PREFIX...       deletes what is below these prefixes, or what is below /registry/ and none of them

Each verb answers with one JSON object. Exit 0, 1 (refused or failed), 2 (usage).
"""

from __future__ import annotations

import json
import os
import sys

from machine_apply.report import Refused

from . import cut, door, keys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Json = dict[str, Any]


def main() -> int:
    os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    try:
        verb, *words = sys.argv[1:]
        answer = VERBS[verb](words)
    except (ValueError, KeyError, IndexError) as error:
        print(f"{__doc__}\netcd-move: {error}", file=sys.stderr)
        return 2
    except Refused as error:
        print(f"etcd-move: {error}", file=sys.stderr)
        return 1
    print(json.dumps(answer))
    return 0


VERBS: dict[str, Callable[[list[str]], Json]] = {
    "state": lambda words: door.state(door.number(words[0]), door.addresses(words[1:])),
    "close": lambda words: door.close(door.number(words[0]), door.number(words[1]), door.addresses(words[2:])),
    "drain": lambda words: door.drain(door.number(words[0]), door.addresses(words[1:])),
    "open": lambda words: door.open_again(),
    "cut": lambda words: cut.cut(door.number(words[0]), [cut.member_id(word) for word in words[1:]]),
    "content": lambda words: keys.content(door.number(words[0]), [keys.prefix(word) for word in words[1:]]),
    "note": lambda words: keys.note(keys.shard(words[0]), words[1] if len(words) > 1 else None),
    "delete": lambda words: keys.delete(words[0], [keys.prefix(word) for word in words[1:]]),
}
