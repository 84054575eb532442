/** Names, alternative names and usages: the parts of a certificate that say whom it is for and what for. */
import type { Values } from "../../values/value";
import { at, bitString, context, der, ipBytes, oid, read, sequence, TAG, text, type Value } from "./der";

/** The parts of a name in the order in which Go writes them. */
const NAME_PARTS: readonly [property: string, type: string][] = [
  ["country", "2.5.4.6"],
  ["organization", "2.5.4.10"],
  ["organizationalUnit", "2.5.4.11"],
  ["locality", "2.5.4.7"],
  ["province", "2.5.4.8"],
  ["streetAddresses", "2.5.4.9"],
  ["postalCode", "2.5.4.17"],
  ["commonName", "2.5.4.3"],
  ["serialNumber", "2.5.4.5"],
  ["emailAddress", "1.2.840.113549.1.9.1"],
];

/** A subject of the inputs as a name. */
export function name(subject: Values): Buffer {
  const parts = NAME_PARTS.flatMap(([property, type]) => {
    const given = subject[property];
    const values = (Array.isArray(given) ? given : [given]).filter((value) => typeof value === "string");
    if (values.length === 0) return [];
    const tag = (value: string) =>
      property === "emailAddress" ? TAG.ia5 : /^[A-Za-z0-9 '()+,./:=?-]*$/.test(value) ? TAG.printable : TAG.utf8;
    return [der(TAG.set, ...values.map((value) => sequence(oid(type), text(tag(value), value))).sort(Buffer.compare))];
  });
  return sequence(...parts);
}

/** Bit of the key usage extension (RFC 5280, 4.2.1.3). */
const KEY_USAGES: Record<string, number> = {
  digital_signature: 0,
  content_commitment: 1,
  key_encipherment: 2,
  data_encipherment: 3,
  key_agreement: 4,
  cert_signing: 5,
  crl_signing: 6,
  encipher_only: 7,
  decipher_only: 8,
};
const EXTENDED_KEY_USAGES: Record<string, string> = {
  any_extended: "2.5.29.37.0",
  server_auth: "1.3.6.1.5.5.7.3.1",
  client_auth: "1.3.6.1.5.5.7.3.2",
  code_signing: "1.3.6.1.5.5.7.3.3",
  email_protection: "1.3.6.1.5.5.7.3.4",
  ipsec_end_system: "1.3.6.1.5.5.7.3.5",
  ipsec_tunnel: "1.3.6.1.5.5.7.3.6",
  ipsec_user: "1.3.6.1.5.5.7.3.7",
  timestamping: "1.3.6.1.5.5.7.3.8",
  ocsp_signing: "1.3.6.1.5.5.7.3.9",
  microsoft_server_gated_crypto: "1.3.6.1.4.1.311.10.3.3",
  netscape_server_gated_crypto: "2.16.840.1.113730.4.1",
  microsoft_commercial_code_signing: "1.3.6.1.4.1.311.2.1.22",
  microsoft_kernel_code_signing: "1.3.6.1.4.1.311.61.1.1",
};
export const ALLOWED_USES = [...Object.keys(KEY_USAGES), ...Object.keys(EXTENDED_KEY_USAGES)].sort();

export function extension(id: string, value: Buffer, critical = false): Buffer {
  const flag = critical ? [der(TAG.boolean, Buffer.of(0xff))] : [];
  return sequence(oid(id), ...flag, der(TAG.octetString, value));
}

/** Alternative names, encoded, in Go's order: DNS names, addresses, URIs. */
export interface Names {
  readonly dns: readonly Buffer[];
  readonly ip: readonly Buffer[];
  readonly uri: readonly Buffer[];
}

export function altNames(inputs: Values): Names {
  const list = (property: string) => (Array.isArray(inputs[property]) ? inputs[property].map(String) : []);
  return {
    dns: list("dnsNames").map((value) => Buffer.from(value)),
    ip: list("ipAddresses").map(ipBytes),
    uri: list("uris").map((value) => Buffer.from(value)),
  };
}

export function altNamesExtension(names: Names, critical: boolean): Buffer[] {
  const all = [
    ...names.dns.map((value) => context(2, false, value)),
    ...names.ip.map((value) => context(7, false, value)),
    ...names.uri.map((value) => context(6, false, value)),
  ];
  return all.length === 0 ? [] : [extension("2.5.29.17", sequence(...all), critical)];
}

export function usages(allowed: readonly string[]): Buffer[] {
  const bits = allowed.flatMap((use) => KEY_USAGES[use] ?? []);
  const extended = allowed.flatMap((use) => EXTENDED_KEY_USAGES[use] ?? []);
  const found: Buffer[] = [];
  if (bits.length > 0) {
    const last = Math.max(...bits);
    const bytes = Buffer.alloc(last > 7 ? 2 : 1);
    for (const bit of bits) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
    found.push(extension("2.5.29.15", bitString(bytes, 7 - (last & 7)), true));
  }
  if (extended.length > 0) found.push(extension("2.5.29.37", sequence(...extended.map(oid))));
  return found;
}

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

export function requestedNames(request: Value): Names {
  const attributes = read(request.content)[3];
  const asked = (attributes === undefined ? [] : read(attributes.content)).find((attribute) =>
    at(attribute, 0).raw.equals(oid("1.2.840.113549.1.9.14")),
  );
  const names = extensionsOf(asked === undefined ? undefined : at(asked, 1, 0)).get("2.5.29.17");
  const all = names === undefined ? [] : read(at(read(names)[0]).content);
  const of = (tag: number) => all.filter((item) => item.tag === (0x80 | tag)).map((item) => item.content);
  return { dns: of(2), ip: of(7), uri: of(6) };
}
