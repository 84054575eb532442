/** The `tls` package: keys, requests and certificates that live in the state, as pulumi-tls 5.x makes them. */
import { diffOf, type Provider, type ResourceCall } from "../../provider/provider";
import { changedPaths, type DiffKind } from "../../values/compare";
import { hasUnknown, UNKNOWN, type Value, type Values } from "../../values/value";
import { unsupported } from "../unsupported";
import { certificateRequest, locallySigned, selfSigned } from "./certificates";
import { ALLOWED_USES } from "./extensions";
import { ALGORITHMS, algorithmOf, CURVE_NAMES, createKey, KEY_DEFAULTS, parsePrivateKey, publicKeyOf } from "./keys";

const KEY = "tls:index/privateKey:PrivateKey";
const SELF_SIGNED = "tls:index/selfSignedCert:SelfSignedCert";
const REQUEST = "tls:index/certRequest:CertRequest";
const LOCALLY_SIGNED = "tls:index/locallySignedCert:LocallySignedCert";
const TYPES = [KEY, SELF_SIGNED, REQUEST, LOCALLY_SIGNED];
const GET_PUBLIC_KEY = "tls:index/getPublicKey:getPublicKey";

const CERTIFICATE_DEFAULTS: Values = {
  earlyRenewalHours: 0,
  isCaCertificate: false,
  setSubjectKeyId: false,
};
/** What the provider adds to the inputs of each type. */
const DEFAULTS: Record<string, Values> = {
  [KEY]: KEY_DEFAULTS,
  [SELF_SIGNED]: { ...CERTIFICATE_DEFAULTS, setAuthorityKeyId: false },
  [LOCALLY_SIGNED]: CERTIFICATE_DEFAULTS,
};
const CERTIFICATE_OUTPUTS = ["certPem", "readyForRenewal", "validityStartTime", "validityEndTime"];
/** What only a creation tells. */
const COMPUTED: Record<string, readonly string[]> = {
  [KEY]: [
    "privateKeyOpenssh",
    "privateKeyPem",
    "privateKeyPemPkcs8",
    "publicKeyFingerprintMd5",
    "publicKeyFingerprintSha256",
    "publicKeyOpenssh",
    "publicKeyPem",
  ],
  [SELF_SIGNED]: [...CERTIFICATE_OUTPUTS, "keyAlgorithm"],
  [REQUEST]: ["certRequestPem", "keyAlgorithm"],
  [LOCALLY_SIGNED]: [...CERTIFICATE_OUTPUTS, "caKeyAlgorithm"],
};
const REQUIRED: Record<string, readonly string[]> = {
  [KEY]: ["algorithm"],
  [SELF_SIGNED]: ["privateKeyPem", "allowedUses", "validityPeriodHours"],
  [REQUEST]: ["privateKeyPem"],
  [LOCALLY_SIGNED]: ["caCertPem", "caPrivateKeyPem", "certRequestPem", "allowedUses", "validityPeriodHours"],
};
const ONE_OF: Record<string, readonly string[]> = {
  algorithm: ALGORITHMS,
  ecdsaCurve: CURVE_NAMES,
  allowedUses: ALLOWED_USES,
};

function wrong(property: string, value: Value): string | undefined {
  if (property.includes("Wo")) return "is not supported in a rehearsal: a write-only value is not in the state";
  const values = Array.isArray(value) ? value : [value];
  const accepted = ONE_OF[property];
  const bad =
    accepted === undefined ? undefined : values.find((item) => item !== UNKNOWN && !accepted.includes(String(item)));
  if (bad !== undefined) return `has the value ${JSON.stringify(bad)}; accepted: ${accepted?.join(", ")}`;
  if (property.endsWith("Hours") && !(Number.isInteger(value) && Number(value) >= 0)) return "must be a whole number";
  return undefined;
}

class TlsProvider implements Provider {
  constructor(private readonly now: () => Date) {}

