/**
 * As much of DER as certificates and certificate requests need.
 *
 * Written here rather than taken from a library because of one requirement: Go finds the issuer of a certificate by comparing
 * names byte by byte, so a name must be copied as it is, never decoded and encoded again.
 */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  printable: 0x13,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One value: tag, length, content. */
export function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const size: number[] = [];
  for (let rest = content.length; rest > 0; rest = Math.floor(rest / 256)) size.unshift(rest & 0xff);
  const length = content.length < 0x80 ? [content.length] : [0x80 | size.length, ...size];
  return Buffer.concat([Buffer.of(tag, ...length), content]);
}

export function sequence(...parts: Buffer[]): Buffer {
  return der(TAG.sequence, ...parts);
}

/** A tag of the context: `[n]`, with or without values inside. */
export function context(n: number, constructed: boolean, ...parts: Buffer[]): Buffer {
  return der((constructed ? 0xa0 : 0x80) | n, ...parts);
}

/** A number that is not negative, from its bytes. */
export function integer(bytes: Buffer): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const short = bytes.subarray(start);
  return der(TAG.integer, ((short[0] ?? 0) & 0x80) !== 0 ? Buffer.concat([Buffer.of(0), short]) : short);
}

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const septets = [arc & 0x7f];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      septets.unshift(0x80 | (left & 0x7f));
    bytes.push(...septets);
  }
  return der(TAG.oid, Buffer.from(bytes));
}

export function text(tag: number, value: string): Buffer {
  return der(tag, Buffer.from(value));
}

export function bitString(content: Buffer, unusedBits = 0): Buffer {
  return der(TAG.bitString, Buffer.of(unusedBits), content);
}

/** Two-digit years up to 2049, four-digit ones from then on (RFC 5280, 4.1.2.5). */
export function time(date: Date): Buffer {
  const digits = date
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replace(/[-:T]/g, "");
  return date.getUTCFullYear() < 2050 ? text(TAG.utcTime, digits.slice(2)) : text(TAG.generalizedTime, digits);
}

export interface Value {
  readonly tag: number;
  readonly content: Buffer;
  /** The value with tag and length, as it was read. */
  readonly raw: Buffer;
}

/** The values that follow one another in `data`. */
export function read(data: Buffer): Value[] {
  const values: Value[] = [];
  for (let at = 0; at < data.length; ) {
    const first = data[at + 1] ?? 0;
    const sizeBytes = first < 0x80 ? 0 : first & 0x7f;
    const start = at + 2 + sizeBytes;
    const length = sizeBytes === 0 ? first : sizeBytes > 4 ? Number.NaN : data.readUIntBE(at + 2, sizeBytes);
    if (!(start + length <= data.length)) throw new Error("asn1: syntax error: data truncated");
    values.push({
      tag: data[at] ?? 0,
      content: data.subarray(start, start + length),
      raw: data.subarray(at, start + length),
    });
    at = start + length;
  }
  return values;
}

/** The value at a path of positions, such as "the third one in the first one". */
export function at(value: Value | undefined, ...path: number[]): Value {
  let found = value;
  for (const position of path) found = found === undefined ? undefined : read(found.content)[position];
  if (found === undefined) throw new Error("asn1: structure error: a value is missing");
  return found;
}
