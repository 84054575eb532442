/** IPv4 arithmetic on CIDR blocks. Texts that are no blocks give undefined. */

export interface Block {
  readonly first: number;
  readonly last: number;
  readonly prefix: number;
  /** The block as AWS writes it, host bits cleared. */
  readonly text: string;
}

export function addressOf(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return undefined;
  return parts.reduce((number, part) => number * 256 + Number(part), 0);
}

export function addressText(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join(".");
}

export function blockOf(text: string): Block | undefined {
  const [, base = "", length = ""] = /^([\d.]+)\/(\d{1,2})$/.exec(text) ?? [];
  const address = addressOf(base);
  const prefix = Number(length);
  if (address === undefined || length === "" || prefix > 32) return undefined;
  const size = 2 ** (32 - prefix);
  const first = Math.floor(address / size) * size;
  return { first, last: first + size - 1, prefix, text: `${addressText(first)}/${prefix}` };
}

export const contains = (outer: Block, inner: Block): boolean => outer.first <= inner.first && inner.last <= outer.last;
export const overlaps = (a: Block, b: Block): boolean => a.first <= b.last && b.first <= a.last;
