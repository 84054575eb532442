/** Hosts that are slow: real SSH servers, whose commands take their time. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { askAll, fewAtOnce, hostAnswer } from "../../cli/hosts/ask";
import type { Words } from "../../components/access/privilege";
import type { ClusterHost } from "../../components/cluster";
import { hasSshd, type Server, Servers } from "./access-servers";

const patient = 60;
const shell = (text: string): Words => ["sh", "-c", text];

describe.runIf(hasSshd)("a host that is asked", () => {
  let servers: Servers;
  let server: Server;
  let host: ClusterHost;

  beforeAll(async () => {
    servers = new Servers();
    server = await servers.start("slow");
    host = { ...server.target, zone: "a", role: "etcd", group: "etcd-main" };
  });
  afterAll(() => servers.stop());

  /** Slow at its first time, quick from then on. */
  const onceSlow = (name: string, slowly: string) => {
    const mark = join(servers.dir, name);
    return `if [ -e ${mark} ]; then echo well; else touch ${mark}; ${slowly}; fi`;
  };
  const ask = (command: string, limits?: readonly number[]) =>
    askAll([host], servers.privateKey, () => shell(command), limits).then(([answer]) => hostAnswer(answer!));

  it("and does not answer in time is asked once more, and given longer", async () => {
    expect(await ask(onceSlow("a", "sleep 300"), [3, patient])).toEqual({ name: "slow", report: "well\n" });
  });

  it.each([124, 28])("and answers a part too late (%i) is asked once more", async (code) => {
    const part = onceSlow(`b${code}`, `printf '== etcd ${code}\\n\\n'`);
    expect(await ask(part, [patient, patient])).toEqual({ name: "slow", report: "well\n" });
  });

  it("and never answers in time counts as late, which is no failure of its own", async () => {
    const answer = await ask("sleep 300", [1, 2]);
    expect(answer).toEqual({ name: "slow", error: "not answered within 2 s", late: true });
  });

  it("and answers is not said to be gone because this program itself has not run for a while", async () => {
    const asked = ask("echo well", [patient]);
    await new Promise<void>((resolve) => process.nextTick(resolve));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5_500);
    expect(await asked).toEqual({ name: "slow", report: "well\n" });
  });

  it("and fails is not asked again", async () => {
    const count = join(servers.dir, "count");
    expect(await ask(`echo x >>${count}; echo wrong >&2; exit 3`, [patient, patient])).toEqual({
      name: "slow",
      error: "wrong",
    });
    expect(readFileSync(count, "utf8")).toBe("x\n");
  });

  it("is told how long it has, which is less than is waited for it", async () => {
    const seen: number[] = [];
    await askAll(
      [host],
      servers.privateKey,
      (_, seconds) => {
        seen.push(seconds);
        return shell("printf '== etcd 124\\n\\n'");
      },
      [20, patient],
    );
    expect(seen).toHaveLength(2);
    expect(seen[0]).toBeLessThan(20);
    expect(seen[1]).toBeGreaterThan(seen[0]!);
  });

  it("once more is one of a few, however many are late", async () => {
    const inside = join(servers.dir, "inside");
    mkdirSync(inside);
    const many = Array.from({ length: 4 * fewAtOnce }, () => host);
    const answers = await askAll(
      many,
      servers.privateKey,
      (_, seconds) =>
        shell(
          seconds < patient / 2
            ? "printf '== etcd 124\n\n'"
            : `touch ${inside}/$$; ls ${inside} | wc -l; sleep 0.2; rm ${inside}/$$`,
        ),
      [patient / 2, patient],
    );
    const counts = answers.map((answer) => Number(hostAnswer(answer).report));
    expect(counts).toHaveLength(many.length);
    expect(Math.min(...counts)).toBeGreaterThan(0);
    expect(Math.max(...counts)).toBeLessThanOrEqual(fewAtOnce);
  });
});

if (!hasSshd) {
  it("a host that is asked", (context) => context.skip("wants root and an SSH server (Debian: openssh-server)"));
}
