/** The one door to a host, against real SSH servers: pinned keys, a jump host, a login user that is not root. */
import { execFile, execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { opensshFiles, opensshHost } from "../../components/access/openssh";
import { asRoot, type Words } from "../../components/access/privilege";
import { pulumiConnection } from "../../components/access/pulumi";
import { SshConnection } from "../../components/access/ssh";
import { type HostTarget, targetFields } from "../../components/access/target";
import { hasSshd, hasSudo, type Server, Servers } from "./access-servers";

const direct: HostTarget = { name: "h1", address: "10.0.0.1", port: 22, user: "admin", hostKey: "ssh-ed25519 AAAA" };
const jump = { address: "192.0.2.1", port: 2222, user: "jumper", hostKey: "ssh-ed25519 BBBB" };

describe("a target", () => {
  const schema = z.strictObject(targetFields);

  it("is read with and without a jump host", () => {
    for (const target of [direct, { ...direct, jump }]) expect(schema.parse(target)).toEqual(target);
  });

  it.each([
    ["a user that is an option", { ...direct, user: "-oProxyCommand=id" }],
    ["a host key of two lines", { ...direct, hostKey: "ssh-ed25519 AAAA\n* ssh-ed25519 CCCC" }],
    ["an unknown field", { ...direct, password: "x" }],
    ["a jump host without its key", { ...direct, jump: { ...jump, hostKey: undefined } }],
  ])("is refused with %s", (_what, target) => {
    expect(schema.safeParse(target).success).toBe(false);
  });

  it("is a connection of Pulumi's command provider, with the jump host as its proxy", () => {
    const common = { privateKey: "key", dialErrorLimit: 3, perDialTimeout: 15 };
    const host = { ...common, host: "10.0.0.1", port: 22, user: "admin", hostKey: "ssh-ed25519 AAAA" };
    const proxy = { ...common, host: "192.0.2.1", port: 2222, user: "jumper", hostKey: "ssh-ed25519 BBBB" };
    expect(pulumiConnection(direct, "key")).toEqual(host);
    expect(pulumiConnection({ ...direct, jump }, "key")).toEqual({ ...host, proxy });
  });

  it("meets @pulumi in one file only", () => {
    const found = execFileSync("git", ["grep", "-l", "@pulumi", "--", "components/access"], { encoding: "utf8" });
    expect(found.trim()).toBe("components/access/pulumi.ts");
  });
});

describe("privilege", () => {
  it("is sudo for everybody but root", () => {
    expect(asRoot("root", ["id", "-u"])).toBe("id -u");
    expect(asRoot("admin", ["echo", "a b"])).toBe(
      "sudo -n env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin echo 'a b'",
    );
  });

  it.each(["sh", "bash"])("keeps any word a word, for %s", (shell) => {
    const bad = [
      "$(id)",
      "`id`",
      "'",
      '"',
      "\\",
      "\n",
      "~",
      "*",
      ";",
      "&",
      "|",
      "<",
      "#",
      "{a,b}",
      "!",
      "",
      "A=b",
      "-n",
    ];
    const word = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(fc.constantFrom(...bad)).map((all) => all.join("")),
    );
    // No argument of a program holds a NUL.
    const words = fc.array(
      word.map((text) => text.replaceAll("\0", "")),
      { minLength: 1, maxLength: 40 },
    );
    fc.assert(
      fc.property(words, (all) => {
        const text = asRoot("root", ["printf", "%s\\0", ...all]);
        expect(execFileSync(shell, ["-c", text], { encoding: "utf8" }).split("\0").slice(0, -1)).toEqual(all);
      }),
      { numRuns: 200 },
    );
  });
});

