/** The program itself, as Pulumi's local.Command runs it, against SSH servers of this process. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ssh2, { type Connection, type Server } from "ssh2";
import { afterEach, describe, expect, it } from "vitest";
import { SshConnection } from "../../components/access/ssh";
import { leaderLeases } from "../../components/rollout/masters/masters";
import { program } from "../../components/rollout/program";
import { readSpec } from "../../components/rollout/schema";
import type { RolloutSpec } from "../../components/rollout/spec";

const clientKey = ssh2.utils.generateKeyPairSync("ed25519");
const hostKeys = ssh2.utils.generateKeyPairSync("ed25519");
const hostKey = hostKeys.public.split(" ").slice(0, 2).join(" ");

/** A host whose machine-apply is a few lines. */
class FakeHost {
  active: string | null = null;
  pending: string[] = [];
  readonly commands: string[] = [];
  activationMs = 0;
  server: Server | undefined;
  port = 0;
  connections: Connection[] = [];

  async listen(): Promise<this> {
    const server = new ssh2.Server({ hostKeys: [hostKeys.private] }, (connection) => this.#serve(connection));
    this.server = server;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.port = (server.address() as AddressInfo).port;
    return this;
  }

  close(): void {
    for (const connection of this.connections) connection.end();
    this.server?.close();
  }

  #serve(connection: Connection): void {
    this.connections.push(connection);
    connection.on("error", () => undefined);
    connection.on("authentication", (context) =>
      context.method === "publickey" ? context.accept() : context.reject(["publickey"]),
    );
    connection.on("session", (accept) => {
      accept().on("exec", (acceptExec, _reject, { command }) => {
        const channel = acceptExec();
        const [answer, wait] = this.#answer(command);
        setTimeout(() => {
          channel.write(answer);
          channel.exit(0);
          channel.end();
        }, wait);
      });
    });
  }

  #answer(command: string): [string, number] {
    this.commands.push(command);
    if (command.includes("machine-apply activate")) {
      this.active = "d1";
      const degradations = [{ what: "traffic form", wanted: "prio", got: "htb", why: "no sch_prio" }];
      return [JSON.stringify({ digest: "d1", changed: {}, degradations }), this.activationMs];
    }
    if (command.includes("machine-apply status")) {
      const everActivated = this.active !== null;
      const restarts = this.active === "d0" ? ["kube-apiserver.service"] : [];
      const services = {
        "haproxy.service": { kind: "unit", active: everActivated ? "active" : "inactive", masked: false },
      };
      const status = {
        staged: "d1",
        active: this.active,
        everActivated,
        restarts,
        pending: this.pending,
      };
      return [JSON.stringify({ ...status, services, degradations: [] }), 0];
    }
    if (command.includes("leader-of")) return [JSON.stringify(leaderLeases), 0];
    return ["", 0];
  }
}

const hosts: FakeHost[] = [];
let child: ChildProcess | undefined;

async function specOf(count: number): Promise<RolloutSpec> {
  for (let index = 0; index < count; index++) hosts.push(await new FakeHost().listen());
  return {
    group: "load-balancer",
    strategy: { kind: "together" },
    // Several addresses of one machine: the spec wants them to differ.
    hosts: hosts.map(({ port }, index) => ({
      name: `h${index + 1}`,
      address: index === 0 ? "127.0.0.1" : "localhost",
      zone: "a",
      endpoint: `h${index + 1}`,
      user: "root",
      port,
      hostKey,
      digest: "d1",
    })),
    hostTimeoutSeconds: 5,
  };
}

/** The document of a rollout: what is staged comes by itself. */
const documentOf = (spec: object) =>
  JSON.stringify(spec, (key, value: unknown) => (key === "digest" ? undefined : value));

const main = join(import.meta.dirname, "../../components/rollout/main.ts");
/** A process that runs the program by a shell, as engines do. */
const engine = `require("node:child_process").spawn("/bin/sh", ["-c", process.argv[1]], { stdio: "inherit" })`;

function start(
  document: string,
  onStderr: (text: string) => void = () => undefined,
  previous?: unknown,
  args = ["--import", "tsx", main],
) {
  const output = previous === undefined ? {} : { PULUMI_COMMAND_STDOUT: JSON.stringify(previous) };
  return run(
    { KILONODE_ROLLOUT: document, KILONODE_STAGED: "h1=d1 h2=d1", ...output },
    clientKey.private,
    args,
    onStderr,
  );
}

