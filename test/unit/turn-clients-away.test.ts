/** What sends clients of a member that does not serve to the others: the program itself, beside a member that is seen as etcd is. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hostText } from "../../components/machine/host-files";
import { planOf } from "../support/plans";

const path = "/usr/local/lib/kilonode/turn-clients-away";
let dir: string;
let member: Server;
/** What a read through the shard does; undefined: it gives no answer. */
let answer: number | undefined;
/** What all checks of readiness together say: 503 of a learner, always. */
let ready: number;
let program: ReturnType<typeof spawn>;
let said: string;

const file = (name: string) => join(dir, name);
const rules = () => (existsSync(file("rules")) ? readFileSync(file("rules"), "utf8") : "");
const turnsAway = () => rules().match(/tcp dport @away reject with tcp reset/g)?.length ?? 0;
const others = (...health: readonly boolean[]) =>
  writeFileSync(
    file("health"),
    JSON.stringify(health.map((one, index) => ({ endpoint: `https://m${index}`, health: one }))),
  );

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "kilonode-away-"));
  const executable = { mode: 0o755 };
  writeFileSync(file("nft"), `#!/bin/sh\ncat >>${file("rules")}\n`, executable);
  writeFileSync(
    file("etcdctl"),
    `#!/bin/sh\necho "$ETCDCTL_ENDPOINTS $*" >${file("asked")}\ncat ${file("health")}\n`,
    executable,
  );
  writeFileSync(file("others"), "https://m2:2379\nhttps://m3:2379\n");
  others(true, true);
  const quick = hostText(path)
    .replace("PAUSE_SECONDS = 1.0", "PAUSE_SECONDS = 0.05")
    .replace("ANSWER_SECONDS = 2.0", "ANSWER_SECONDS = 0.3");
  writeFileSync(file("program"), quick, executable);
  answer = 200;
  ready = 200;
  member = createServer(({ url }, response) => {
    if (answer !== undefined) response.writeHead(url === "/readyz/linearizable_read" ? answer : ready).end();
  });
  await new Promise<void>((resolve) => member.listen(0, "127.0.0.1", resolve));
  const { port } = member.address() as AddressInfo;
  program = spawn("python3", ["-IS", file("program")], {
    env: {
      PATH: `${dir}:${process.env.PATH}`,
      METRICS_URL: `http://127.0.0.1:${port}`,
      CLIENT_PORT: "2379",
      OTHERS_FILE: file("others"),
    },
  });
  said = "";
  program.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  // What an earlier run has left is taken away.
  await expect.poll(rules, { timeout: 10_000 }).toBe("table inet kilonode_away\ndelete table inet kilonode_away\n");
});

afterEach(async () => {
  if (program.exitCode === null) {
    const ended = new Promise((resolve) => program.once("close", resolve));
    program.kill();
    await ended;
  }
  member.closeAllConnections();
  member.close();
  rmSync(dir, { recursive: true, force: true });
});

const within = { timeout: 10_000 };

describe("turn-clients-away", () => {
  it.each([
    ["gives no answer, as one that is stopped", undefined, "no answer: timed out"],
    ["says that it is not ready, as one whose disk hangs", 503, "it says 503"],
  ])(
    "turns clients away from a member that %s, again and again, and lets them in when it serves",
    async (_how, how, words) => {
      answer = how;
      await expect.poll(turnsAway, within).toBeGreaterThan(1);
      expect(rules()).toContain("elements = { 2379 timeout 15s }");
      expect(said).toBe(`turned away: ${words}; 2 of 2 other members serve, 2 are wanted\n`);
      expect(readFileSync(file("asked"), "utf8")).toBe(
        "https://m2:2379,https://m3:2379 --command-timeout=0.3s --write-out=json endpoint health\n",
      );
      answer = 200;
      await expect.poll(() => said, within).toMatch(/\nit serves again\n$/);
      const before = turnsAway();
      expect(rules()).toMatch(/}\n}\ntable inet kilonode_away\ndelete table inet kilonode_away\n$/);
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect(turnsAway()).toBe(before);
    },
  );

  it("turns nobody away while most members do not serve without it: all are slow, or there is no quorum", async () => {
    others(true, false);
    answer = undefined;
    await expect
      .poll(() => said, within)
      .toBe("not turned away: no answer: timed out; 1 of 2 other members serve, 2 are wanted\n");
    expect(turnsAway()).toBe(0);
    others(true, true);
    await expect.poll(turnsAway, within).toBeGreaterThan(0);
    writeFileSync(file("health"), "etcdctl says something else");
    await expect.poll(() => said, within).toMatch(/\nnot turned away: .*; 0 of 2 other members serve, 2 are wanted\n$/);
    expect(rules()).toMatch(/}\n}\ntable inet kilonode_away\ndelete table inet kilonode_away\n$/);
  });

  it("knows the members as they are now: a shard that has grown wants more of them", async () => {
    writeFileSync(file("others"), "https://m2:2379\nhttps://m3:2379\nhttps://m4:2379\nhttps://m5:2379\n");
    answer = undefined;
    await expect.poll(() => said, within).toMatch(/^not turned away: .*; 2 of 4 other members serve, 3 are wanted\n$/);
  });

  it("leaves a member alone that is only slow now and then, or that does not run", async () => {
    for (let times = 0; times < 4; times++) {
      answer = undefined;
      await new Promise((resolve) => setTimeout(resolve, 450));
      answer = 200;
      await new Promise((resolve) => setTimeout(resolve, 450));
    }
    member.closeAllConnections();
    await new Promise((resolve) => member.close(resolve));
    await new Promise((resolve) => setTimeout(resolve, 800));
    expect([turnsAway(), said]).toEqual([0, ""]);
  });

  it("leaves a learner alone, which is ready only when it is a voter, and becomes one only when it is asked", async () => {
    ready = 503;
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect([turnsAway(), said]).toEqual([0, ""]);
  });

  it("lets clients in when it is ended, at whatever moment", async () => {
    answer = undefined;
    await expect.poll(turnsAway, within).toBeGreaterThan(0);
    const ended = new Promise((resolve) => program.once("close", resolve));
    program.kill();
    expect(await ended).toBe(0);
    expect(rules()).toMatch(/}\n}\ntable inet kilonode_away\ndelete table inet kilonode_away\n$/);
  });

  it("is on every member of a shard of several, with the addresses of the others, and on none that is alone", () => {
    for (const { machine, name, role } of planOf("lab-small").hosts) {
      const wanted = role === "etcd" && name.includes("-main-");
      expect([name, "turn-clients-away.service" in machine.services]).toEqual([name, wanted]);
      expect(machine.files["/etc/etcd/others"]?.content.trim().split("\n").length).toBe(wanted ? 2 : undefined);
      // A shard that grows changes this file of all members, and restarts nothing.
      for (const { restartOn = [] } of Object.values(machine.services) as { restartOn?: readonly string[] }[])
        expect(restartOn).not.toContain("/etc/etcd/others");
    }
  });
});
