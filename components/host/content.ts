/** Puts a host's content on it, staged: keys made there, certificates signed, secrets apart, everything else as a diffable text. */
import { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { KeyRequest, MachineFile, SecretFiles } from "../machine/machine";
import type { Pki } from "../pki/pki";
import { verifiedRequest } from "../pki/requests";
import type { HostPlan, SecretPlan } from "../plan-types";
import type { Host } from "../platform/platform";
import { machineApply, makeKeys, programCommand, programInput, programsCommand, programsInput } from "./delivery";
import { repairsOf } from "./drift";

export class HostContent extends pulumi.ComponentResource {
  /** sha256 of what is staged on the host. */
  readonly digest: pulumi.Output<string>;
  private readonly programs: remote.Command;

  constructor(host: Host, pki: Pki, options?: pulumi.ComponentResourceOptions) {
    const { plan } = host;
    super("kilonode:index:HostContent", plan.name, {}, options);
    const repairs = repairsOf(host);
    this.programs = this.command(
      host,
      "programs",
      repairs.apply(({ programs }) => programsCommand(programs)),
      programsInput,
    );
    const requests = this.keys(host);
    const certificates = plan.certificates.map((certificate) => {
      const request = requests.apply((all) => verifiedRequest(plan.name, certificate, all[certificate.name] ?? ""));
      return { path: certificate.certPath, pem: pki.sign(plan.name, certificate, request, this).certPem };
    });
    const secrets = this.secrets(host, pki);
    const publicPem = Object.entries(plan.pem).map(([path, pem]) => ({
      path,
      pem: pem.kind === "authority" ? pki.authorityPem(pem.authority) : pki.serviceAccountPublicPem,
    }));
    const create = pulumi.all([repairs, secrets]).apply(([{ content: generation }, digest]) =>
      // The digest is there so that new secrets stage the host anew.
      programCommand(machineApply, ["stage", "--generation", String(generation)], digest ? { SECRETS: digest } : {}),
    );
    const content = pulumi.all([...certificates, ...publicPem]).apply((pems) => machineJson(plan, pems));
    this.digest = this.run(host, "machine", create, content).apply(
      (json) => (JSON.parse(json) as { digest: string }).digest,
    );
    this.registerOutputs({});
  }

  /** Private keys are made on the host and never leave it; what comes back are certificate requests. */
  private keys(host: Host): pulumi.Output<Record<string, string>> {
    const requests: KeyRequest[] = host.plan.certificates.map(
      ({ name, keyPath, owner, commonName, organization, dnsNames, ipAddresses }) => ({
        name,
        keyPath,
        owner,
        commonName,
        ...(organization === undefined ? {} : { organization }),
        dnsNames,
        ipAddresses,
      }),
    );
    const printed = this.run(host, "keys", programCommand(makeKeys, []), programInput(requests));
    return printed.apply((json) => JSON.parse(json) as Record<string, string>);
  }

  /** @returns a keyed digest of the secrets on the host; empty where it has none */
  private secrets(host: Host, pki: Pki): pulumi.Output<string> {
    const { plan } = host;
    if (Object.keys(plan.secrets).length === 0) return pulumi.output("");
    const files = Object.entries(plan.secrets).map(([path, secret]) => ({
      path,
      secret,
      text: secretText(secret, pki),
    }));
    const content = pulumi.secret(pulumi.all(files).apply((all) => secretJson(all)));
    const printed = this.run(host, "secrets", programCommand(machineApply, ["stage-secrets"]), content);
    return printed.apply((json) => (JSON.parse(json) as { digest: string }).digest);
  }

  /** Runs a host program with its input on the host. @returns what it printed */
  private run(
    host: Host,
    what: string,
    create: pulumi.Input<string>,
    stdin: pulumi.Input<string>,
  ): pulumi.Output<string> {
    return this.command(host, what, create, stdin, [this.programs]).stdout;
  }

  private command(
    host: Host,
    what: string,
    create: pulumi.Input<string>,
    stdin: pulumi.Input<string>,
    dependsOn: pulumi.Resource[] = [],
  ): remote.Command {
    return new remote.Command(
      `${host.plan.name}-${what}`,
      {
        connection: host.connection,
        create,
        stdin,
        // A host's sshd accepts no variables, and its answers are results, not progress.
        addPreviousOutputInEnv: false,
        logging: remote.Logging.None,
      },
      { parent: this, dependsOn },
    );
  }
}

function secretText(secret: SecretPlan, pki: Pki): pulumi.Output<string> {
  return secret.secret === "service-account-key" ? pki.serviceAccountKeyPem : pki.encryptionConfig;
}

function secretJson(all: readonly { path: string; secret: SecretPlan; text: string }[]): string {
  const files = Object.fromEntries(
    all.map(({ path, secret, text }) => [path, { mode: secret.mode, owner: secret.owner, content: text }]),
  );
  return programInput({ files } satisfies SecretFiles);
}

/** The machine with its public certificates. */
function machineJson(plan: HostPlan, pems: readonly { path: string; pem: string }[]): string {
  const certificates: [string, MachineFile][] = pems.map(({ path, pem }) => [
    path,
    { mode: "0644", owner: "root:root", content: pem },
  ]);
  const machine = { ...plan.machine, files: { ...plan.machine.files, ...Object.fromEntries(certificates) } };
  return programInput(machine);
}
