/** Each shard's settings at every size: a real etcd starts with them and says what it took. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { etcdFlags } from "../../config/flags";
import { ask } from "./support/client";
import { differences, outdated } from "./support/compare";
import { accepted } from "./support/count";
import { Credentials } from "./support/credentials";
import { type EtcdStart, etcdStart, logged, settingOf, startEtcd, warnings } from "./support/etcd";
import { placeHost } from "./support/hosts";
import { firstOf, productionPlan, sizes } from "./support/plans";
import { type Program, run } from "./support/process";
import { type AtHand, forEachVersion } from "./support/versions";

const root = mkdtempSync(join(tmpdir(), "kilonode-etcd-"));
afterAll(() => rmSync(root, { recursive: true, maxRetries: 5 }));

/** Settings that the start line says under another name. */
const renamed: Readonly<Record<string, string>> = { "compact-hash-check-time": "compact-check-time-interval" };

forEachVersion("etcd", (etcd: AtHand) => {
  let credentials: Credentials;
  let help = "";
  beforeAll(async () => {
    credentials = await Credentials.make();
    help = (await run(etcd.path("etcd"), ["--help"])).output;
  });

  describe.each(sizes)("at $nodes nodes", (size) => {
    const plan = productionPlan(size, { releases: { etcd: etcd.version } });

    test("etcd starts with the settings of every shard, and says that it took them", async () => {
      const place = (group: string) =>
        placeHost(firstOf(plan, group), join(root, `${etcd.version}-${size.nodes}-${group}`), credentials);
      for (const { name, group } of plan.shards) {
        const host = await place(group);
        const start = etcdStart(host);
        const program = startEtcd(etcd.path("etcd"), start);
        try {
          await program.says(/"msg":"ready to serve client requests"/);
          expect(await quotaOf(start)).toBe((plan.scale.etcd.shards[name]?.quotaGiB ?? 0) * 2 ** 30);
        } finally {
          await program.stop();
        }
        expect(warnings(program)).toEqual([]);
        const settings = host.environment("/etc/etcd/etcd.env");
        expect(unused(program, settings)).toEqual([]);
        expect(differences(ofStartLine(settings, program), startLine(program))).toEqual([]);
        // The model's own values, apart from how they were rendered.
        const model = etcdFlags(plan.scale, name);
        expect(differences(ofStartLine(model, program), startLine(program))).toEqual([]);
        const flags = Object.keys(settings).filter((key) => key.startsWith("ETCD_"));
        expect(outdated(help, flags.map(settingOf))).toEqual([]);
        accepted({
          binary: `etcd ${etcd.version}`,
          nodes: size.nodes,
          flags: flags.map((flag) => `${name}/${settingOf(flag)}`),
          files: [`${name}:/etc/etcd/etcd.env`],
        });
      }
    });
  });

  test("gRPC alone answers at the client port; HTTP has its own, for clients with a certificate", async () => {
    const plan = productionPlan({ nodes: 100 }, { releases: { etcd: etcd.version } });
    const host = await placeHost(firstOf(plan, "etcd-main"), join(root, `${etcd.version}-ports`), credentials);
    const { ETCD_LISTEN_CLIENT_HTTP_URLS, ETCD_LISTEN_CLIENT_URLS } = host.environment("/etc/etcd/etcd.env");
    expect(ETCD_LISTEN_CLIENT_HTTP_URLS).toBe("https://127.0.0.1:2382");
    const start = etcdStart(host);
    const program = startEtcd(etcd.path("etcd"), start);
    const pair = { cert: host.text("/etc/etcd/pki/client.crt"), key: host.text("/etc/etcd/pki/client.key") };
    try {
      await program.says(/"msg":"serving client traffic securely","traffic":"http"/);
      await program.says(/"msg":"serving client traffic securely","traffic":"grpc"/);
      const settings = host.environment("/etc/etcd/etcdctl.env");
      expect((await run(etcd.path("etcdctl"), ["endpoint", "health"], { env: settings })).output).toContain(
        "is healthy",
      );
      expect((await ask(`${start.httpUrl}/health`, pair)).text).toContain('"health":"true"');
      const status = await ask(`${start.httpUrl}/v3/maintenance/status`, pair, { method: "POST", body: {} });
      expect(JSON.parse(status.text)).toMatchObject({ version: etcd.version });
      await expect(ask(`${start.httpUrl}/health`, { cert: "", key: "" })).rejects.toThrow();
      await expect(ask(`${ETCD_LISTEN_CLIENT_URLS}/health`, pair)).rejects.toThrow();
    } finally {
      await program.stop();
    }
    expect(program.output).not.toContain("single port");
  });

  test("a member opens its own shard with its client certificate, and no other shard with any; API servers open all", async () => {
    const plan = productionPlan({ nodes: 100 }, { releases: { etcd: etcd.version } });
    const folder = (name: string) => join(root, `${etcd.version}-apart-${name}`);
    const main = await placeHost(firstOf(plan, "etcd-main"), folder("main"), credentials);
    const events = await placeHost(firstOf(plan, "etcd-events"), folder("events"), credentials);
    const master = await placeHost(firstOf(plan, "masters"), folder("master"), credentials);
    const program = startEtcd(etcd.path("etcd"), etcdStart(main));
    const own = main.environment("/etc/etcd/etcdctl.env");
    const reads = async (cert: string) => {
      const env = { ...own, ETCDCTL_CERT: cert, ETCDCTL_KEY: cert.replace(/crt$/, "key") };
      const { code } = await run(etcd.path("etcdctl"), ["--command-timeout=3s", "get", "/registry/secrets"], { env });
      return code === 0;
    };
    try {
      await program.says(/"msg":"ready to serve client requests"/);
      const pair = (name: string) => `/etc/etcd/pki/${name}.crt`;
      expect(await reads(main.at(pair("client")))).toBe(true);
      expect(await reads(master.at("/etc/kubernetes/pki/etcd-client.crt"))).toBe(true);
      for (const cert of [
        main.at(pair("server")),
        ...["client", "server", "peer"].map((name) => events.at(pair(name))),
      ])
        expect([cert, await reads(cert)]).toEqual([cert, false]);
    } finally {
      await program.stop();
    }
  });

  describe("what these tests rely on", () => {
    const plan = productionPlan({ nodes: 100 }, { releases: { etcd: etcd.version } });
    const withSetting = async (name: string, value: string, ends: boolean) => {
      const host = await placeHost(
        firstOf(plan, "etcd-main"),
        join(root, `${etcd.version}-broken-${name}`),
        credentials,
      );
      const start = etcdStart(host);
      const program = startEtcd(etcd.path("etcd"), { ...start, env: { ...start.env, [name]: value } });
      try {
        if (ends) await program.end();
        else await program.says(/"msg":"starting an etcd server"/);
      } finally {
        await program.stop();
      }
      return warnings(program).join();
    };

    test("etcd complains about a variable that it does not know", async () => {
      expect(await withSetting("ETCD_NO_SUCH_FLAG", "1", false)).toContain("ETCD_NO_SUCH_FLAG");
    });

    test("etcd refuses values out of range", async () => {
      expect(await withSetting("ETCD_ELECTION_TIMEOUT", "200", true)).toContain("election");
      expect(await withSetting("ETCD_FEATURE_GATES", "NoSuchGate=true", true)).toContain("NoSuchGate");
    });

    test("a deprecated flag is told by the help", () => {
      expect(outdated(help, ["max-snapshots", "snapshot-count"])).toHaveLength(1);
    });
  });
});

