/**
 * What a host can get signed: nothing but what is planned for it, however it writes its request. What the check hands on is read by
 * openssl, a parser that has nothing in common with it, and is signed by the provider of the rehearsal engine.
 */
import { execFileSync } from "node:child_process";
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  X509Certificate,
} from "node:crypto";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { verifiedCertificate } from "../../../components/pki/issued";
import { verifiedRequest } from "../../../components/pki/requests";
import type { CertificatePlan } from "../../../components/plan/types";
import { UserError } from "../../../config/errors";
import type { Values } from "../../../engine";
import { bitString, der, oid, read, sequence, TAG, text } from "../../../engine/providers/tls/der";
import { providers } from "../../../engine/rehearsal";
import { call, create } from "./support";

const provider = providers("tls");
const peer: CertificatePlan = {
  name: "etcd-peer",
  authority: "kubernetes",
  keyPath: "/etc/etcd/pki/peer.key",
  certPath: "/etc/etcd/pki/peer.crt",
  owner: "etcd:etcd",
  commonName: "lab-etcd-main-1",
  dnsNames: ["lab-etcd-main-1"],
  ipAddresses: ["10.0.0.1"],
  uses: ["server_auth", "client_auth"],
};
const evil: CertificatePlan = {
  ...peer,
  commonName: "system:admin",
  organization: "system:masters",
  dnsNames: ["api.lab"],
  ipAddresses: ["10.0.0.66"],
};

interface Pair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}
const pair = (): Pair => generateKeyPairSync("ec", { namedCurve: "prime256v1" });
const own = pair();
const other = pair();
const spki = (key: KeyObject) => key.export({ type: "spki", format: "der" });

/** A request as DER, taken apart: a value has an encoded content or parts, and may be written longer than it needs to be. */
interface Node {
  tag: number;
  content: Buffer | Node[];
  style?: "long" | "indefinite";
}

const isConstructed = (tag: number) => (tag & 0x20) !== 0;
function tree(data: Buffer): Node[] {
  return read(data).map(({ tag, content }) => ({ tag, content: isConstructed(tag) ? tree(content) : content }));
}
function encode({ tag, content, style }: Node): Buffer {
  const body = Buffer.isBuffer(content) ? content : Buffer.concat(content.map(encode));
  if (style === "indefinite") return Buffer.concat([Buffer.of(tag, 0x80), body, Buffer.of(0, 0)]);
  if (style === "long") return Buffer.concat([Buffer.of(tag, 0x83, 0, body.length >> 8, body.length & 0xff), body]);
  return der(tag, body);
}

const address = (ip: string) =>
  ip.includes(":")
    ? Buffer.from(
        expanded(ip)
          .split(":")
          .map((group) => group.padStart(4, "0"))
          .join(""),
        "hex",
      )
    : Buffer.from(ip.split(".").map(Number));

/** All eight groups, as openssl writes them. */
function expanded(ip: string): string {
  const [head = "", tail] = new URL(`http://[${ip}]`).hostname.slice(1, -1).split("::");
  const groups = (part: string | undefined) => (part ? part.split(":") : []);
  const zeros = tail === undefined ? 0 : 8 - groups(head).length - groups(tail).length;
  return [...groups(head), ...Array<string>(zeros).fill("0"), ...groups(tail)].join(":").toUpperCase();
}

function namesExtension({ dnsNames, ipAddresses }: CertificatePlan): Buffer {
  const names = [...dnsNames.map((name) => text(0x82, name)), ...ipAddresses.map((ip) => der(0x87, address(ip)))];
  return sequence(oid("2.5.29.17"), der(TAG.octetString, sequence(...names)));
}
const attribute = (...values: Buffer[]) => sequence(oid("1.2.840.113549.1.9.14"), der(TAG.set, ...values));

