/** What clients notice when an API server behind the real haproxy, with its planned file, freezes, leaves or dies. */
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Balanced } from "./support/balanced";

const haproxy = spawnSync("haproxy", ["-v"]).status === 0;

describe.skipIf(!haproxy)(haproxy ? "haproxy" : "haproxy (SKIPPED: apt-get install haproxy)", () => {
  let balanced: Balanced;
  beforeAll(async () => {
    balanced = await Balanced.start();
  });
  afterAll(() => balanced?.stop());

  test("tells at its socket how its backends are, and takes no command there", async () => {
    expect(await balanced.says("show stat")).toContain("apiservers,BACKEND");
    const [server] = balanced.servers;
    for (const command of [`set server apiservers/${server.name} state maint`, "disable frontend api", "show env"])
      expect(await balanced.says(command)).toMatch(/[Pp]ermission denied/);
  });

  test("says at once which client is behind a connection that a master sees", async () => {
    const clients = balanced.clients(1);
    await clients.goOn();
    // The connection is still open.
    const [, client, own, name, server] = await balanced.logs(/client (\S+) is (\S+) to (\S+) (\S+)/);
    const sees = spawnSync("ss", ["-tnH", "state", "established"], { encoding: "utf8" }).stdout;
    const pair = (from = "", to = "") => new RegExp(`\\s${from}\\s+${to}\\s`);
    expect(sees).toMatch(pair(server, own));
    expect(sees).toMatch(pair(client, `${balanced.address}:6443`));
    expect(balanced.servers.map((one) => one.name)).toContain(name);
    await clients.stop();
  });

  test("ends the connections of an API server that is frozen: no client waits for it", async () => {
    const [, frozen] = balanced.servers;
    const clients = balanced.clients(12);
    await clients.goOn();
    frozen.program.signal("SIGSTOP");
    await balanced.until(frozen.name, /^DOWN$/);
    await clients.goOn();
    const { answered, failed, hung, longestMs } = await clients.stop();
    console.log(
      `an API server frozen under 12 clients: ${failed.length} connections ended, longest wait ${longestMs} ms`,
    );
    expect(answered.get(frozen.address)).toBeGreaterThan(0);
    expect(hung).toBe(0);
    expect(failed.length).toBeLessThanOrEqual(4);
    frozen.program.signal("SIGCONT");
    await balanced.until(frozen.name, /^UP$/);
  });

  test("leaves an API server that says it is not ready its connections, and gives it no new ones", async () => {
    const [leaving] = balanced.servers;
    const clients = balanced.clients(12);
    await clients.goOn();
    leaving.program.signal("SIGUSR2");
    await balanced.until(leaving.name, /^NOLB$/);
    for (let times = 0; times < 10; times++) expect(await balanced.ask()).not.toBe(leaving.address);
    // For longer than an API server that does not answer is given.
    await clients.goOn(200);
    const { answered, failed, hung } = await clients.stop();
    expect({ failed, hung }).toEqual({ failed: [], hung: 0 });
    // A third of the clients is still there.
    expect(answered.get(leaving.address)).toBeGreaterThan(4 * 200);
    leaving.program.signal("SIGUSR2");
    await balanced.until(leaving.name, /^UP$/);
  });

  test("keeps connections and refuses new ones while no API server is ready", async () => {
    const clients = balanced.clients(12);
    await clients.goOn();
    for (const { program } of balanced.servers) program.signal("SIGUSR2");
    for (const { name } of balanced.servers) await balanced.until(name, /^NOLB$/);
    await expect(balanced.ask()).rejects.toThrow();
    await clients.goOn();
    const { failed, hung } = await clients.stop();
    expect({ failed, hung }).toEqual({ failed: [], hung: 0 });
    for (const { program } of balanced.servers) program.signal("SIGUSR2");
    for (const { name } of balanced.servers) await balanced.until(name, /^UP$/);
  });

  test("gives no client to an API server that has died", async () => {
    const [, , dead] = balanced.servers;
    await dead.program.stop();
    for (let times = 0; times < 20; times++) expect(await balanced.ask()).not.toBe(dead.address);
    await balanced.until(dead.name, /^DOWN$/);
  });
});
