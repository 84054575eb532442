/** Checks what a host asks to be signed: a host gets exactly the certificate that its plan names. */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { UserError } from "../../config/errors";
import type { KeyRequest } from "../machine/machine";

/**
 * @returns the request itself when subject, names and addresses are exactly the planned ones
 * @throws UserError for any other: the host is misconfigured or not to be trusted
 */
export function verifiedRequest(host: string, planned: KeyRequest, csrPem: string): string {
  const request = new x509.Pkcs10CertificateRequest(csrPem);
  const refuse = (what: string, got: string, want: string): never => {
    throw new UserError(
      `${host} asks for a certificate "${planned.name}" with ${what} ${got}, planned is ${want}; nothing was signed. Look at the host before you go on.`,
    );
  };
  const subject = (name: string) => request.subjectName.getField(name).join(",");
  if (subject("CN") !== planned.commonName) refuse("common name", subject("CN"), planned.commonName);
  if (subject("O") !== (planned.organization ?? ""))
    refuse("organization", subject("O"), planned.organization ?? "none");
  const names = request.extensions
    .filter((extension) => extension instanceof x509.SubjectAlternativeNameExtension)
    .flatMap((extension) => extension.names.items);
  const sorted = (values: readonly string[]) => [...values].sort().join(", ") || "none";
  const got = sorted(names.map((name) => `${name.type}:${name.value}`));
  const want = sorted([
    ...planned.dnsNames.map((name) => `dns:${name}`),
    ...planned.ipAddresses.map((address) => `ip:${address}`),
  ]);
  if (got !== want) refuse("alternative names", got, want);
  return csrPem;
}