describe.skipIf(!hasSshd)(hasSshd ? "SSH" : "SSH (SKIPPED: needs root and sshd)", () => {
  let servers: Servers;
  let host: Server;
  let between: Server;

  beforeAll(async () => {
    servers = new Servers();
    host = await servers.start("host");
    between = await servers.start("between");
  });
  afterAll(() => servers.stop());

  const throughJump = (): HostTarget => ({ ...host.target, jump: between.target });
  const run = async (target: HostTarget, ...words: string[]) => {
    const connection = new SshConnection(target, servers.privateKey);
    try {
      return (await connection.run(words)).stdout;
    } finally {
      connection.close();
    }
  };
  const forwarded = () => between.log().match(/ctype direct-tcpip/g)?.length ?? 0;

  /** By OpenSSH's own client, as the command line does. */
  async function openssh(target: HostTarget, words: Words): Promise<string> {
    const [key, known, config] = ["client", "known", "config"].map((name) => join(servers.dir, name)) as [
      string,
      string,
      string,
    ];
    const files = opensshFiles(target, key, known);
    writeFileSync(known, files.knownHosts);
    writeFileSync(config, files.config);
    return (await promisify(execFile)("ssh", ["-F", config, opensshHost, asRoot(target.user, words)])).stdout;
  }

  it("gives what a command printed, and its exit code", async () => {
    const connection = new SshConnection(host.target, servers.privateKey);
    expect(await connection.run(["sh", "-c", "echo out; echo err >&2; exit 3"])).toEqual({
      code: 3,
      stdout: "out\n",
      stderr: "err\n",
    });
    connection.close();
  });

  it("takes nothing of the operator's along: no agent, no display, no port", () => {
    const config = join(servers.dir, "forwarding");
    writeFileSync(config, opensshFiles(throughJump(), "key", "known").config);
    const given = ["-o", "RemoteForward 8080 localhost:80", opensshHost];
    const settings = execFileSync("ssh", ["-G", "-F", config, ...given], { encoding: "utf8" }).split("\n");
    for (const off of ["forwardagent no", "forwardx11 no", "clearallforwardings yes"]) expect(settings).toContain(off);
  });

  it("does not take a host of another key", async () => {
    const target = { ...host.target, hostKey: servers.otherKey };
    await expect(run(target, "true")).rejects.toThrow("its host key is not the pinned one");
    await expect(openssh(target, ["true"])).rejects.toThrow("Host key verification failed");
  });

  it("goes through the jump host, and only there", async () => {
    const before = forwarded();
    expect(await run(throughJump(), "echo", "there")).toBe("there\n");
    expect(forwarded()).toBe(before + 1);
    expect(await openssh(throughJump(), ["echo", "there"])).toBe("there\n");
    expect(forwarded()).toBe(before + 2);
  });

  it("does not take a jump host of another key, nor a host behind it", async () => {
    const before = forwarded();
    const jumpOfOther = { ...host.target, jump: { ...between.target, hostKey: servers.otherKey } };
    await expect(run(jumpOfOther, "true")).rejects.toThrow(
      `SSH to root@127.0.0.1:${between.target.port}: its host key is not the pinned one`,
    );
    await expect(openssh(jumpOfOther, ["true"])).rejects.toThrow("Host key verification failed");
    expect(forwarded()).toBe(before);
    const hostOfOther = { ...throughJump(), hostKey: servers.otherKey };
    await expect(run(hostOfOther, "true")).rejects.toThrow(
      `SSH to root@127.0.0.1:${host.target.port}: its host key is not the pinned one`,
    );
    await expect(openssh(hostOfOther, ["true"])).rejects.toThrow("Host key verification failed");
  });

  it("says which of the two cannot be reached", async () => {
    const target = { ...host.target, port: 1, jump: between.target };
    await expect(run(target, "true")).rejects.toThrow(
      /SSH to root@127.0.0.1:1 through its jump host: .*Connection refused/,
    );
  });

  it("ends a command that prints without end", async () => {
    await expect(run(host.target, "yes")).rejects.toThrow("printed more than 16777216 bytes");
  });

  it.skipIf(!hasSudo)(`is root's for another user, by sudo${hasSudo ? "" : " (SKIPPED: needs sudo)"}`, async () => {
    const user = servers.addUser();
    const target = { ...throughJump(), user };
    const text = "id -u; printf '%s\\n' \"it's $(id -un)\"; command -v machine-apply || echo $PATH";
    const printed = ["0", "it's root", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ""].join("\n");
    expect(await run(target, "printf", "%s", "$(id) `id` 'it\"s'")).toBe("$(id) `id` 'it\"s'");
    expect(await run(target, "sh", "-c", text)).toBe(printed);
    expect(await openssh(target, ["sh", "-c", text])).toBe(printed);
  });
});
