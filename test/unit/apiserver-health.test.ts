/** What answers the health checks of a platform's load balancer: the program itself, beside servers that are as an API server is seen. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { hostText } from "../../components/machine/host-files";
import { trusted } from "../../components/plan/parts";
import { Credentials, type Pair } from "../binaries/support/credentials";
import { Program } from "../binaries/support/process";
import { freePort } from "../support/loopback";

const dir = mkdtempSync(join(tmpdir(), "kilonode-health-"));
const address = "127.0.0.1";
const endpoint = "master-1.example";
const file = (name: string) => join(dir, name);
const write = (name: string, text: string) => writeFileSync(file(name), text, { mode: 0o755 });

let credentials: Credentials;
const running: Program[] = [];

beforeAll(async () => {
  credentials = await Credentials.make();
  const names = { dnsNames: [], ipAddresses: [] };
  const health = await credentials.issue({
    ...names,
    authority: "kubernetes",
    commonName: "health",
    uses: ["client_auth"],
  });
  write("kubernetes-ca.crt", await credentials.publicPem(trusted("kubernetes")));
  write("health.crt", health.cert);
  write("health.key", health.key);
  const tools = "/usr/local/lib/kilonode";
  write("apiserver-health", hostText(`${tools}/apiserver-health`).replace('"/etc/kubernetes/pki"', `"${dir}"`));
  write("ready-seconds", hostText(`${tools}/ready-seconds`).replaceAll("/etc/kubernetes/", `${dir}/`));
});
afterEach(async () => {
  for (const program of running.splice(0)) await program.stop();
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A server's certificate, signed by the cluster's authority unless another one is named. */
const serverPair = (name = endpoint, authority: "kubernetes" | "front-proxy" = "kubernetes") =>
  credentials.issue({ authority, commonName: "x", dnsNames: [name], ipAddresses: [], uses: ["server_auth"] });

/** HTTPS with client certificates; SIGUSR2: /readyz answers 500, as of the real one after SIGTERM; again: 200. Each request is a line. */
async function apiServer(port: number, pair?: Pair): Promise<Program> {
  const { cert, key } = pair ?? (await serverPair());
  write("ca.crt", await credentials.publicPem(trusted("kubernetes")));
  write("server.crt", cert);
  write("server.key", key);
  const program = new Program(process.execPath, [
    resolve("test/binaries/support/api-server.mjs"),
    address,
    String(port),
    dir,
  ]);
  running.push(program);
  await program.says(/ready/);
  return program;
}

interface Responder {
  readonly program: Program;
  readonly port: number;
}

async function responder(apiPort: number): Promise<Responder> {
  const port = await freePort();
  const settings = { PORT: String(port), API_PORT: String(apiPort), READY_PATH: "/readyz?exclude=a&exclude=b" };
  write("master.env", `ADDRESS=${address}\nENDPOINT=${endpoint}\n`);
  write("apiserver-health.env", `PORT=${port}\n`);
  const program = new Program(file("apiserver-health"), [], {
    env: { ADDRESS: address, ENDPOINT: endpoint, ...settings },
  });
  running.push(program);
  await expect.poll(() => raw(port, get).catch(() => ""), { timeout: 60_000 }).toMatch(/^HTTP/);
  return { program, port };
}

const get = "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n";