function run(
  environment: NodeJS.ProcessEnv,
  stdin: string,
  args: readonly string[],
  onStderr: (text: string) => void = () => undefined,
) {
  const env = { ...process.env, ...environment };
  const running = spawn(process.execPath, args, { env, stdio: ["pipe", "pipe", "pipe"] });
  child = running;
  running.stdin.end(stdin);
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    let stdout = "";
    let stderr = "";
    running.stdout.on("data", (text) => (stdout += text));
    running.stderr.on("data", (text) => {
      stderr += text;
      onStderr(stderr);
    });
    running.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

afterEach(() => {
  child?.kill("SIGKILL");
  for (const host of hosts.splice(0)) host.close();
});

describe("the rollout program", () => {
  it("activates, and prints one stable object", async () => {
    const spec = await specOf(2);
    const first = await start(documentOf(spec));
    expect(first).toMatchObject({ code: 0 });
    expect(JSON.parse(first.stdout)).toEqual({
      group: "load-balancer",
      strategy: "together",
      hosts: ["h1", "h2"].map((name) => ({
        name,
        digest: "d1",
        degradations: [{ what: "traffic form", wanted: "prio", got: "htb", why: "no sch_prio" }],
      })),
    });
    expect(first.stderr).toMatch(/^\d+\.\ds load-balancer: changing h1, h2$/m);
    const again = await start(documentOf(spec));
    expect(again.code).toBe(0);
    expect(hosts.flatMap(({ commands }) => commands).filter((command) => command.includes("activate")).length).toBe(2);
  });

  it("exits 3 with the refusal, for people and for machines", async () => {
    const spec = await specOf(1);
    hosts[0]?.pending.push("refuse: haproxy.service is masked");
    const { code, stdout, stderr } = await start(documentOf(spec));
    expect(code).toBe(3);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^GATE REFUSED: load-balancer: h1: .*haproxy.service is masked.*Nothing was changed/m);
    const line = /^KILONODE-GATE (.*)$/m.exec(stderr)?.[1] ?? "";
    expect(JSON.parse(line)).toMatchObject({ group: "load-balancer", host: "h1", changed: [] });
  });

  it("exits 1 and tells all that is wrong with its document", async () => {
    const { code, stderr } = await start(JSON.stringify({ group: "x", hosts: [], surprise: 1 }));
    expect(code).toBe(1);
    for (const word of ["strategy", "hosts", "surprise", "hostTimeoutSeconds"]) expect(stderr).toContain(word);
  });

  it("lets the step under way end when it is asked to stop, exits 130, and goes on the next time", async () => {
    const spec = await specOf(2);
    for (const host of hosts) Object.assign(host, { active: "d0", activationMs: 800 });
    const document = documentOf({
      ...spec,
      strategy: { kind: "masters", apiPort: 6443, release: "1.37.2", apiServices: ["kube-apiserver.service"] },
    });
    let asked = false;
    const { code, stderr } = await start(document, (text) => {
      if (asked || !text.includes("changing h1")) return;
      asked = true;
      child?.kill("SIGTERM");
    });
    expect(stderr).toContain("stopping after the step under way");
    expect(stderr).toContain("run the same command again: it goes on from there");
    expect(code).toBe(130);
    expect(hosts.map(({ active }) => active)).toEqual(["d1", "d0"]);
    expect((await start(document)).code).toBe(0);
    expect(hosts.map(({ active }) => active)).toEqual(["d1", "d1"]);
  });

  it("lets the step under way end, and stops, when the engine that runs it is killed", async () => {
    const spec = await specOf(2);
    for (const host of hosts) Object.assign(host, { active: "d0", activationMs: 2000 });
    const strategy = { kind: "masters", apiPort: 6443, release: "1.37.2", apiServices: ["kube-apiserver.service"] };
    const onStderr = (text: string) => void (text.includes("changing h1") && child?.kill("SIGKILL"));
    // It is over when nothing holds its output open any more: the rollout too.
    await start(documentOf({ ...spec, strategy }), onStderr, undefined, ["-e", engine, program]);
    expect(hosts.map(({ active }) => active)).toEqual(["d1", "d0"]);
  });

  it("refuses a step from the release of its last completed rollout that upstream forbids, and asks no host", async () => {
    const spec = await specOf(1);
    const strategy = { kind: "masters", apiPort: 6443, release: "1.37.2", apiServices: ["kube-apiserver.service"] };
    const previous = { hosts: [{ name: "h1", digest: "d0" }], release: "1.35.4" };
    const { code, stderr } = await start(documentOf({ ...spec, strategy }), undefined, previous);
    expect(code).toBe(3);
    expect(stderr).toMatch(
      /^GATE REFUSED: .*the step from Kubernetes "1\.35\.4" to "1\.37\.2" is refused.*Nothing was/m,
    );
    expect(hosts[0]?.commands).toEqual([]);
  });

  it("holds everything but the API servers back when the last rollout was of another minor release", async () => {
    const spec = await specOf(1);
    for (const host of hosts) host.active = "d0";
    const strategy = { kind: "masters", apiPort: 6443, release: "1.38.0", apiServices: ["kube-apiserver.service"] };
    const previous = {
      group: "masters",
      strategy: "masters",
      release: "1.37.2",
      hosts: [{ name: "h1", digest: "d0" }],
    };
    const { code, stdout } = await start(documentOf({ ...spec, strategy }), undefined, previous);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ strategy: "masters", release: "1.38.0" });
    expect(hosts[0]?.commands).toContain("/usr/local/sbin/machine-apply activate --hold haproxy.service");
    expect(hosts[0]?.commands).toContain("/usr/local/lib/kilonode/still-starting unit:haproxy.service");
  });

  it("refuses a host with another key", async () => {
    const spec = await specOf(1);
    const other = ssh2.utils.generateKeyPairSync("ed25519").public.split(" ").slice(0, 2).join(" ");
    const changed = { ...spec, hosts: spec.hosts.map((host) => ({ ...host, hostKey: other })) };
    const { code, stderr } = await start(documentOf(changed));
    expect(code).toBe(3);
    expect(stderr).toContain("its host key is not the pinned one");
    expect(hosts[0]?.commands).toEqual([]);
  });

  it("says what it is not given", async () => {
    const args = ["--import", "tsx", main];
    const without = await run({}, clientKey.private, args);
    expect(without).toMatchObject({ code: 1, stderr: expect.stringContaining("KILONODE_ROLLOUT is not set") });
    const spec = await specOf(1);
    const keyless = await run({ KILONODE_ROLLOUT: documentOf(spec), KILONODE_STAGED: "h1=d1" }, "", args);
    expect(keyless).toMatchObject({ code: 1, stderr: expect.stringContaining("nothing is on stdin") });
    expect(hosts[0]?.commands).toEqual([]);
  });

  it("takes a member's leave as an older version has recorded it: the document on stdin, the key in the environment", async () => {
    const { hosts: members, hostTimeoutSeconds } = await specOf(2);
    const targets = members.map(({ zone: _, endpoint: __, digest: ___, ...target }) => target);
    const leave = { group: "etcd-main", member: "h1", hosts: targets, hostTimeoutSeconds };
    const args = ["--import", "tsx", main, "leave"];
    await run({ KILONODE_SSH_KEY: clientKey.private }, JSON.stringify(leave), args);
    // The one that stays let it in.
    expect(hosts[1]?.commands).not.toEqual([]);
  });

  it("says why a host cannot be reached", async () => {
    const target = { name: "h1", address: "127.0.0.1", port: 1, user: "root", hostKey };
    await expect(new SshConnection(target, clientKey.private).run(["true"])).rejects.toThrow(
      "SSH to root@127.0.0.1:1: connect ECONNREFUSED",
    );
  });
});

describe("the command that starts a rollout", () => {
  it("takes the place of its shell, so that the engine is the parent whose end it notices", () => {
    const project = mkdtempSync(join(tmpdir(), "kilonode-rollout-"));
    try {
      mkdirSync(join(project, "components/rollout"), { recursive: true });
      writeFileSync(join(project, "components/rollout/rollout"), "#!/bin/sh\necho $PPID\n", { mode: 0o755 });
      for (const command of [program, `${program} check`]) {
        const { stdout } = spawnSync("/bin/sh", ["-c", command], { cwd: project, encoding: "utf8" });
        expect(stdout).toBe(`${process.pid}\n`);
      }
    } finally {
      rmSync(project, { recursive: true });
    }
  });
});

describe("the document of a rollout", () => {
  it("is refused when two hosts share a name", async () => {
    const spec = await specOf(2);
    const twice = spec.hosts.map((host) => ({ ...host, name: "h1" }));
    expect(() => readSpec(documentOf({ ...spec, hosts: twice }), "")).toThrow("host names are not unique");
    expect(() => readSpec(documentOf(spec), "h2=d1")).toThrow("KILONODE_STAGED names no content of h1");
  });
});