/** The part of a request that is signed, as openssl writes it. */
function info(of: CertificatePlan, key = own.publicKey): Node {
  const part = (type: string, value: string) => der(TAG.set, sequence(oid(type), text(TAG.utf8, value)));
  const subject = [...(of.organization ? [part("2.5.4.10", of.organization)] : []), part("2.5.4.3", of.commonName)];
  const named = of.dnsNames.length + of.ipAddresses.length > 0;
  const attributes = named ? [attribute(sequence(namesExtension(of)))] : [];
  const content = sequence(der(TAG.integer, Buffer.of(0)), sequence(...subject), spki(key), der(0xa0, ...attributes));
  return tree(content)[0]!;
}

const ecdsa = sequence(oid("1.2.840.10045.4.3.2"));
const request = (part: Node, key = own.privateKey, algorithm = ecdsa) =>
  sequence(encode(part), algorithm, bitString(sign("sha256", encode(part), key)));

const armour = (body: Buffer, label = "CERTIFICATE REQUEST") =>
  `-----BEGIN ${label}-----\n${(body.toString("base64").match(/.{1,64}/g) ?? []).join("\n")}\n-----END ${label}-----\n`;
const planned = (of = peer) => armour(request(info(of)));
const attacks = armour(request(info(evil)));

/** A request whose signed part is changed before it is signed. */
function changed(change: (parts: Node[]) => void): string {
  const part = info(peer);
  change(part.content as Node[]);
  return armour(request(part));
}
const attributesOf = (parts: Node[]) => parts[3]!.content as Node[];
const evilAttribute = () => tree(attribute(sequence(namesExtension(evil))))[0]!;

const verified = (printed: string, of = peer) => verifiedRequest("lab-etcd-main-1", of, printed);

