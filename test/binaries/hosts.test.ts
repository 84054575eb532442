/** What hosts run beside Kubernetes and etcd: haproxy's configuration read by haproxy, units by systemd. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { HostPlan } from "../../components/plan/types";
import type { Workload } from "../../config/scale";
import { planOf } from "../support/plans";
import { planWithPools, poolOf, samplePools } from "../unit/pool-samples";
import { accepted } from "./support/count";
import { Credentials } from "./support/credentials";
import { placeHost } from "./support/hosts";
import { firstOf, managedApi, productionPlan, sizes } from "./support/plans";
import { run } from "./support/process";

const root = mkdtempSync(join(tmpdir(), "kilonode-hosts-"));
afterAll(() => rmSync(root, { recursive: true }));

/** First words of a program's version; undefined where it is not installed. */
const installed = (program: string, flag: string, version: RegExp): string | undefined =>
  version.exec(spawnSync(program, [flag], { encoding: "utf8" }).stdout ?? "")?.[1];
const haproxy = installed("haproxy", "-v", /version (\d+\.\d+\.\d+)/);
const noHaproxy = "haproxy is not installed; on Debian: apt-get install haproxy";
const noSystemd = "systemd-analyze is not installed; on Debian: apt-get install systemd";
const systemd = installed("systemd-analyze", "--version", /systemd (\d+)/);

describe("haproxy", () => {
  const cfg = "/etc/haproxy/haproxy.cfg";
  const placed = async (name: string, size: (typeof sizes)[number], masters?: number) =>
    placeHost(
      firstOf(productionPlan(size, masters ? { masters } : {}), "load-balancer"),
      join(root, name),
      await Credentials.make(),
    );
  const check = (path: string) => run("haproxy", ["-c", "-dW", "-f", path]);

  test.for(sizes.flatMap((size) => [11, 3].map((masters) => ({ ...size, masters }))))(
    "accepts its file for $nodes nodes behind $masters masters",
    async ({ masters, ...size }, { skip }) => {
      if (!haproxy) return skip(noHaproxy);
      const host = await placed(`lb-${size.nodes}-${masters}`, size, masters);
      expect(host.text(cfg).match(/^ {4}server /gm)).toHaveLength(masters);
      const { code, output } = await check(host.at(cfg));
      expect(output.trim()).toBe("Configuration file is valid");
      expect(code).toBe(0);
      accepted({ binary: `haproxy ${haproxy}`, nodes: size.nodes, files: [`${cfg} (${masters} backends)`] });
    },
  );

  test("refuses a word that it does not know, and a certificate that is not there", async ({ skip }) => {
    if (!haproxy) return skip(noHaproxy);
    const host = await placed("lb-broken", { nodes: 100 });
    writeFileSync(host.at(`${cfg}.word`), `${host.text(cfg)}    no-such-word 1\n`);
    expect((await check(host.at(`${cfg}.word`))).output).toContain("no-such-word");
    rmSync(host.at("/etc/haproxy/pki/health.crt"));
    expect((await check(host.at(cfg))).code).not.toBe(0);
  });
});