  async check(call: ResourceCall, _old: Values | undefined, inputs: Values) {
    if (!TYPES.includes(call.type)) throw unsupported("Resource type", call.type, TYPES);
    const missing = (REQUIRED[call.type] ?? []).filter((property) => (inputs[property] ?? null) === null);
    const failures = missing.map((property) => ({ property, reason: `${property} is missing` }));
    for (const [property, value] of Object.entries(inputs)) {
      const reason = value === null || value === UNKNOWN ? undefined : wrong(property, value);
      if (reason !== undefined) failures.push({ property, reason: `${property} ${reason}` });
    }
    return { inputs, failures };
  }

  async diff(call: ResourceCall, _id: string, oldInputs: Values, oldOutputs: Values, inputs: Values) {
    const defaults = DEFAULTS[call.type] ?? {};
    const changed: Map<string, DiffKind> = changedPaths({ ...defaults, ...oldInputs }, { ...defaults, ...inputs });
    if (this.#renew(oldOutputs, { ...defaults, ...inputs })) changed.set("readyForRenewal", "update");
    // The early renewal is the only thing about a certificate that can change without a new one.
    return diffOf(changed, (path) => path !== "earlyRenewalHours");
  }

  async create(call: ResourceCall, inputs: Values) {
    const settings = { ...DEFAULTS[call.type], ...inputs };
    if (call.preview || hasUnknown(inputs)) {
      const unknown = Object.fromEntries((COMPUTED[call.type] ?? []).map((property) => [property, UNKNOWN]));
      return { id: "", outputs: { ...settings, ...unknown } };
    }
    if (call.type === KEY) return createKey(inputs);
    if (call.type === REQUEST) {
      const key = parsePrivateKey(String(inputs.privateKeyPem));
      const made = certificateRequest(inputs, key);
      return { id: made.id, outputs: { ...settings, certRequestPem: made.pem, keyAlgorithm: algorithmOf(key) } };
    }
    return this.#certificate(call, settings);
  }

  async update(_call: ResourceCall, _id: string, _oldInputs: Values, oldOutputs: Values, inputs: Values) {
    return { outputs: { ...oldOutputs, ...inputs } };
  }

  /** A refresh finds out whether a certificate should be renewed. */
  async read(call: ResourceCall, id: string, inputs: Values, outputs: Values) {
    const ready = this.#renew(outputs, { ...DEFAULTS[call.type], ...inputs });
    return { id, inputs, outputs: ready ? { ...outputs, readyForRenewal: true } : outputs };
  }

  async invoke(token: string, args: Values): Promise<Values> {
    if (token !== GET_PUBLIC_KEY) throw unsupported("Function", token, [GET_PUBLIC_KEY]);
    return publicKeyOf(args);
  }

  secretOutputs(type: string): readonly string[] {
    if (type === KEY) return ["privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8"];
    return type === LOCALLY_SIGNED ? ["caPrivateKeyPem"] : ["privateKeyPem"];
  }

  #certificate(call: ResourceCall, settings: Values) {
    const local = call.type === LOCALLY_SIGNED;
    const key = local
      ? parsePrivateKey(String(settings.caPrivateKeyPem), "CA private key")
      : parsePrivateKey(String(settings.privateKeyPem));
    const now = new Date(Math.floor(this.now().getTime() / 1000) * 1000);
    const made = local ? locallySigned(settings, key, now) : selfSigned(settings, key, now);
    if ("authorityIsCa" in made && made.authorityIsCa === false) {
      call.log("warning", "Certificate provided as Authority does not appear to be a valid Certificate Authority.");
    }
    const hours = Number(settings.validityPeriodHours);
    const outputs = {
      ...settings,
      ...made.outputs,
      readyForRenewal: hours === 0 || Number(settings.earlyRenewalHours) >= hours,
      [local ? "caKeyAlgorithm" : "keyAlgorithm"]: algorithmOf(key),
    };
    return { id: made.id, outputs };
  }

  /** modifyPlanIfCertificateReadyForRenewal: from `earlyRenewalHours` before its end, a certificate is replaced. */
  #renew(outputs: Values, settings: Values): boolean {
    if (typeof outputs.validityEndTime !== "string") return false;
    const early = Number(settings.earlyRenewalHours ?? 0) * 3_600_000;
    return Date.parse(outputs.validityEndTime) - early <= this.now().getTime();
  }
}

/** `now` is another clock in tests. */
export function tlsProvider(now: () => Date = () => new Date()): Provider {
  return new TlsProvider(now);
}