const startLine = (program: Program) => logged(program, "starting an etcd server")[0] as Record<string, unknown>;

/** Those of the settings that the start line speaks of, under its names. */
function ofStartLine(settings: Readonly<Record<string, unknown>>, program: Program): Record<string, unknown> {
  const line = startLine(program);
  const named = Object.entries(settings).map(([key, value]): [string, unknown] => {
    const name = key.startsWith("ETCD_") ? settingOf(key) : key;
    const timed = /^(heartbeat-interval|election-timeout)$/.test(name) ? `${value}ms` : value;
    return [renamed[name] ?? name, timed];
  });
  // One address more or less: where metrics and HTTP are served is this test's affair.
  const own = ["listen-metrics-urls", "listen-client-http-urls"];
  return Object.fromEntries(named.filter(([name]) => name in line && !own.includes(name)));
}

/** Variables of the file that etcd does not say it used. */
function unused(program: Program, settings: Readonly<Record<string, string>>): string[] {
  const used = new Set(
    logged(program, "recognized and used environment variable").map((line) => String(line["variable-name"])),
  );
  return Object.keys(settings).filter((name) => name.startsWith("ETCD_") && !used.has(name));
}

async function quotaOf(start: EtcdStart): Promise<number> {
  const metrics = await (await fetch(`${start.metricsUrl}/metrics`)).text();
  return Number(/^etcd_server_quota_backend_bytes (\S+)$/m.exec(metrics)?.[1]);
}
