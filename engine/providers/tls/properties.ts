/** Which properties of the `tls` package a rehearsal knows, and which values of them. */
import { isObject, UNKNOWN, type Values } from "../../values/value";
import { type Failure, missingProperties, unsupported, unsupportedProperties } from "../unsupported";
import { ALLOWED_USES, SUBJECT_PROPERTIES } from "./extensions";
import { KEY_DEFAULTS } from "./keys";

export const KEY = "tls:index/privateKey:PrivateKey";
const SELF_SIGNED = "tls:index/selfSignedCert:SelfSignedCert";
export const REQUEST = "tls:index/certRequest:CertRequest";
export const LOCALLY_SIGNED = "tls:index/locallySignedCert:LocallySignedCert";

interface Properties {
  readonly required: readonly string[];
  readonly optional: readonly string[];
  /** What the real provider adds to the inputs. */
  readonly defaults: Values;
  /** What only a creation tells. */
  readonly computed: readonly string[];
}

const CERTIFICATE_DEFAULTS: Values = { earlyRenewalHours: 0, isCaCertificate: false, setSubjectKeyId: false };
const CERTIFICATE_OUTPUTS = ["certPem", "readyForRenewal", "validityStartTime", "validityEndTime"];

const TYPES: Readonly<Record<string, Properties>> = {
  [KEY]: {
    required: ["algorithm"],
    optional: ["ecdsaCurve"],
    defaults: KEY_DEFAULTS,
    computed: [
      "privateKeyOpenssh",
      "privateKeyPem",
      "privateKeyPemPkcs8",
      "publicKeyFingerprintMd5",
      "publicKeyFingerprintSha256",
      "publicKeyOpenssh",
      "publicKeyPem",
    ],
  },
  [SELF_SIGNED]: {
    required: ["privateKeyPem", "subject", "allowedUses", "validityPeriodHours"],
    optional: ["isCaCertificate", "setSubjectKeyId", "earlyRenewalHours"],
    defaults: { ...CERTIFICATE_DEFAULTS, setAuthorityKeyId: false },
    computed: [...CERTIFICATE_OUTPUTS, "keyAlgorithm"],
  },
  [REQUEST]: {
    required: ["privateKeyPem", "subject"],
    optional: [],
    defaults: {},
    computed: ["certRequestPem", "keyAlgorithm"],
  },
  [LOCALLY_SIGNED]: {
    required: ["caCertPem", "caPrivateKeyPem", "certRequestPem", "allowedUses", "validityPeriodHours"],
    optional: ["setSubjectKeyId", "earlyRenewalHours"],
    defaults: CERTIFICATE_DEFAULTS,
    computed: [...CERTIFICATE_OUTPUTS, "caKeyAlgorithm"],
  },
};

/** The properties of a type; a type that has none here is refused. */
export function propertiesOf(type: string): Properties {
  const found = Object.hasOwn(TYPES, type) ? TYPES[type] : undefined;
  if (found === undefined) throw unsupported("Resource type", type, Object.keys(TYPES));
  return found;
}

/** Everything that is wrong with the inputs. */
export function failuresOf(type: string, inputs: Values): Failure[] {
  const { required, optional } = propertiesOf(type);
  const { subject } = inputs;
  return [
    ...missingProperties(inputs, required),
    ...unsupportedProperties(inputs, [...required, ...optional]),
    ...(isObject(subject) ? unsupportedProperties(subject, SUBJECT_PROPERTIES, "subject.") : []),
    ...(type === KEY ? keyFailures(inputs) : []),
    ...useFailures(inputs.allowedUses),
    ...["validityPeriodHours", "earlyRenewalHours"].flatMap((property) => hourFailures(property, inputs[property])),
  ];
}

/** The curve without which ECDSA would be on P-224, the real provider's default, which nothing here can use. */
function keyFailures({ algorithm, ecdsaCurve }: Values): Failure[] {
  if (algorithm === undefined || [algorithm, ecdsaCurve].includes(UNKNOWN)) return [];
  const known =
    algorithm === "ED25519" ? (ecdsaCurve ?? null) === null : algorithm === "ECDSA" && ecdsaCurve === "P256";
  if (known) return [];
  const asked = typeof ecdsaCurve === "string" ? `${algorithm} on ${ecdsaCurve}` : String(algorithm);
  return [{ property: "algorithm", reason: unsupported("a key", asked, ["ED25519", "ECDSA on P256"]).message }];
}

function useFailures(uses: Values[string] | undefined): Failure[] {
  const bad = Array.isArray(uses)
    ? uses.find((use) => use !== UNKNOWN && !ALLOWED_USES.includes(String(use)))
    : undefined;
  if (bad === undefined) return [];
  return [{ property: "allowedUses", reason: unsupported("use", JSON.stringify(bad), ALLOWED_USES).message }];
}

function hourFailures(property: string, value: Values[string] | undefined): Failure[] {
  if (value === undefined || value === null || value === UNKNOWN) return [];
  if (Number.isInteger(value) && Number(value) >= 0) return [];
  return [{ property, reason: `${property} must be a whole number` }];
}