describe("a request that is not exactly the planned one", () => {
  const armours: Record<string, (block: string) => string> = {
    "a space after its BEGIN line": (block) => block.replace("REQUEST-----\n", "REQUEST----- \n"),
    "a tab after its BEGIN line": (block) => block.replace("REQUEST-----\n", "REQUEST-----\t\n"),
    "a space before its BEGIN line": (block) => ` ${block}`,
    "four dashes at its BEGIN line": (block) => block.replace("-----BEGIN", "----BEGIN"),
    "four dashes at its END line": (block) => block.replace(/-----\n$/, "----\n"),
    "no END line": (block) => block.replace(/-----END.*\n$/, ""),
    "another END line": (block) => block.replace("END CERTIFICATE REQUEST", "END CERTIFICATE"),
    "an END line on the last line of its text": (block) => block.replace("\n-----END", "-----END"),
    "a header": (block) => block.replace("REQUEST-----\n", "REQUEST-----\nProc-Type: 4\n\n"),
    "a header without a blank line": (block) => block.replace("REQUEST-----\n", "REQUEST-----\nA: b\n"),
    "a character that is not base64": (block) => block.replace(/\n(.)/, "\n!$1"),
    "padding in the middle": (block) => block.replace(/\n(.{4})/, "\n$1===="),
    "another label": (block) => block.replaceAll("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"),
    "lower case": (block) => block.replaceAll("BEGIN CERTIFICATE REQUEST", "BEGIN certificate request"),
    "nothing wrong": (block) => block,
  };

  it.each(Object.entries(armours))("two blocks, one of which has %s", (_, malformed) => {
    for (const printed of [
      malformed(attacks) + planned(),
      malformed(planned()) + attacks,
      attacks + malformed(planned()),
      planned() + malformed(attacks),
    ])
      expect(() => verified(printed)).toThrow('with a text that is not one PEM block "CERTIFICATE REQUEST" alone');
  });

  it.each([
    ["nothing", ""],
    ["line ends of Windows", planned().replaceAll("\n", "\r\n")],
    ["no last line end", planned().trimEnd()],
    ["a blank line", planned().replace("\n", "\n\n")],
    ["a text before it", `The request:\n${planned()}`],
    ["other lines", planned().replace(/\n(.{10})/, "\n$1\n")],
    ["base64 with bits left over", armour(Buffer.concat([request(info(peer))])).replace(/.\n-----END/, "!\n-----END")],
  ])("one block with %s", (_, printed) => {
    expect(() => verified(printed)).toThrow("alone, as `openssl req` writes it; nothing was signed. Look at the host");
  });

  it("another subject", () => {
    expect(() => verified(attacks)).toThrow(UserError);
    expect(() => verified(attacks)).toThrow(
      'lab-etcd-main-1 asks for a certificate "etcd-peer" for O="system:masters", CN="system:admin", planned is CN="lab-etcd-main-1"; nothing was signed. Look at the host before you go on.',
    );
  });

  const sneaky = { ...evil, organization: undefined, commonName: peer.commonName } as unknown as CertificatePlan;
  it.each<[string, (parts: Node[]) => void]>([
    ["other names", (parts) => parts.splice(3, 1, (info(sneaky).content as Node[])[3]!)],
    ["a second extensionRequest", (parts) => attributesOf(parts).push(evilAttribute())],
    ["a second extensionRequest in front", (parts) => attributesOf(parts).unshift(evilAttribute())],
    [
      "a second extensionRequest, the first with a length that is not minimal",
      (parts) => attributesOf(parts).push({ ...evilAttribute(), style: "long" }),
    ],
    [
      "an extensionRequest of two values",
      (parts) => {
        const values = (attributesOf(parts)[0]!.content as Node[])[1]!.content as Node[];
        values.push(...tree(sequence(namesExtension(evil))));
      },
    ],
    [
      "two extensions of names",
      (parts) => {
        const [values] = ((attributesOf(parts)[0]!.content as Node[])[1]!.content as Node[]).slice(-1);
        (values!.content as Node[]).push(...tree(namesExtension(evil)));
      },
    ],
    ["a length that is not minimal", (parts) => Object.assign(attributesOf(parts)[0]!, { style: "long" })],
    ["a length that is open", (parts) => Object.assign(parts[1]!, { style: "indefinite" })],
    ["no attributes at all", (parts) => parts.splice(3, 1)],
    [
      "a challenge password",
      (parts) => {
        attributesOf(parts).push(...tree(sequence(oid("1.2.840.113549.1.9.7"), der(TAG.set, text(TAG.utf8, "x")))));
      },
    ],
    ["another version", (parts) => Object.assign(parts[0]!, { content: Buffer.of(1) })],
    ["a value behind its last", (parts) => parts.push(...tree(der(0xa1)))],
  ])("%s", (_, change) => {
    expect(() => verified(changed(change))).toThrow(
      "with other names, attributes or another encoding than the planned",
    );
  });

  it("another string type in its subject", () => {
    const printable = changed((parts) => {
      const value = (((parts[1]!.content as Node[])[0]!.content as Node[])[0]!.content as Node[])[1]!;
      value.tag = TAG.printable;
    });
    expect(() => verified(printable)).toThrow("another encoding");
  });

  it.each([
    ["of another curve", generateKeyPairSync("ec", { namedCurve: "secp384r1" })],
    ["of another kind", generateKeyPairSync("rsa", { modulusLength: 2048 })],
    ["of Edwards", generateKeyPairSync("ed25519")],
  ])("a key %s", (_, { publicKey }) => {
    expect(() => verified(armour(request(info(peer, publicKey))))).toThrow(
      "with a request that has no ECDSA key on the curve P-256",
    );
  });

  it("a key in another encoding", () => {
    const { x = "", y = "" } = own.publicKey.export({ format: "jwk" });
    const sign = (Buffer.from(y, "base64url").at(-1) ?? 0) & 1;
    const point = Buffer.concat([Buffer.of(2 + sign), Buffer.from(x, "base64url")]);
    const compressed = sequence(sequence(oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7")), bitString(point));
    expect(createPublicKey({ key: compressed, type: "spki", format: "der" }).equals(own.publicKey)).toBe(true);
    const printed = changed((parts) => parts.splice(2, 1, ...tree(compressed)));
    expect(() => verified(printed)).toThrow("another encoding");
  });

  it("a signature of another key, of another request, or none", () => {
    const wrong = "with a request that is not signed with its own key";
    const part = encode(info(peer));
    const signed = (signature: Buffer) => armour(sequence(part, ecdsa, bitString(signature)));
    expect(() => verified(armour(request(info(peer), other.privateKey)))).toThrow(wrong);
    expect(() => verified(signed(sign("sha256", encode(info(evil)), own.privateKey)))).toThrow(wrong);
    expect(() => verified(signed(Buffer.alloc(0)))).toThrow(wrong);
    const good = sign("sha256", part, own.privateKey);
    expect(() => verified(signed(Buffer.concat([good, Buffer.of(0)])))).toThrow(wrong);
    expect(() => verified(signed(good))).not.toThrow();
    const sha384 = sequence(oid("1.2.840.10045.4.3.3"));
    expect(() => verified(armour(request(info(peer), own.privateKey, sha384)))).toThrow("another encoding");
  });

  it("text that is no request", () => {
    for (const body of [Buffer.alloc(0), Buffer.of(0x30), Buffer.alloc(12_000, 0x30), Buffer.from("nonsense")])
      expect(() => verified(armour(body))).toThrow(UserError);
  });
});

let authority: { readonly cert: string; readonly key: string };
async function newAuthority() {
  const { privateKeyPem } = (
    await create(provider, call("tls:index/privateKey:PrivateKey"), { algorithm: "ECDSA", ecdsaCurve: "P256" })
  ).outputs;
  const made = await create(provider, call("tls:index/selfSignedCert:SelfSignedCert"), {
    privateKeyPem: privateKeyPem as string,
    subject: { commonName: "lab kubernetes CA" },
    isCaCertificate: true,
    allowedUses: ["cert_signing", "crl_signing", "digital_signature"],
    validityPeriodHours: 48,
    setSubjectKeyId: true,
  });
  return { cert: made.outputs.certPem as string, key: privateKeyPem as string };
}
beforeAll(async () => {
  authority = await newAuthority();
});

async function issue(certRequestPem: string, inputs: Values = {}): Promise<string> {
  const made = await create(provider, call("tls:index/locallySignedCert:LocallySignedCert"), {
    caCertPem: authority.cert,
    caPrivateKeyPem: authority.key,
    certRequestPem,
    allowedUses: ["digital_signature", "key_encipherment", ...peer.uses],
    validityPeriodHours: 24,
    ...inputs,
  });
  return made.outputs.certPem as string;
}

/** What openssl reads in a request or a certificate: whom it is for. */
function opened(kind: "req" | "x509", pem: string): string[] {
  const words = [kind, "-noout", ...(kind === "req" ? ["-verify"] : []), "-subject", "-text"];
  const shown = execFileSync("openssl", [...words, "-nameopt", "RFC2253,utf8,-esc_msb"], {
    input: pem,
    encoding: "utf8",
    stdio: ["pipe", "pipe", "pipe"],
  });
  return [/^subject=(.*)$/m, /Subject Alternative Name: *\n *(.*)/].map((line) => line.exec(shown)?.[1] ?? "");
}

function wanted({ commonName, organization, dnsNames, ipAddresses }: CertificatePlan): string[] {
  const names = [
    ...dnsNames.map((name) => `DNS:${name}`),
    ...ipAddresses.map((ip) => `IP Address:${ip.includes(":") ? expanded(ip) : ip}`),
  ];
  return [`CN=${commonName}${organization ? `,O=${organization}` : ""}`, names.join(", ")];
}

/** As make-keys allows them. */
const word = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9:._@-]{0,20}[A-Za-z0-9])?$/);
const identity = fc
  .record(
    {
      commonName: word,
      organization: word,
      dnsNames: fc.array(fc.oneof(fc.domain(), fc.constant("*.lab")), { maxLength: 4 }),
      ipAddresses: fc.array(fc.oneof(fc.ipV4(), fc.ipV6()), { maxLength: 4 }),
    },
    { requiredKeys: ["commonName", "dnsNames", "ipAddresses"] },
  )
  .map((own): CertificatePlan => {
    const { organization: _, ...rest } = peer;
    return { ...rest, ...own };
  });