/** All that comes back for these bytes; nothing when the connection is only closed. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((done, reject) => {
    let answer = "";
    const socket = connect(port, address, () => socket.write(text));
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      answer += chunk;
    });
    socket.on("error", (error) => (answer === "" ? reject(error) : done(answer))).on("close", () => done(answer));
  });
}

const statusOf = async (port: number, text = get) => Number(/^HTTP\/1.1 (\d+) /.exec(await raw(port, text))?.[1] ?? 0);
const until = (port: number, status: number) =>
  expect.poll(() => statusOf(port), { timeout: 60_000, interval: 50 }).toBe(status);

describe("a master's health, as a load balancer asks for it", () => {
  it("is what the API server says, with the path that the plan has, and for how long", async () => {
    const apiPort = await freePort();
    const api = await apiServer(apiPort);
    const { port, program } = await responder(apiPort);
    await until(port, 200);
    expect(await raw(port, get)).toMatch(
      /^HTTP\/1.1 200 OK\r\nContent-Type: text\/plain\r\n[\s\S]*Connection: close\r\n\r\nready for \d+ s\n$/,
    );
    const seconds = () => Number(spawnSync(file("ready-seconds"), { encoding: "utf8" }).stdout);
    await expect.poll(seconds, { timeout: 60_000 }).toBeGreaterThan(1);
    api.signal("SIGUSR2");
    await until(port, 503);
    expect(await raw(port, get)).toMatch(/\r\n\r\nnot ready\n$/);
    expect(seconds()).toBe(0);
    expect(program.output).toMatch(/ready\nnot ready: it says 'HTTP\/1.1 500 Internal Server Error'\n$/);
    api.signal("SIGUSR2");
    await until(port, 200);
    await api.stop();
    await until(port, 503);
    await program.stop();
    expect(seconds()).toBe(0);
  });

  it("is bad while the API server hangs, told at once, however many ask, and good when it goes on", async () => {
    const apiPort = await freePort();
    const api = await apiServer(apiPort);
    const { port, program } = await responder(apiPort);
    await until(port, 200);
    api.signal("SIGSTOP");
    await until(port, 503);
    expect(program.output).toContain("not ready: no answer within 1.4 s");
    const all = await Promise.all(Array.from({ length: 200 }, () => statusOf(port)));
    expect(all).toEqual(Array(200).fill(503));
    api.signal("SIGCONT");
    await until(port, 200);
  });

  it("asks the API server itself at its own pace: 200 checks at once are none of its requests", async () => {
    const apiPort = await freePort();
    const api = await apiServer(apiPort);
    const { port } = await responder(apiPort);
    await until(port, 200);
    const before = api.output.length;
    expect(await Promise.all(Array.from({ length: 200 }, () => statusOf(port)))).toEqual(Array(200).fill(200));
    const asked = api.output.slice(before).match(/^GET /gm)?.length ?? 0;
    expect(asked).toBeLessThan(100);
    expect(api.output).toContain("GET /readyz?exclude=a&exclude=b by health\n");
  });

  it.each([
    ["of another name", () => serverPair("master-2.example"), /not ready: .*certificate verify failed/],
    ["of another authority", () => serverPair(endpoint, "front-proxy"), /not ready: .*certificate verify failed/],
  ])("is bad when what answers has a certificate %s", async (_which, pair, says) => {
    const apiPort = await freePort();
    await apiServer(apiPort, await pair());
    const { port, program } = await responder(apiPort);
    await program.says(says);
    expect(await statusOf(port)).toBe(503);
  });

  it("is bad while its own certificate is missing, and good when it is there, without a restart", async () => {
    const apiPort = await freePort();
    await apiServer(apiPort);
    rmSync(file("health.crt"));
    const { port, program } = await responder(apiPort);
    await program.says(/not ready: .*No such file/);
    const { cert, key } = await credentials.issue({
      authority: "kubernetes",
      commonName: "health",
      dnsNames: [],
      ipAddresses: [],
      uses: ["client_auth"],
    });
    write("health.key", key);
    write("health.crt", cert);
    await until(port, 200);
  });

  it("is old after a pause of the program itself, and then not told as if it were new", async () => {
    const apiPort = await freePort();
    const api = await apiServer(apiPort);
    const { port, program } = await responder(apiPort);
    await until(port, 200);
    program.signal("SIGSTOP");
    api.signal("SIGSTOP");
    const checks = Promise.all(Array.from({ length: 5 }, () => statusOf(port)));
    await new Promise((done) => setTimeout(done, 4000));
    program.signal("SIGCONT");
    expect(await checks).toEqual(Array(5).fill(503));
  });
});

describe("requests that are no health check", () => {
  let port: number;
  let program: Program;
  const start = async () => {
    ({ port, program } = await responder(await freePort()));
  };

  it("are refused, and the next check is answered", async () => {
    await start();
    expect(await raw(port, "HEAD /readyz HTTP/1.0\r\n\r\n")).toMatch(
      /^HTTP\/1.1 503 [\s\S]*\r\nContent-Length: 0\r\n[\s\S]*\r\n\r\n$/,
    );
    expect(await raw(port, "POST /readyz HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc")).toMatch(
      /^HTTP\/1.1 405 [\s\S]*\r\nAllow: GET, HEAD\r\n/,
    );
    const refused: readonly [string, number][] = [
      ["GET / HTTP/1.1\r\n\r\n", 404],
      ["GET /readyz/../x HTTP/1.1\r\n\r\n", 404],
      ["nonsense\r\n\r\n", 400],
      ["GET /readyz SSH-2.0\r\n\r\n", 400],
      ["\0\xff\r\n\r\n", 400],
      [`GET /readyz HTTP/1.1\r\nX: ${"x".repeat(9000)}\r\n\r\n`, 431],
    ];
    for (const [text, status] of refused)
      expect([text.slice(0, 30), await statusOf(port, text)]).toEqual([text.slice(0, 30), status]);
    // No end of it, ever: closed, answered or not.
    await raw(port, "x".repeat(1_000_000)).catch(() => undefined);
    expect(await raw(port, "GET /readyz HTTP/1.1\r\nHost: x\r\n")).toBe("");
    expect(await statusOf(port)).toBe(503);
    expect(program.output).not.toContain("Traceback");
  });

  it("keep no check waiting: of too many silent connections the oldest go", async ({ onTestFinished }) => {
    await start();
    const flood = spawn("python3", ["-c", flooding, String(port), String(program.pid)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    onTestFinished(() => void flood.kill("SIGKILL"));
    const files = Number(await new Promise((done) => flood.stdout.once("data", done)));
    // 256; what it accepts at a time, and is just closing; its own.
    expect(files).toBeLessThan(700);
    expect(await statusOf(port)).toBe(503);
    flood.kill("SIGKILL");
    expect(await statusOf(port)).toBe(503);
    expect(program.output).not.toContain("Traceback");
  });
});

/** Holds 900 connections on which it says nothing, and tells how many files the responder has open then. */
const flooding = `
import os, socket, sys, time
held = [socket.create_connection(("${address}", int(sys.argv[1]))) for _ in range(900)]
print(len(os.listdir(f"/proc/{sys.argv[2]}/fd")), flush=True)
time.sleep(600)
`;
