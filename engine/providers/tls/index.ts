/** The `tls` package: keys, requests and certificates that live in the state, as pulumi-tls 5.x makes them. */
import { diffOf, type Provider, type ResourceCall } from "../../provider/provider";
import { changedPaths, type DiffKind } from "../../values/compare";
import { hasUnknown, UNKNOWN, type Values } from "../../values/value";
import { certificateRequest, locallySigned, selfSigned } from "./certificates";
import { createKey, parseSigningKey } from "./keys";
import { failuresOf, KEY, LOCALLY_SIGNED, propertiesOf, REQUEST } from "./properties";

class TlsProvider implements Provider {
  constructor(private readonly now: () => Date) {}

  async check(call: ResourceCall, _old: Values | undefined, inputs: Values) {
    return { inputs, failures: failuresOf(call.type, inputs) };
  }

  async diff(call: ResourceCall, _id: string, oldInputs: Values, oldOutputs: Values, inputs: Values) {
    const { defaults } = propertiesOf(call.type);
    const changed: Map<string, DiffKind> = changedPaths({ ...defaults, ...oldInputs }, { ...defaults, ...inputs });
    if (this.#renew(oldOutputs, { ...defaults, ...inputs })) changed.set("readyForRenewal", "update");
    // The early renewal is the only thing about a certificate that can change without a new one.
    return diffOf(changed, (path) => path !== "earlyRenewalHours");
  }

  async create(call: ResourceCall, inputs: Values) {
    const { defaults, computed } = propertiesOf(call.type);
    const settings = { ...defaults, ...inputs };
    if (call.preview || hasUnknown(inputs)) {
      const unknown = Object.fromEntries(computed.map((property) => [property, UNKNOWN]));
      return { id: "", outputs: { ...settings, ...unknown } };
    }
    if (call.type === KEY) return createKey(inputs);
    if (call.type === REQUEST) {
      const key = parseSigningKey(String(inputs.privateKeyPem), "private key");
      const made = certificateRequest(inputs, key);
      return { id: made.id, outputs: { ...settings, certRequestPem: made.pem, keyAlgorithm: "ECDSA" } };
    }
    return this.#certificate(call, settings);
  }

  async update(_call: ResourceCall, _id: string, _oldInputs: Values, oldOutputs: Values, inputs: Values) {
    return { outputs: { ...oldOutputs, ...inputs } };
  }

  secretOutputs(type: string): readonly string[] {
    if (type === KEY) return ["privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8"];
    return type === LOCALLY_SIGNED ? ["caPrivateKeyPem"] : ["privateKeyPem"];
  }

  #certificate(call: ResourceCall, settings: Values) {
    const local = call.type === LOCALLY_SIGNED;
    const key = local
      ? parseSigningKey(String(settings.caPrivateKeyPem), "CA private key")
      : parseSigningKey(String(settings.privateKeyPem), "private key");
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
      [local ? "caKeyAlgorithm" : "keyAlgorithm"]: "ECDSA",
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
