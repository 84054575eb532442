import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Provider, UNKNOWN, type Values } from "../../../engine";
import { providers } from "../../../engine/rehearsal";
import { secret } from "../../../engine/values/secrets";
import { type Sshd, startSshd } from "./sshd";
import { call, check, create } from "./support";

const TYPE = "command:remote:Command";
const COPY = "command:remote:CopyToRemote";
let sshd: Sshd;
let provider: Provider;

beforeAll(async () => {
  sshd = await startSshd();
  provider = providers("command");
});
afterAll(async () => {
  await provider.close?.();
  await sshd.remove();
});

const authorize = (line: string) => writeFileSync(join(sshd.dir, "authorized_keys"), line, { flag: "a" });
const connections = () => sshd.log().filter((line) => line.startsWith("Accepted publickey")).length;

describe("command:remote:Command", () => {
  it("runs, with input, and gives both outputs", async () => {
    const at = call(TYPE, "there");
    const inputs = { connection: sshd.connection, create: "cat; echo err >&2; echo", stdin: "in\n" };
    const made = await create(provider, at, inputs);
    expect(made.id).toMatch(/^there[0-9a-f]{8}$/);
    expect(made.outputs).toMatchObject({ stdout: "in\n", stderr: "err", stdin: "in\n" });
    expect(at.logged.map(({ message }) => message)).toContain("err");
    expect(made.inputs.connection).toMatchObject({ perDialTimeout: 15, dialErrorLimit: 0 });
    expect(provider.secretOutputs?.(TYPE)).toEqual(["connection"]);
  });

  it("marks the keys within the secret connection, those of a jump host too", async () => {
    const login = { host: "h", privateKey: "k" };
    const inputs = { connection: { ...login, proxy: { ...login, user: "jump" } }, create: "true" };
    const checked = await provider.check?.(call(TYPE), undefined, inputs, Buffer.alloc(32));
    const defaults = { user: "root", port: 22, dialErrorLimit: 10, perDialTimeout: 15 };
    const marked = { ...defaults, host: "h", privateKey: secret("k") };
    expect(checked?.inputs.connection).toEqual(secret({ ...marked, proxy: { ...marked, user: "jump" } }));
  });

  it("sets variables that the server accepts, and stops before the command at one that it does not", async () => {
    const inputs = { connection: sshd.connection, create: 'echo "$GREETING"', environment: { GREETING: "hello" } };
    expect((await create(provider, call(TYPE), inputs)).outputs.stdout).toBe("hello");
    const at = call(TYPE);
    const refused = { connection: sshd.connection, create: `touch ${sshd.dir}/ran`, environment: { OTHER: "x" } };
    await expect(create(provider, at, refused)).rejects.toThrow(
      'could not set environment variable "OTHER": ssh: setenv failed',
    );
    expect(at.logged[0]?.message).toBe(
      "Unable to set 'OTHER'. This only works if your SSH server is configured to accept\n" +
        "\tthese variables via AcceptEnv. Alternatively, if a Bash-like shell runs the command on the remote host, you could\n" +
        "\tprefix the command itself with the variables in the form 'VAR=value command'",
    );
    expect(existsSync(join(sshd.dir, "ran"))).toBe(false);
  });

  it("hands on the previous output, and only warns when the server does not take it", async () => {
    const at = call(TYPE);
    const inputs = { connection: sshd.connection, update: 'echo "was $PULUMI_COMMAND_STDOUT"' };
    const updated = await provider.update?.(at, "id", {}, { stdout: "old", stderr: "e" }, inputs);
    expect(updated?.outputs.stdout).toBe("was old");
    expect(at.logged.filter(({ severity }) => severity === "warning")).toHaveLength(1);
  });

  it("fails as the real provider does", async () => {
    const failing = "echo out; sleep 0.2; echo err >&2; exit 3";
    await expect(create(provider, call(TYPE), { connection: sshd.connection, create: failing })).rejects.toThrow(
      `Process exited with status 3: running "${failing}":\nout\nerr\n`,
    );
    await expect(create(provider, call(TYPE), { connection: sshd.connection, create: "kill -9 $$" })).rejects.toThrow(
      /^Process exited with status 137 from signal KILL: running/,
    );
  });

  it("takes private keys in OpenSSH's own format, as tls.PrivateKey gives them", async () => {
    const login = (key: Values) =>
      create(provider, call(TYPE), { connection: { ...sshd.connection, ...key }, create: "echo in" });
    const tls = providers("tls");
    for (const inputs of [{ algorithm: "ED25519" }, { algorithm: "ECDSA", ecdsaCurve: "P256" }]) {
      const { outputs } = await create(tls, call("tls:index/privateKey:PrivateKey"), inputs);
      authorize(outputs.publicKeyOpenssh as string);
      const { privateKeyOpenssh, privateKeyPemPkcs8 } = outputs as Record<string, string>;
      expect((await login({ privateKey: privateKeyOpenssh ?? "" })).outputs.stdout, inputs.algorithm).toBe("in");
      await expect(login({ privateKey: privateKeyPemPkcs8 ?? "" })).rejects.toThrow(
        "ssh: no key found; supported in a rehearsal: a private key in OpenSSH's own format",
      );
    }
    const locked = join(sshd.dir, "locked");
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "pass", "-f", locked]);
    await expect(login({ privateKey: readFileSync(locked, "utf8") })).rejects.toThrow(
      "ssh: this private key is passphrase protected",
    );
  });

  it("stops at a server whose key is not the pinned one", async () => {
    const [, base64] = sshd.hostKey.split(" ");
    const last = Buffer.from(base64 ?? "", "base64");
    last[last.length - 1] = (last.at(-1) ?? 0) ^ 1;
    const wrong = { ...sshd.connection, hostKey: `ssh-ed25519 ${last.toString("base64")}`, dialErrorLimit: 1 };
    await expect(create(provider, call(TYPE), { connection: wrong, create: "true" })).rejects.toThrow(
      "after 1 failed attempts: ssh: handshake failed: ssh: host key mismatch",
    );
    const broken = { ...sshd.connection, hostKey: "ssh-ed25519 AAAA" };
    await expect(create(provider, call(TYPE), { connection: broken, create: "true" })).rejects.toThrow(
      "failed to parse host key: ssh: no key found",
    );
    const rsa = Buffer.concat([Buffer.of(0, 0, 0, 7), Buffer.from("ssh-rsa")]).toString("base64");
    const old = { ...sshd.connection, hostKey: `ssh-rsa ${rsa}` };
    await expect(create(provider, call(TYPE), { connection: old, create: "true" })).rejects.toThrow(
      "a host key of type ssh-rsa is not supported in a rehearsal; supported: ssh-ed25519, ecdsa-sha2-nistp256",
    );
  });

  it("says why it cannot connect", async () => {
    const at = call(TYPE);
    const refused = { ...sshd.connection, port: 1, dialErrorLimit: 2 };
    await expect(create(provider, at, { connection: refused, create: "true" })).rejects.toThrow(
      "after 2 failed attempts: dial tcp 127.0.0.1:1: connect: connection refused",
    );
    expect(at.logged.map(({ message }) => message)).toEqual(["Dial 1/2 failed: retrying", "Dial 2/2 failed: retrying"]);
    const strange = join(sshd.dir, "strange");
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", strange]);
    const unknown = { ...sshd.connection, privateKey: readFileSync(strange, "utf8") };
    await expect(create(provider, at, { connection: unknown, create: "true" })).rejects.toThrow(
      "ssh: handshake failed: ssh: unable to authenticate, attempted methods [none publickey], no supported methods",
    );
  });

  it("refuses other ways to a host, and says what there is", async () => {
    const to = (connection: Values) => create(provider, call(TYPE), { connection, create: "true" });
    const supported = "host, privateKey, user, port, dialErrorLimit, perDialTimeout, hostKey";
    for (const property of ["password", "agentSocketPath", "privateKeyPassword"]) {
      await expect(to({ ...sshd.connection, [property]: "x" })).rejects.toThrow(
        `property connection.${property} is not supported in a rehearsal; supported: ${supported}, proxy`,
      );
    }
    const { connection } = sshd;
    await expect(to({ ...connection, proxy: { ...connection, password: "x" } })).rejects.toThrow(
      new RegExp(`property connection.proxy.password is not supported in a rehearsal; supported: ${supported}$`),
    );
    await expect(to({ ...connection, proxy: { ...connection, proxy: connection } })).rejects.toThrow(
      "property connection.proxy.proxy is not supported in a rehearsal",
    );
    await expect(to({ ...connection, proxy: "jump.example.org" })).rejects.toThrow(
      "connection.proxy must be an object",
    );
    await expect(to({ ...connection, proxy: { host: "127.0.0.1" } })).rejects.toThrow(
      "connection.proxy.privateKey is missing",
    );
    await expect(to({ host: "127.0.0.1" })).rejects.toThrow("connection.privateKey is missing");
    await expect(create(provider, call(TYPE), { create: "true" })).rejects.toThrow("connection is missing");
  });

  it("signals the command when interrupted", async () => {
    const interrupt = new AbortController();
    const at = call(TYPE, "it", { signal: interrupt.signal });
    const command = 'trap "echo cleaned; exit 4" INT; echo started; sleep 5 & wait'; // Which leaves the output open.
    const running = create(provider, at, { connection: sshd.connection, create: command });
    await expect.poll(() => at.logged.length).toBe(1);
    interrupt.abort();
    await expect(running).rejects.toThrow(/^Process exited with status 4: running[\s\S]*started\ncleaned\n$/);
    await expect(create(provider, at, { connection: sshd.connection, create: "true" })).rejects.toThrow(/abort/i);
  });

  it("stops a command that prints without end", async () => {
    const inputs = { connection: sshd.connection, create: "yes", logging: "none" };
    await expect(create(provider, call(TYPE), inputs)).rejects.toThrow("the output is larger than 16777216 bytes");
    await expect.poll(() => execFileSync("ps", ["-eo", "args"], { encoding: "utf8" })).not.toMatch(/^yes$/m);
  });
});

