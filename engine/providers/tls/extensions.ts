/** Names, alternative names and usages: the parts of a certificate that say whom it is for and what for. */
import { isObject, type Value as Property } from "../../values/value";
import { unsupported } from "../unsupported";
import { at, bitString, der, oid, read, sequence, TAG, text, type Value } from "./der";

/** The parts of a name in the order in which Go writes them. */
const NAME_PARTS = { organization: "2.5.4.10", commonName: "2.5.4.3" } as const;
export const SUBJECT_PROPERTIES = Object.keys(NAME_PARTS);

/** A subject of the inputs as a name. */
export function name(subject: Property | undefined): Buffer {
  const given = isObject(subject) ? subject : {};
  const parts = Object.entries(NAME_PARTS).flatMap(([property, type]) => {
    const value = given[property];
    if (typeof value !== "string") return [];
    const tag = /^[A-Za-z0-9 '()+,./:=?-]*$/.test(value) ? TAG.printable : TAG.utf8;
    return [der(TAG.set, sequence(oid(type), text(tag, value)))];
  });
  return sequence(...parts);
}

/** Bit of the key usage extension (RFC 5280, 4.2.1.3). */
const KEY_USAGES: Record<string, number> = {
  digital_signature: 0,
  key_encipherment: 2,
  cert_signing: 5,
  crl_signing: 6,
};
const EXTENDED_KEY_USAGES: Record<string, string> = {
  server_auth: "1.3.6.1.5.5.7.3.1",
  client_auth: "1.3.6.1.5.5.7.3.2",
};
export const ALLOWED_USES = [...Object.keys(KEY_USAGES), ...Object.keys(EXTENDED_KEY_USAGES)].sort();

export function extension(id: string, value: Buffer, critical = false): Buffer {
  const flag = critical ? [der(TAG.boolean, Buffer.of(0xff))] : [];
  return sequence(oid(id), ...flag, der(TAG.octetString, value));
}

export function usages(allowed: readonly string[]): Buffer[] {
  const bits = allowed.flatMap((use) => KEY_USAGES[use] ?? []);
  const extended = allowed.flatMap((use) => EXTENDED_KEY_USAGES[use] ?? []);
  const found: Buffer[] = [];
  if (bits.length > 0) {
    const last = Math.max(...bits);
    const byte = bits.reduce((sum, bit) => sum | (0x80 >> bit), 0);
    found.push(extension("2.5.29.15", bitString(Buffer.of(byte), 7 - last), true));
  }
  if (extended.length > 0) found.push(extension("2.5.29.37", sequence(...extended.map(oid))));
  return found;
}

/** Kinds of alternative names by their tags (RFC 5280, 4.2.1.6), in Go's order. */
const NAME_KINDS: Readonly<Record<string, number>> = { DNS: 0x82, IP: 0x87 };

/** The content of each extension, by its number. */
export function extensionsOf(list: Value | undefined): Map<string, Buffer> {
  const known = ["2.5.29.14", "2.5.29.17"].map((id) => [id, oid(id)] as const);
  const found = new Map<string, Buffer>();
  for (const item of list === undefined ? [] : read(list.content)) {
    const parts = read(item.content);
    const id = known.find(([, encoded]) => encoded.equals(parts[0]?.raw ?? Buffer.alloc(0)))?.[0];
    if (id !== undefined) found.set(id, parts.at(-1)?.content ?? Buffer.alloc(0));
  }
  return found;
}

/** The DNS names and addresses that a request asks for. */
export function requestedNames(request: Value): Buffer | undefined {
  const attributes = read(request.content)[3];
  const asked = (attributes === undefined ? [] : read(attributes.content)).find((attribute) =>
    at(attribute, 0).raw.equals(oid("1.2.840.113549.1.9.14")),
  );
  const names = extensionsOf(asked === undefined ? undefined : at(asked, 1, 0)).get("2.5.29.17");
  const all = names === undefined ? [] : read(at(read(names)[0]).content);
  const ordered = Object.values(NAME_KINDS).flatMap((tag) => all.filter((item) => item.tag === tag));
  const other = all.find((item) => !ordered.includes(item));
  if (other !== undefined)
    throw unsupported("an alternative name of kind", String(other.tag & 0x1f), Object.keys(NAME_KINDS));
  return ordered.length === 0 ? undefined : sequence(...ordered.map(({ raw }) => raw));
}