/** One change of a value somewhere in the part that is signed. */
const change = fc.record({
  at: fc.nat(),
  byte: fc.nat(255),
  how: fc.constantFrom("twice", "gone", "long", "indefinite", "tag", "byte", "longer", "moved", "attribute", "names"),
});
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

function mutate(root: Node, { at, byte, how }: Change): void {
  const places: { readonly list: Node[]; readonly index: number }[] = [];
  const visit = (list: Node[]): void =>
    list.forEach((node, index) => {
      places.push({ list, index });
      if (!Buffer.isBuffer(node.content)) visit(node.content);
    });
  visit([root]);
  const { list, index } = places[at % places.length]!;
  const node = list[index]!;
  const attributes = (root.content as Node[])[3];
  if (how === "twice") list.splice(index, 0, copied(node));
  if (how === "gone" && list.length > 1) list.splice(index, 1);
  if (how === "long" || how === "indefinite") node.style = how;
  if (how === "tag") node.tag = byte;
  if (how === "moved") list.push(...list.splice(index, 1));
  if (how === "attribute" && attributes && !Buffer.isBuffer(attributes.content))
    attributes.content.push(evilAttribute());
  if (how === "names" && !Buffer.isBuffer(node.content)) node.content.push(...tree(namesExtension(evil)));
  if (how === "byte" && Buffer.isBuffer(node.content) && node.content.length > 0) {
    node.content = Buffer.from(node.content);
    node.content[byte % node.content.length]! ^= 1 << (at % 8);
  }
  if (how === "longer" && Buffer.isBuffer(node.content)) node.content = Buffer.concat([node.content, Buffer.of(byte)]);
}