describe("connections", () => {
  it("are shared by commands with the same connection, eight at a time", async () => {
    const own = providers("command");
    const before = connections();
    const inputs = { connection: sshd.connection, create: "sleep 0.3; echo done" };
    await Promise.all(Array.from({ length: 10 }, () => create(own, call(TYPE), inputs)));
    expect(connections() - before).toBe(2);
    for (let i = 0; i < 2; i++) await create(own, call(TYPE), inputs);
    expect(connections() - before).toBe(2);
    await own.close?.();
    await expect(create(own, call(TYPE), inputs)).rejects.toThrow("closed");
  });

  it("are dialled again when the server was started again", async () => {
    const run = { connection: { ...sshd.connection, dialErrorLimit: 10 } as Values, create: "echo there" };
    await create(provider, call(TYPE), run);
    const command = { ...run, create: "echo before; sleep 30" };
    const at = call(TYPE);
    const broken = create(provider, at, command).catch((error: Error) => error.message);
    while (!at.logged.some(({ message }) => message.includes("before"))) await sleep(20);
    await sshd.stop();
    expect(await broken).toMatch(
      /^wait: remote command exited without exit status or exit signal: running[\s\S]*before/,
    );
    const again = create(provider, call(TYPE), run);
    await sleep(200);
    await sshd.start();
    expect((await again).outputs.stdout).toBe("there");
  });

  it("go through a jump host, to which there is one for all hosts behind it", async () => {
    const [inner, other] = [await startSshd(), await startSshd()];
    const own = providers("command");
    const before = connections();
    const through = ({ connection }: Sshd, proxy: Values = sshd.connection): Values => ({ ...connection, proxy });
    const echo = { connection: through(inner), create: "echo inner" };
    expect((await create(own, call(TYPE), echo)).outputs.stdout).toBe("inner");
    expect((await create(own, call(TYPE), { ...echo, connection: through(other) })).outputs.stdout).toBe("inner");
    expect(connections() - before).toBe(1);
    for (const server of [inner, other]) {
      expect(server.log().filter((line) => line.startsWith("Accepted publickey"))).toHaveLength(1);
    }

    const strange = { ...sshd.connection, hostKey: inner.hostKey };
    await expect(create(own, call(TYPE), { ...echo, connection: through(inner, strange) })).rejects.toThrow(
      "proxy: after 0 failed attempts: ssh: handshake failed: ssh: host key mismatch",
    );
    const behind = { ...through(inner), hostKey: sshd.hostKey };
    await expect(create(own, call(TYPE), { ...echo, connection: behind })).rejects.toThrow(
      "proxy: after 0 failed attempts: ssh: handshake failed: ssh: host key mismatch",
    );
    await expect(create(own, call(TYPE), { ...echo, connection: { ...through(inner), port: 1 } })).rejects.toThrow(
      "proxy: after 0 failed attempts: ssh: rejected: (SSH) Channel open failure: Connection refused",
    );
    await own.close?.();
    for (const server of [inner, other]) await server.remove();
  });
});

