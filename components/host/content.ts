/** Puts a host's content on it, staged: keys made there, certificates signed, secrets apart, everything else as a diffable text. */
import { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import * as z from "zod";
import { lookup } from "../../config/lookup";
import { asRoot, type Words } from "../access/privilege";
import { machineApply } from "../machine/host-programs";
import type { KeyRequest, MachineFile, SecretFiles } from "../machine/machine";
import { verifiedCertificate } from "../pki/issued";
import type { Pki } from "../pki/pki";
import { verifiedRequest } from "../pki/requests";
import { unbuilt } from "../plan/artifacts";
import type { HostPlan, SecretPlan } from "../plan/types";
import type { Host } from "../platform/module";
import { type ContentPart, hostContentType, resourceNames } from "../resources";
import { runError } from "../run-error";
import { machineInput, makeKeys, programCommand, programInput, programsCommand, programsInput } from "./delivery";
import type { Repairs } from "./repairs";

export class HostContent extends pulumi.ComponentResource {
  /** sha256 of what is staged on the host, and which staging it was. */
  readonly staged: pulumi.Output<Staging>;
  private readonly programs: remote.Command;

  /** @param repairs absent: the host does not answer, so nobody knows whether it differs, and it counts as unchanged */
  constructor(host: Host, pki: Pki, repairs: Repairs | undefined, options?: pulumi.ComponentResourceOptions) {
    const { plan } = host;
    super(hostContentType, plan.name, {}, options);
    const { programs, content: generation } = repairs ?? { programs: 0, content: 0 };
    // The number of repairs is part of the command's text.
    const repaired = repairs ? {} : { ignoreChanges: ["create"] };
    this.programs = this.command(host, "programs", programsCommand(programs), programsInput, repaired);
    const requests = this.keys(host);
    const certificates = plan.certificates.map((certificate) => {
      const request = requests.apply((all) =>
        checked(() => verifiedRequest(plan.name, certificate, lookup(all, certificate.name) ?? "")),
      );
      const { certPem, caCertPem } = pki.sign(plan.name, certificate, request, this);
      const pem = pulumi
        .all([request, certPem, caCertPem])
        .apply((texts) => checked(() => verifiedCertificate(plan.name, certificate, ...texts)));
      return { path: certificate.certPath, pem, credential: "own" as const };
    });
    const secrets = this.secrets(host, pki);
    const publicPem = Object.entries(plan.pem).map(([path, pem]) => ({
      path,
      pem: pem.kind === "authorities" ? pki.trusted(pem.authorities) : pki.serviceAccountPublicPem,
      credential: "trusted" as const,
    }));
    const create = secrets.apply((digest) =>
      // The digest is there so that new secrets stage the host anew.
      programCommand(machineApply, ["stage", "--generation", String(generation)], digest ? { SECRETS: digest } : {}),
    );
    const content = pulumi.all([...certificates, ...publicPem]).apply((pems) => machineJson(plan, pems));
    const missing = unbuilt(plan.machine);
    // A preview does not build: what the sums will be is known after `up`.
    const stdin = missing.length > 0 ? pulumi.output(pulumi.unknown as unknown as string) : content;
    const staged = this.command(host, "machine", create, stdin, { ...repaired, dependsOn: this.programs });
    this.staged = staged.stdout.apply((json) => Staging.parse(JSON.parse(json)));
    this.registerOutputs({});
  }

  /** Private keys are made on the host and never leave it; what comes back are certificate requests. */
  private keys(host: Host): pulumi.Output<Record<string, string>> {
    const { certificates, machine } = host.plan;
    const uidOf = (owner: string) => lookup(machine.users, owner.split(":")[0] ?? "")?.uid;
    const requests: KeyRequest[] = certificates.map(
      ({ name, keyPath, owner, commonName, organization, dnsNames, ipAddresses }) => ({
        name,
        keyPath,
        owner,
        ...(uidOf(owner) === undefined ? {} : { uid: String(uidOf(owner)) }),
        commonName,
        ...(organization === undefined ? {} : { organization }),
        dnsNames,
        ipAddresses,
      }),
    );
    const printed = this.run(host, "keys", programCommand(makeKeys, []), programInput(requests));
    return printed.apply((json) => Requests.parse(JSON.parse(json)));
  }

  /** @returns a keyed digest of the secrets on the host; empty where it has none */
  private secrets(host: Host, pki: Pki): pulumi.Output<string> {
    const { plan } = host;
    if (Object.keys(plan.secrets).length === 0) return pulumi.output("");
    const files = Object.entries(plan.secrets).map(([path, secret]) => ({
      path,
      secret,
      text: pki.secret(secret.secret),
    }));
    const content = pulumi.secret(pulumi.all(files).apply(secretJson));
    const printed = this.run(host, "secrets", programCommand(machineApply, ["stage-secrets"]), content);
    return printed.apply((json) => Staged.parse(JSON.parse(json)).digest);
  }

  /** Runs a host program with its input on the host. @returns what it printed */
  private run(
    host: Host,
    part: ContentPart,
    create: pulumi.Input<Words>,
    stdin: pulumi.Input<string>,
  ): pulumi.Output<string> {
    return this.command(host, part, create, stdin, { dependsOn: this.programs }).stdout;
  }

  private command(
    host: Host,
    part: ContentPart,
    create: pulumi.Input<Words>,
    stdin: pulumi.Input<string>,
    options: pulumi.CustomResourceOptions,
  ): remote.Command {
    return new remote.Command(
      resourceNames.content(host.plan.name, part),
      {
        connection: host.connection,
        create: pulumi.all([host.target, create]).apply(([{ user }, words]) => asRoot(user, words)),
        stdin,
        // A host's sshd accepts no variables, and its answers are results, not progress.
        addPreviousOutputInEnv: false,
        logging: remote.Logging.None,
      },
      { parent: this, ...options },
    );
  }
}

function checked(check: () => string): string {
  try {
    return check();
  } catch (error) {
    throw runError(error);
  }
}

/** What host programs print. A host is not trusted: certificate requests are compared with the plan, one by one. */
const Staged = z.object({ digest: z.string().regex(/^[0-9a-f]{64}$/) });
const Staging = Staged.extend({ staging: z.string().regex(/^[0-9a-f]{8}$/) });
export type Staging = z.output<typeof Staging>;
const Requests = z.record(z.string(), z.string().max(16_384));

function secretJson(all: readonly { path: string; secret: SecretPlan; text: string }[]): string {
  const files = Object.fromEntries(
    all.map(({ path, secret: { credential, mode, owner }, text }): [string, MachineFile] => [
      path,
      { mode, owner, content: text, ...(credential && { credential }) },
    ]),
  );
  return programInput({ files } satisfies SecretFiles);
}

/** The machine with its public certificates. */
function machineJson(
  plan: HostPlan,
  pems: readonly { path: string; pem: string; credential: MachineFile["credential"] & string }[],
): string {
  const certificates: [string, MachineFile][] = pems.map(({ path, pem, credential }) => [
    path,
    { mode: "0644", owner: "root:root", content: pem, credential },
  ]);
  const machine = { ...plan.machine, files: { ...plan.machine.files, ...Object.fromEntries(certificates) } };
  return machineInput(machine);
}
