/** The real haproxy with its planned file, API servers behind it that can be frozen, and clients that go on all the time. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, get } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { trusted } from "../../../components/plan/parts";
import { ports } from "../../../components/plan/ports";
import { hostsOf } from "../../support/plans";
import { Credentials } from "./credentials";
import { placeHost } from "./hosts";
import { firstOf, productionPlan } from "./plans";
import { Program } from "./process";

const haproxyFile = "/etc/haproxy/haproxy.cfg";
/** A request without an answer for so long hangs. */
const HUNG_MS = 30_000;

export interface Server {
  readonly name: string;
  readonly address: string;
  readonly program: Program;
}

export class Balanced {
  private constructor(
    private readonly root: string,
    private readonly haproxy: Program,
    private readonly socket: string,
    readonly servers: readonly [Server, Server, Server],
    private readonly access: Access,
  ) {}

  static async start(): Promise<Balanced> {
    const root = mkdtempSync(join(tmpdir(), "kilonode-balanced-"));
    const credentials = await Credentials.make();
    const plan = productionPlan({ nodes: 100 }, { masters: 3 });
    const servers = hostsOf(plan, "masters").map((host) => startServer(host, join(root, host.name), credentials));
    const [a, b, c] = await Promise.all(servers);
    if (!a || !b || !c) throw new Error("the plan has fewer than three masters");
    const balancer = firstOf(plan, "load-balancer");
    const placed = await placeHost(balancer, join(root, balancer.name), credentials);
    const socket = placed.at("/run/haproxy/admin.sock");
    mkdirSync(join(socket, ".."), { recursive: true });
    // Whom it becomes and where its log goes is the unit's affair on a host.
    const here = placed.text(haproxyFile).replace(/^ {4}(user|group) haproxy\n/gm, "");
    writeFileSync(placed.at(haproxyFile), here.replace("log /dev/log local0", "log stdout format raw local0"));
    const haproxy = new Program("haproxy", ["-f", placed.at(haproxyFile)]);
    const client = await credentials.issue({ ...named("client", []), uses: ["client_auth"] });
    const ca = await credentials.publicPem(trusted("kubernetes"));
    const balanced = new Balanced(root, haproxy, socket, [a, b, c], { ...client, ca, host: balancer.address });
    for (const { name } of balanced.servers) await balanced.until(name, /^UP$/);
    return balanced;
  }

  /** Of haproxy. */
  get address(): string {
    return this.access.host;
  }

  async stop(): Promise<void> {
    await Promise.all([this.haproxy, ...this.servers.map(({ program }) => program)].map((program) => program.stop()));
    rmSync(this.root, { recursive: true });
  }

  clients(count: number): Clients {
    return new Clients(this.access, count);
  }

  /** One request on a connection of its own: the address that answered. */
  async ask(): Promise<string> {
    const agent = new Agent({ ...this.access, keepAlive: false, checkServerIdentity: () => undefined });
    return ask(this.access.host, agent);
  }

  /** Waits for a line of haproxy's log. */
  logs(line: RegExp): Promise<RegExpExecArray> {
    return this.haproxy.says(line);
  }

  /** Waits until haproxy says that of a server. */
  async until(server: string, status: RegExp): Promise<void> {
    const end = Date.now() + 60_000;
    for (let said = "nothing"; !status.test(said); said = await this.status(server)) {
      if (Date.now() > end) throw new Error(`${server} is ${said} after a minute:\n${this.haproxy.output}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Its answer at its socket. */
  says(command: string): Promise<string> {
    return new Promise((resolve) => {
      let text = "";
      const socket = connect(this.socket, () => socket.write(`${command}\n`));
      socket.on("error", () => resolve("")).on("close", () => resolve(text));
      socket.on("data", (chunk) => {
        text += chunk.toString();
      });
    });
  }

  /** haproxy's word for it, as components/machine/files/usr/local/lib/kilonode/backends reads it. */
  private async status(server: string): Promise<string> {
    const said = await this.says("show stat");
    const row = said.split("\n").map((line) => line.split(","));
    return row.find(([proxy, name]) => proxy === "apiservers" && name === server)?.[17] ?? "not listed";
  }
}

interface Access {
  readonly host: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

interface Counts {
  /** Answers, by the address that gave them. */
  readonly answered: ReadonlyMap<string, number>;
  readonly failed: readonly string[];
  /** Ended by the client itself. */
  readonly hung: number;
  readonly longestMs: number;
}

/** Each asks again and again on one connection that it keeps, as controllers and kubelets do. */
export class Clients {
  private readonly answered = new Map<string, number>();
  private readonly failed: string[] = [];
  private hung = 0;
  private longestMs = 0;
  private stopped = false;
  private readonly rounds: number[];
  private readonly loops: Promise<void>[];

  constructor(
    private readonly access: Access,
    count: number,
  ) {
    this.rounds = Array.from({ length: count }, () => 0);
    this.loops = this.rounds.map((_, client) => this.loop(client));
  }

  /** Waits until each client has got so many more answers. */
  async goOn(answers = 1): Promise<void> {
    const before = [...this.rounds];
    while (this.rounds.some((round, client) => round < (before[client] ?? 0) + answers))
      await new Promise((resolve) => setTimeout(resolve, 20));
  }

  async stop(): Promise<Counts> {
    this.stopped = true;
    await Promise.all(this.loops);
    const { answered, failed, hung, longestMs } = this;
    return { answered, failed, hung, longestMs };
  }

  private async loop(client: number): Promise<void> {
    const agent = new Agent({ ...this.access, keepAlive: true, maxSockets: 1, checkServerIdentity: () => undefined });
    while (!this.stopped) {
      const started = Date.now();
      try {
        const by = await ask(this.access.host, agent);
        this.answered.set(by, (this.answered.get(by) ?? 0) + 1);
        this.rounds[client] = (this.rounds[client] ?? 0) + 1;
      } catch (error) {
        if (error instanceof Hung) this.hung += 1;
        else this.failed.push((error as Error).message);
      }
      this.longestMs = Math.max(this.longestMs, Date.now() - started);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    agent.destroy();
  }
}

class Hung extends Error {}

function ask(host: string, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get({ host, port: ports.apiserver, path: "/", agent }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve(text));
    });
    request.setTimeout(HUNG_MS, () => request.destroy(new Hung()));
    request.on("error", reject);
  });
}

async function startServer(
  { address, name }: { readonly address: string; readonly name: string },
  folder: string,
  credentials: Credentials,
): Promise<Server> {
  mkdirSync(folder);
  const { cert, key } = await credentials.issue({ ...named(name, [address]), uses: ["server_auth"] });
  const ca = await credentials.publicPem(trusted("kubernetes"));
  for (const [file, text] of Object.entries({ "server.crt": cert, "server.key": key, "ca.crt": ca }))
    writeFileSync(join(folder, file), text, { mode: 0o600 });
  const script = join(import.meta.dirname, "api-server.mjs");
  const program = new Program(process.execPath, [script, address, String(ports.apiserver), folder]);
  await program.says(/ready/);
  return { name, address, program };
}

const named = (commonName: string, ipAddresses: readonly string[]) => ({
  authority: "kubernetes" as const,
  commonName,
  dnsNames: [],
  ipAddresses,
});
