"""Reads the keys of an etcd database file: what `etcdutl snapshot restore` has made, without a second etcd on the host.

A bbolt file is pages: two metas, of which the newer one that is whole counts, then a tree of branch and leaf pages for each bucket
(go.etcd.io/bbolt internal/common). The bucket "key" has an entry a revision, in the order of revisions (etcd mvcc/revision.go).
"""

from __future__ import annotations

import mmap
import struct

from .content import Content
from .report import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = struct.Struct("<QHHI")
META = struct.Struct("<IIIIQQQQQQ")
BRANCH = struct.Struct("<IIQ")
LEAF = struct.Struct("<IIII")
BUCKET = struct.Struct("<QQ")
IS_BRANCH, IS_LEAF = 1, 2
MAGIC, VERSION = 0xED0CDAED, 2
DEEPEST = 64


def read_database(path: str) -> tuple[int, Content]:
    """@returns the revision of the newest entry, and what is there at it"""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            return read_keys(data)
        except (struct.error, IndexError, ValueError) as error:
            raise Refused(f"the database cannot be read: {error}. The snapshot is broken; take another one") from None


def read_keys(data: mmap.mmap) -> tuple[int, Content]:
    newest, content = 0, Content()
    seen: set[bytes] = set()
    # The newest entry of a key is what it is now.
    for revision, entry in entries(data):
        newest = newest or int.from_bytes(revision[:8], "big")
        # A restore that lets revisions go on higher marks where with an entry of nothing (etcdutl snapshot/v3_snapshot.go).
        if not entry:
            content.nameless = 1
            continue
        key, value, mod_revision, version = key_value(entry)
        if key not in seen:
            seen.add(key)
            if not revision.endswith(b"t"):
                content.add(key, value, mod_revision, version)
    return newest, content


def entries(data: mmap.mmap) -> Iterator[tuple[bytes, bytes]]:
    """Of the bucket "key", the last one first."""
    page_size, root = newest_meta(data)
    for name, value, at in leaves(data, page_size, root * page_size):
        if name == b"key":
            page, _ = BUCKET.unpack_from(value)
            # A bucket of few entries stands in its parent's page, behind its own head.
            start = page * page_size if page else at + BUCKET.size
            for revision, entry, _ in leaves(data, page_size, start):
                yield revision, entry
            return
    raise ValueError('it has no bucket "key"')


def newest_meta(data: mmap.mmap) -> tuple[int, int]:
    """@returns the size of a page, and the page of the tree's root"""
    whole = []
    page_size = META.unpack_from(data, PAGE.size)[2]
    for at in (PAGE.size, PAGE.size + page_size):
        magic, version, _, _, root, _, _, _, transaction, checksum = META.unpack_from(data, at)
        if (magic, version) == (MAGIC, VERSION) and checksum == fnv(data[at : at + META.size - 8]):
            whole.append((transaction, root))
    if not whole or page_size < 512:
        raise ValueError("it has no whole meta page")
    return page_size, max(whole)[1]


def leaves(data: mmap.mmap, page_size: int, start: int, depth: int = 0) -> Iterator[tuple[bytes, bytes, int]]:
    """Key, value and the value's place, the last one first."""
    _, flags, count, _ = PAGE.unpack_from(data, start)
    first = start + PAGE.size
    if depth > DEEPEST or flags not in (IS_BRANCH, IS_LEAF):
        raise ValueError(f"the page at {start} is none of a tree")
    if flags == IS_BRANCH:
        for index in reversed(range(count)):
            yield from leaves(data, page_size, BRANCH.unpack_from(data, first + index * BRANCH.size)[2] * page_size, depth + 1)
        return
    for index in reversed(range(count)):
        head = first + index * LEAF.size
        _, position, key_size, value_size = LEAF.unpack_from(data, head)
        key = head + position
        value = key + key_size
        if value + value_size > len(data):
            raise ValueError(f"the page at {start} points outside of the file")
        yield data[key:value], data[value : value + value_size], value


def key_value(entry: bytes) -> tuple[bytes, bytes, int, int]:
    """Key, value, mod_revision and version of a mvccpb.KeyValue (etcd api/mvccpb/kv.proto)."""
    found: dict[int, bytes] = {}
    numbers: dict[int, int] = {}
    at, end = 0, len(entry)
    while at < end:
        field, at = varint(entry, at)
        number, at = varint(entry, at)
        if field & 7 == 2:
            found[field >> 3] = entry[at : at + number]
            at += number
        elif field & 7 == 0:
            numbers[field >> 3] = number
        else:
            raise ValueError(f"an entry has a field of an unknown kind, {field}")
    if at != end or 1 not in found:
        raise ValueError("an entry is cut short")
    return found[1], found.get(5, b""), numbers.get(3, 0), numbers.get(4, 0)


def varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at


def fnv(data: bytes) -> int:
    """FNV-1a of 64 bits."""
    total = 0xCBF29CE484222325
    for byte in data:
        total = (total ^ byte) * 0x100000001B3 % (1 << 64)
    return total