const copied = (node: Node): Node => ({
  ...node,
  content: Buffer.isBuffer(node.content) ? node.content : node.content.map(copied),
});

/** Changes of the text: other blocks around it, characters that come, go or are others. */
const edit = fc.oneof(
  fc.record({
    kind: fc.constant("insert" as const),
    at: fc.nat(),
    text: fc.constantFrom(" ", "\n", "\r", "\t", "-", "=", "A", "\0", "A: b\n\n"),
  }),
  fc.record({ kind: fc.constant("remove" as const), at: fc.nat(), text: fc.constant("") }),
  fc.record({
    kind: fc.constantFrom("before" as const, "after" as const),
    at: fc.nat(),
    text: fc.constantFrom(attacks, "-----BEGIN CERTIFICATE REQUEST-----\n"),
  }),
);
type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never;

function edited(printed: string, { kind, at, text: more }: Edit): string {
  // Rather where the armour is.
  const ends = [...printed.matchAll(/\n|-----/g)].map(({ index }) => index);
  const place = at % 2 ? (ends[at % ends.length] ?? 0) : at % (printed.length + 1);
  if (kind === "before") return more + printed;
  if (kind === "after") return printed + more;
  return printed.slice(0, place) + more + printed.slice(place + (kind === "remove" ? 1 : 0));
}

it("whatever a host writes, openssl reads the planned identity in what is signed, and the signer issues just that", async () => {
  const seen = { signed: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(
      identity,
      fc.array(change, { maxLength: 3 }),
      fc.array(edit, { maxLength: 2 }),
      fc.boolean(),
      async (of, changes, edits, rightKey) => {
        const part = info(of);
        for (const one of changes) mutate(part, one);
        const key = rightKey || changes.length > 0 ? own.privateKey : other.privateKey;
        const printed = edits.reduce(edited, armour(request(part, key)));
        let handedOn: string;
        try {
          handedOn = verified(printed, of);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
          seen.refused++;
          return;
        }
        seen.signed++;
        expect(opened("req", handedOn)).toEqual(wanted(of));
        const issued = await issue(handedOn);
        expect(opened("x509", issued)).toEqual(wanted(of));
        expect(new X509Certificate(issued).publicKey.equals(own.publicKey)).toBe(true);
        expect(verifiedCertificate("host", of, handedOn, issued, authority.cert)).toBe(issued);
      },
    ),
    { numRuns: 1500 },
  );
  expect(seen.signed).toBeGreaterThan(20);
  expect(seen.refused).toBeGreaterThan(500);
});

