/** IPv4 ranges as arithmetic: enough for a plan that computes every address from a name and an index. */
export interface Cidr {
  /** First address as an unsigned 32-bit number. */
  readonly base: number;
  readonly prefix: number;
}

/** Parses "198.18.0.0/20"; undefined when it is not an IPv4 range written from its first address. */
export function parseCidr(text: string): Cidr | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (!match) return undefined;
  const [a, b, c, d, prefix] = match.slice(1).map(Number) as [number, number, number, number, number];
  if ([a, b, c, d].some((octet) => octet > 255) || prefix > 32) return undefined;
  const base = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  return base % sizeOf({ base, prefix }) === 0 ? { base, prefix } : undefined;
}

/** Number of addresses in the range. */
export function sizeOf(cidr: Cidr): number {
  return 2 ** (32 - cidr.prefix);
}

/** The address at `offset` from the start of the range, as dotted text. */
export function addressAt(cidr: Cidr, offset: number): string {
  if (offset < 0 || offset >= sizeOf(cidr)) {
    throw new RangeError(`offset ${offset} lies outside a /${cidr.prefix} (${sizeOf(cidr)} addresses)`);
  }
  const value = cidr.base + offset;
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
}

export function overlap(a: Cidr, b: Cidr): boolean {
  return a.base < b.base + sizeOf(b) && b.base < a.base + sizeOf(a);
}