describe("command:remote:CopyToRemote", () => {
  const signature = "4dabf18193072939515e22adb298388d";
  const asset = (what: object) => ({ [signature]: "c44067f5952c0a294b673a41bacd8c17", ...what }) as Values;
  const copy = (source: Values, remotePath: string) =>
    create(provider, call(COPY, "copy"), { connection: sshd.connection, source, remotePath });
  const there = (path: string) => readFileSync(join(sshd.dir, path), "utf8");

  it("copies texts, and makes directories", async () => {
    const made = await copy(asset({ text: "content\n", hash: "h" }), "a/b/text.txt");
    expect(made.id).toMatch(/^[0-9a-f]{8}$/);
    expect(there("a/b/text.txt")).toBe("content\n");
    expect(made.outputs.source).toMatchObject({ text: "content\n", hash: "h" });
    await copy(asset({ text: "x".repeat(300_000) }), "a/b/text.txt");
    expect(there("a/b/text.txt")).toHaveLength(300_000);
    await copy(asset({ text: "" }), "a/b/text.txt");
    expect(there("a/b/text.txt")).toBe("");
    await expect(copy(asset({ text: "x" }), "a")).rejects.toThrow("remote path a is a directory");
    await expect(copy(asset({ text: "x" }), "a/b/text.txt/c")).rejects.toThrow(
      "failed to create parent directories for a/b/text.txt: not a directory",
    );
    for (const other of [{ path: "/etc/hostname" }, { uri: "https://example.org" }]) {
      await expect(copy(asset(other), "x")).rejects.toThrow("source must be a text asset in a rehearsal");
    }
  });

  it("copies again only when the content or the place changed", async () => {
    const { inputs, outputs } = await copy(asset({ text: "one", hash: "1" }), "again.txt");
    rmSync(join(sshd.dir, "again.txt"));
    const other = await check(provider, call(COPY), inputs, { ...inputs, triggers: ["x"] });
    await provider.update?.(call(COPY), "id", inputs, outputs, other);
    expect(existsSync(join(sshd.dir, "again.txt"))).toBe(false);
    const changed = await check(provider, call(COPY), inputs, { ...inputs, source: asset({ text: "two", hash: "2" }) });
    expect(await provider.diff?.(call(COPY), "id", inputs, outputs, changed, [])).toEqual({
      changes: true,
      detailedDiff: { source: "update" },
    });
    await provider.update?.(call(COPY), "id", inputs, outputs, changed);
    expect(there("again.txt")).toBe("two");
    await provider.delete?.(call(COPY), "id", changed, changed);
    expect(there("again.txt")).toBe("two");
  });

  it("names the connection as one value and does nothing in a preview", async () => {
    const inputs = { connection: sshd.connection, source: asset({ text: "new", hash: "h" }), remotePath: "new.txt" };
    const other = { ...inputs, connection: { ...sshd.connection, hostKey: null } };
    expect(await provider.diff?.(call(COPY), "id", inputs, inputs, other, [])).toEqual({
      changes: true,
      detailedDiff: { connection: "update" },
    });
    const planned = await create(provider, call(COPY, "copy", { preview: true }), { ...inputs, remotePath: UNKNOWN });
    expect(planned).toMatchObject({ id: "", outputs: { remotePath: UNKNOWN } });
    expect(existsSync(join(sshd.dir, "new.txt"))).toBe(false);
  });
});