describe("a certificate that is not exactly the planned one does not come to a host", () => {
  const use = (certPem: string, by = authority.cert) =>
    verifiedCertificate("lab-etcd-main-1", peer, planned(), certPem, by);
  const usesOf = (...uses: string[]) => ({ allowedUses: ["digital_signature", "key_encipherment", ...uses] });

  it("of another identity, key or authority", async () => {
    const one = await issue(planned());
    expect(use(one)).toBe(one);
    expect(() => use(armour(Buffer.from("nonsense"), "CERTIFICATE"))).toThrow("cannot be read");
    expect(() => use(one + one)).toThrow("cannot be read");
    const evils = await issue(attacks);
    expect(() => use(evils)).toThrow(UserError);
    expect(() => use(evils)).toThrow(
      'the certificate "etcd-peer" that was issued for lab-etcd-main-1 is for O="system:masters", CN="system:admin", planned is CN="lab-etcd-main-1"; it was not put on the host.',
    );
    const others = await issue(armour(request(info(peer, other.publicKey), other.privateKey)));
    expect(() => use(others)).toThrow("is for another key than the host's");
    const { cert } = await newAuthority();
    expect(() => use(one, cert)).toThrow('is not signed by the authority "kubernetes"');
  });

  it("of other names, uses or extensions", async () => {
    const named = (of: Partial<CertificatePlan>) => issue(planned({ ...peer, ...of }));
    for (const issued of [
      named({ dnsNames: [...peer.dnsNames, "api.lab"] }),
      named({ dnsNames: [], ipAddresses: [] }),
      issue(planned(), usesOf("server_auth")),
      issue(planned(), usesOf()),
      issue(planned(), { allowedUses: ["cert_signing", ...peer.uses] }),
      issue(planned(), { setSubjectKeyId: true }),
    ]) {
      const certPem = await issued;
      expect(() => use(certPem)).toThrow("has other names, uses or extensions than planned");
    }
  });

  it("an authority, or one with more in it, whoever has signed it", async () => {
    const basic = (...content: Buffer[]) =>
      sequence(oid("2.5.29.19"), der(TAG.boolean, Buffer.of(0xff)), der(TAG.octetString, sequence(...content)));
    const one = await issue(planned());
    const isBasic = (extension: Node) => encode(extension).equals(basic());
    const changes: ((extensions: Node[]) => void)[] = [
      (extensions) =>
        extensions.splice(extensions.findIndex(isBasic), 1, ...tree(basic(der(TAG.boolean, Buffer.of(0xff))))),
      (extensions) => extensions.splice(extensions.findIndex(isBasic), 1),
      (extensions) => extensions.push(...tree(namesExtension(evil))),
      (extensions) => extensions.push(...tree(namesExtension(peer))),
    ];
    expect(use(signedAnew(one, () => undefined))).not.toBe(one);
    for (const change of changes) expect(() => use(signedAnew(one, change))).toThrow("it was not put on the host");
  });
});

/** A certificate with other extensions, signed by the authority all the same. */
function signedAnew(certPem: string, change: (extensions: Node[]) => void): string {
  const part = (tree(new X509Certificate(certPem).raw)[0]!.content as Node[])[0]!;
  const extensions = (part.content as Node[]).at(-1)!.content as Node[];
  change(extensions[0]!.content as Node[]);
  return armour(request(part, createPrivateKey(authority.key)), "CERTIFICATE");
}