describe("systemd", () => {
  const units = (host: HostPlan) =>
    Object.keys(host.machine.files).filter((path) => /\.(service|timer)$|\.service\.d\//.test(path));

  /** A host's units below a root of their own, with the distribution's, and a stub for each program. */
  function staged(host: Pick<HostPlan, "machine">): string {
    const folder = mkdtempSync(join(root, "units-"));
    const write = (path: string, content: string, mode: number) => {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content, { mode });
    };
    if (existsSync("/usr/lib/systemd/system"))
      cpSync("/usr/lib/systemd/system", join(folder, "usr/lib/systemd/system"), {
        recursive: true,
        verbatimSymlinks: true,
      });
    for (const [path, file] of Object.entries(host.machine.files))
      write(path, file.content, Number.parseInt(file.mode, 8));
    for (const path of ["/bin/bash", "/bin/kill", "/usr/sbin/haproxy", ...Object.keys(host.machine.binaries)])
      write(path, "#!/bin/sh\n", 0o755);
    return folder;
  }
  const program = { mode: "0755", owner: "root:root", content: "#!/bin/sh\n" };
  const verify = (folder: string, names: readonly string[]) =>
    run("systemd-analyze", ["verify", `--root=${folder}`, "--man=no", "--recursive-errors=no", ...names]);

  const groups = ["masters", "etcd-main", "load-balancer", "backup-store", "masters, balanced by the platform"];
  const hostOf = (name: string, workload: Workload) => {
    const [group = "", platform] = name.split(", ");
    return firstOf(productionPlan(workload, platform ? { loadBalancer: managedApi } : {}), group);
  };
  test.for(groups)("accepts the units of %s", async (group, { skip }) => {
    if (!systemd) return skip(noSystemd);
    const host = hostOf(group, { nodes: 1300, pods: 100_000 });
    const { code, output } = await verify(staged(host), Object.keys(host.machine.services));
    expect(output.trim()).toBe("");
    expect(code).toBe(0);
    for (const { nodes } of sizes) {
      // The units are the same files at every size.
      const other = hostOf(group, { nodes }).machine.files;
      for (const path of units(host)) expect(other[path]).toEqual(host.machine.files[path]);
    }
    accepted({ binary: `systemd ${systemd}`, nodes: 1300, files: units(host) });
  });

  test.for(Object.keys(samplePools))("accepts the units of nodes of the pool %s", async (pool, { skip }) => {
    if (!systemd) return skip(noSystemd);
    const { machine } = poolOf(planWithPools(), pool).node;
    const stubs = ["/usr/local/bin/cri-dockerd", "/usr/bin/dockerd"].map((path) => [path, program] as const);
    const unit = { mode: "0644", owner: "root:root", content: "[Service]\nExecStart=/usr/bin/dockerd\n" };
    const files = {
      ...machine.files,
      ...Object.fromEntries(stubs),
      // Of the package docker.io, which is not installed here.
      ...("docker.service" in machine.services && { "/usr/lib/systemd/system/docker.service": unit }),
    };
    const { code, output } = await verify(staged({ machine: { ...machine, files } }), Object.keys(machine.services));
    expect(output.trim()).toBe("");
    expect(code).toBe(0);
  });

  /** `systemd-analyze security`: 0 is a service that may do nothing, 10 one that may do all. */
  test.for([...groups, "node-simulator"])("finds no service of %s exposed", async (group, { skip }) => {
    if (!systemd) return skip(noSystemd);
    const host = group === "node-simulator" ? firstOf(planOf("lab"), group) : hostOf(group, { nodes: 1300 });
    const folder = staged(host);
    const services = Object.keys(host.machine.services).filter((name) => name.endsWith(".service"));
    expect(services).not.toEqual([]);
    for (const name of services) {
      const { code, output } = await run("systemd-analyze", [
        "security",
        "--offline=true",
        "--threshold=30",
        "--no-pager",
        `--root=${folder}`,
        name,
      ]);
      expect({ name, code }, output).toEqual({ name, code: 0 });
    }
  });

  test("refuses a setting that it does not know, and a program that is not there", async ({ skip }) => {
    if (!systemd) return skip(noSystemd);
    const host = firstOf(productionPlan({ nodes: 100 }), "masters");
    const folder = staged(host);
    const unit = "/usr/local/lib/systemd/system/kube-scheduler.service";
    const text = host.machine.files[unit]?.content ?? "";
    writeFileSync(join(folder, unit), text.replace("[Service]", "[Service]\nNoSuchSetting=1"));
    expect((await verify(folder, ["kube-scheduler.service"])).output).toContain("NoSuchSetting");
    writeFileSync(join(folder, unit), text.replace("/usr/local/lib/kilonode/run-with-flags", "/usr/local/bin/absent"));
    expect((await verify(folder, ["kube-scheduler.service"])).code).not.toBe(0);
  });
});
