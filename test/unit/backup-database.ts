/** Writes an etcd database file as bbolt does, small enough to be seen through: the tests of its reader must not need an etcd. */

export interface Entry {
  readonly revision: number;
  /** Absent: an entry of nothing, as a restore that moves revisions on makes it. */
  readonly key?: string;
  /** Absent: the key was deleted. */
  readonly value?: string;
  readonly version?: number;
}

const pageSize = 4096;
const [branch, leaf, meta] = [1, 2, 4];

/** @param perLeaf entries on a page, so that a few of them make a tree of several pages */
export function database(entries: readonly Entry[], perLeaf = 2): Buffer {
  const rows = entries.map((entry): [Buffer, Buffer] => [revisionOf(entry), keyValue(entry)]);
  const pages: Buffer[] = [];
  const add = (kind: number, elements: Buffer, count: number) =>
    pages.push(page(pages.length + 3, kind, count, elements));
  const groups = Array.from({ length: Math.ceil(rows.length / perLeaf) }, (_, index) =>
    rows.slice(index * perLeaf, (index + 1) * perLeaf),
  );
  for (const group of groups) add(leaf, leafElements(group, 0), group.length);
  const firsts = groups.map((group, index): [Buffer, number] => [group[0]?.[0] ?? Buffer.alloc(0), index + 3]);
  add(branch, branchElements(firsts), firsts.length);
  const root: [Buffer, Buffer][] = [
    [Buffer.from("key"), bucket(pages.length + 2)],
    [Buffer.from("meta"), bucket(3)],
  ];
  return Buffer.concat([metaPage(0, 6), metaPage(1, 7), page(2, leaf, 2, leafElements(root, 1)), ...pages]);
}

function revisionOf({ revision, key, value }: Entry): Buffer {
  const deleted = key !== undefined && value === undefined;
  const bytes = Buffer.alloc(deleted ? 18 : 17);
  bytes.writeBigUInt64BE(BigInt(revision), 0);
  bytes.write("_", 8);
  if (deleted) bytes.write("t", 17);
  return bytes;
}

function keyValue({ revision, key, value, version = 1 }: Entry): Buffer {
  const text = (field: number, content: string) =>
    Buffer.concat([Buffer.from([field * 8 + 2, ...varint(Buffer.byteLength(content))]), Buffer.from(content)]);
  if (key === undefined) return Buffer.alloc(0);
  if (value === undefined) return text(1, key);
  const numbers = [0x10, ...varint(revision), 0x18, ...varint(revision), 0x20, ...varint(version)];
  return Buffer.concat([text(1, key), Buffer.from(numbers), text(5, value)]);
}

function varint(number: number): number[] {
  return number < 0x80 ? [number] : [(number % 0x80) + 0x80, ...varint(Math.floor(number / 0x80))];
}

function bucket(root: number): Buffer {
  const head = Buffer.alloc(16);
  head.writeBigUInt64LE(BigInt(root), 0);
  return head;
}

function page(id: number, kind: number, count: number, elements: Buffer): Buffer {
  const bytes = Buffer.alloc(pageSize);
  bytes.writeBigUInt64LE(BigInt(id), 0);
  bytes.writeUInt16LE(kind, 8);
  bytes.writeUInt16LE(count, 10);
  elements.copy(bytes, 16);
  return bytes;
}

/** Heads first, then what they point to, counted from each head. */
function leafElements(rows: readonly (readonly [Buffer, Buffer])[], flags: number): Buffer {
  const heads = Buffer.alloc(16 * rows.length);
  let at = heads.length;
  for (const [index, [key, value]] of rows.entries()) {
    for (const [place, number] of [flags, at - 16 * index, key.length, value.length].entries())
      heads.writeUInt32LE(number, 16 * index + 4 * place);
    at += key.length + value.length;
  }
  return Buffer.concat([heads, ...rows.flat()]);
}

function branchElements(rows: readonly (readonly [Buffer, number])[]): Buffer {
  const heads = Buffer.alloc(16 * rows.length);
  let at = heads.length;
  for (const [index, [key, child]] of rows.entries()) {
    heads.writeUInt32LE(at - 16 * index, 16 * index);
    heads.writeUInt32LE(key.length, 16 * index + 4);
    heads.writeBigUInt64LE(BigInt(child), 16 * index + 8);
    at += key.length;
  }
  return Buffer.concat([heads, ...rows.map(([key]) => key)]);
}

function metaPage(id: number, transaction: number): Buffer {
  const body = Buffer.alloc(64);
  for (const [place, number] of [0xed0cdaed, 2, pageSize, 0].entries()) body.writeUInt32LE(number, 4 * place);
  body.writeBigUInt64LE(2n, 16);
  body.writeBigUInt64LE(BigInt(transaction), 48);
  body.writeBigUInt64LE(fnv(body.subarray(0, 56)), 56);
  return page(id, meta, 0, body);
}

function fnv(bytes: Buffer): bigint {
  return bytes.reduce((total, byte) => ((total ^ BigInt(byte)) * 0x100000001b3n) % (1n << 64n), 0xcbf29ce484222325n);
}
