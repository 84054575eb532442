/** A small part of a planned cluster, running: one member of each etcd shard and the first master, on loopback. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostText } from "../../../components/machine/host-files";
import type { ApiAccess } from "../../../components/pki/operator-access";
import { ports } from "../../../components/plan/ports";
import type { ClusterPlan } from "../../../components/plan/types";
import { type Answer, type Ask, ask } from "./client";
import { Credentials, type Pair } from "./credentials";
import { type EtcdStart, etcdStart, startEtcd } from "./etcd";
import { type PlacedHost, placeHost } from "./hosts";
import { firstOf } from "./plans";
import { Program } from "./process";
import type { AtHand } from "./versions";

const etc = "/etc/kubernetes";
export const components = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] as const;
export type Component = (typeof components)[number];
const portOf: Readonly<Record<Component, number>> = {
  "kube-apiserver": ports.apiserver,
  "kube-controller-manager": 10257,
  "kube-scheduler": 10259,
};

/** Waits until a program does something; one that ended, or takes more than two minutes, is reported with what it said. */
export async function until(program: Program, done: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (!(await done().catch(() => false))) {
    if (program.gone || Date.now() > deadline) throw new Error(`${program.path}:\n${program.output.slice(-4000)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

export class RunningCluster {
  readonly programs = new Map<string, Program>();
  readonly etcd = new Map<string, EtcdStart>();
  readonly root = mkdtempSync(join(tmpdir(), "kilonode-cluster-"));
  private readonly credentials = Credentials.make();
  private administrator: Pair | undefined;
  private placed: PlacedHost | undefined;
  private signer: ApiAccess["signer"] | undefined;

  constructor(
    readonly plan: ClusterPlan,
    private readonly kubernetes: AtHand,
    private readonly etcdRelease: AtHand,
  ) {}

  get master(): PlacedHost {
    if (!this.placed) throw new Error("not started");
    return this.placed;
  }

  get admin(): Pair {
    if (!this.administrator) throw new Error("not started");
    return this.administrator;
  }

  /** What people's kubeconfigs are made with. */
  get access(): ApiAccess {
    if (!this.signer) throw new Error("not started");
    const { certPem } = this.signer;
    return {
      stack: this.plan.stack,
      endpoint: this.url("kube-apiserver"),
      authorityPem: certPem,
      signer: this.signer,
    };
  }

  /** Starts etcd and kube-apiserver, and waits until it is ready. */
  async start(): Promise<void> {
    const credentials = await this.credentials;
    this.signer = await credentials.signer("kubernetes");
    this.administrator = await this.client("administrator", "system:masters");
    for (const { name, group } of this.plan.shards) {
      const host = await placeHost(firstOf(this.plan, group), join(this.root, group), credentials);
      const start = etcdStart(host);
      this.etcd.set(name, start);
      this.programs.set(group, startEtcd(this.etcdRelease.path("etcd"), start));
    }
    this.placed = await placeHost(firstOf(this.plan, "masters"), join(this.root, "master"), credentials);
    this.useWhatRuns(this.placed);
    for (const { group } of this.plan.shards)
      await this.programs.get(group)?.says(/"msg":"ready to serve client requests"/);
    const server = this.run("kube-apiserver");
    await until(server, async () => (await this.ask("kube-apiserver", "/readyz")).status === 200);
  }

  /** The flags as the plan has them, but for the members and the load balancer that do not run here. */
  private useWhatRuns(host: PlacedHost): void {
    const running = new Set(this.plan.shards.map(({ endpoints }) => endpoints[0]));
    const replace = (path: string, change: (text: string) => string) =>
      writeFileSync(host.at(path), change(host.text(path)));
    replace(`${etc}/kube-apiserver.flags`, (text) => {
      const all = this.plan.shards.flatMap(({ endpoints }) => endpoints).filter((url) => !running.has(url));
      const here = all.reduce((rest, url) => rest.replaceAll(`,${url}`, "").replaceAll(`;${url}`, ""), text);
      // No loopback address may be in an Endpoints object; nobody connects to this one (RFC 5737).
      return here.replace(`--advertise-address=${host.plan.address}`, "--advertise-address=192.0.2.10");
    });
    for (const name of ["controller-manager", "scheduler"])
      replace(`${etc}/${name}.kubeconfig`, (text) =>
        text.replaceAll(this.plan.api.endpoint, this.url("kube-apiserver")),
      );
    // 127.0.0.1 is each host's own; on this machine other programs may be at its ports.
    for (const name of ["kube-controller-manager", "kube-scheduler"])
      replace(`${etc}/${name}.flags`, (text) =>
        text.replace("--bind-address=127.0.0.1", `--bind-address=${host.plan.address}`),
      );
    const script = join(this.root, "run-with-flags");
    writeFileSync(script, hostText("/usr/local/lib/kilonode/run-with-flags"), { mode: 0o700 });
    mkdirSync(host.at("/var/log/kubernetes"), { recursive: true });
  }

  /** A component as its unit starts it. */
  run(name: Component): Program {
    const flags = this.master.at(`${etc}/${name}.flags`);
    const program = new Program(join(this.root, "run-with-flags"), [this.kubernetes.path(name), flags], {
      env: this.master.environment(`${etc}/${name}.env`),
      cwd: this.root,
    });
    this.programs.set(name, program);
    return program;
  }

  flags(name: Component): string[] {
    return this.master.flags(`${etc}/${name}.flags`);
  }

  url(name: Component): string {
    return `https://${this.master.plan.address}:${portOf[name]}`;
  }

  ask(name: Component, path: string, what: Ask = {}): Promise<Answer> {
    return ask(`${this.url(name)}${path}`, this.admin, what);
  }

  /** A client of the API server, by the name and group that its certificate says. */
  async client(commonName: string, organization: string): Promise<Pair> {
    const subject = { commonName, organization, dnsNames: [], ipAddresses: [] };
    return (await this.credentials).issue({ ...subject, authority: "kubernetes", uses: ["client_auth"] });
  }

  /** A kubeconfig of the administrator. */
  kubeconfig(): string {
    const path = join(this.root, "admin.kubeconfig");
    const base64 = (text: string) => Buffer.from(text).toString("base64");
    const authority = base64(readFileSync(this.master.at(`${etc}/pki/kubernetes-ca.crt`), "utf8"));
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [
        { name: "c", cluster: { server: this.url("kube-apiserver"), "certificate-authority-data": authority } },
      ],
      users: [
        {
          name: "u",
          user: { "client-certificate-data": base64(this.admin.cert), "client-key-data": base64(this.admin.key) },
        },
      ],
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
      "current-context": "x",
    };
    writeFileSync(path, JSON.stringify(config), { mode: 0o600 });
    return path;
  }

  async stop(): Promise<void> {
    for (const program of [...this.programs.values()].reverse()) await program.stop();
    rmSync(this.root, { recursive: true, maxRetries: 5 });
  }
}
