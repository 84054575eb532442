/** A planned identity in DER: in one form, which is openssl's on a host and Go's at the signer, so that whole values can be compared. */
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import {
  AttributeTypeAndValue,
  AttributeValue,
  Extension,
  GeneralName,
  id_ce_subjectAltName,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
} from "@peculiar/asn1-x509";
import type { KeyRequest } from "../machine/machine";

export type Identity = Pick<KeyRequest, "commonName" | "organization" | "dnsNames" | "ipAddresses">;

const attributeNames: Readonly<Record<string, string>> = { "2.5.4.10": "O", "2.5.4.3": "CN" };

export function subjectOf({ organization, commonName }: Identity): Name {
  const part = (type: string, utf8String: string) =>
    new RelativeDistinguishedName([new AttributeTypeAndValue({ type, value: new AttributeValue({ utf8String }) })]);
  return new Name([
    ...(organization === undefined ? [] : [part("2.5.4.10", organization)]),
    part("2.5.4.3", commonName),
  ]);
}

/** Undefined for an identity without names and addresses. */
export function alternativeNames({ dnsNames, ipAddresses }: Identity): Extension | undefined {
  const names = new SubjectAlternativeName([
    ...dnsNames.map((dNSName) => new GeneralName({ dNSName })),
    ...ipAddresses.map((address) => new GeneralName({ iPAddress: plain(address) })),
  ]);
  if (names.length === 0) return undefined;
  return extension(id_ce_subjectAltName, names);
}

/** Without the dotted tail that an IPv6 address may have: the library knows none. */
const plain = (address: string): string =>
  address.includes(":") ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;

export const extension = (extnID: string, value: object, critical = false): Extension =>
  new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });

/** `O="system:etcd", CN="etcd-1"`: to be compared and to be shown, whatever is in it. */
export function textOf(name: Name): string {
  const text = ({ type, value }: AttributeTypeAndValue) =>
    `${attributeNames[type] ?? type}=${JSON.stringify(value.toString())}`;
  return name.map((part) => part.map(text).join("+")).join(", ");
}

export const derOf = (value: object): Buffer => Buffer.from(AsnConvert.serialize(value));

/** The content of a text that is one PEM block and nothing else, in the form in which {@link toPem} writes it; else undefined. */
export function fromPem(label: string, text: string): Buffer | undefined {
  const der = Buffer.from(text.split("\n").slice(1, -2).join(""), "base64");
  return toPem(label, der) === text ? der : undefined;
}

export function toPem(label: string, der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

/** DER as a value of that type; undefined where it is none. */
export function read<T>(der: Buffer, type: new () => T): T | undefined {
  try {
    return AsnConvert.parse(der, type);
  } catch {
    return undefined;
  }
}
