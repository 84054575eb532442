/** A whole small cluster, end to end, through the real command: what an operator does, and what goes wrong at night. */
import { execFileSync } from "node:child_process";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { finished, type Ran, TestStack } from "../../bench/lib/stack";
import { leases, Writer } from "../../bench/lib/writer";
import type { DoctorReport } from "../../cli/doctor/types";
import { nightly } from "../support/nightly";
import { inLab } from "./support/lab";

const stack = new TestStack("e2e");
const prefix = "kn-e2e";

interface Status {
  etcd: {
    shard: string;
    voters: number;
    learners: number;
    healthy: number;
    leader: string;
    dbBytes: number;
    alarms: string[];
  }[];
  masters: { name: string; ready: boolean; leaderOf: string[] }[];
  loadBalancer: { address: string; backends: { name: string; status: string }[]; ready: number };
  nodes: { total: number; ready: number };
  certificates: { name: string; expires: string }[];
  degradations: unknown[];
}

const status = () => stack.json<Status>("status");
const ok = (ran: Ran) => expect(ran.code, `${ran.stdout}\n${ran.stderr}`).toBe(0);
const etcdKeys = (host: string, under: string) =>
  stack.ssh(host, `set -a; . /etc/etcd/etcdctl.env; etcdctl get --prefix --keys-only ${under}`);
const kubectl = async (...args: string[]) => {
  const ran = await stack.run("kubectl", ...args);
  ok(ran);
  return ran.stdout;
};

const etcdCall = "/usr/local/lib/kilonode/etcd-call";

const labHost = (name: string) => ({ ...process.env, PREFIX: prefix, NAME: name });

/** Everything on this machine that carries the stack's prefix. */
function leftovers(): string[] {
  const output = (command: string) => execFileSync("bash", ["-c", command], { encoding: "utf8" });
  return [
    output(`ip netns list | grep -E '^${prefix}(\\.| |$)' || true`),
    output(`ip -o link | grep -F ' ${prefix}' || true`),
    output(`grep -F '/${prefix}/' /proc/mounts || true`),
    output(`losetup --list --noheadings --output BACK-FILE | grep -F '/${prefix}/' || true`),
    output(`ls -d /var/lib/kilonode/lab/${prefix} 2>/dev/null || true`),
    output(`pgrep -af 'systemd-nspawn.*${prefix}[.]' || true`),
  ].filter((text) => text !== "");
}

inLab("a small cluster in the lab", () => {
  beforeAll(() => {
    execFileSync("components/platform/lab/lab-clean", ["--prefix", prefix], { stdio: "inherit" });
  });

  afterAll(async () => {
    await stack.run("destroy", "--yes");
    execFileSync("components/platform/lab/lab-clean", ["--prefix", prefix], { stdio: "inherit" });
    stack.remove();
  });

  it("comes up with one command", async () => {
    ok(await stack.run("up"));
    const now = await status();
    expect(
      now.etcd.map(({ shard, voters, learners, healthy, alarms }) => ({ shard, voters, learners, healthy, alarms })),
    ).toEqual([
      { shard: "main", voters: 3, learners: 0, healthy: 3, alarms: [] },
      { shard: "events", voters: 1, learners: 0, healthy: 1, alarms: [] },
      { shard: "leases", voters: 1, learners: 0, healthy: 1, alarms: [] },
    ]);
    expect(now.masters.map(({ ready }) => ready)).toEqual([true, true, true]);
    expect(now.masters.flatMap(({ leaderOf }) => leaderOf).sort()).toEqual([
      "kube-controller-manager",
      "kube-scheduler",
    ]);
    expect(now.loadBalancer.ready).toBe(3);
    expect(now.loadBalancer.backends.map(({ status }) => status)).toEqual(["UP", "UP", "UP"]);
    expect(now.certificates.length).toBeGreaterThan(20);
  });

  it("has nothing to change a second time", async () => {
    ok(await stack.run("preview", "--expect-no-changes"));
    ok(await stack.run("up", "--expect-no-changes"));
  });

  it("runs pods on simulated nodes", async () => {
    await kubectl("create", "deployment", "web", "--image=web", "--replicas=100");
    await kubectl("rollout", "status", "deployment/web", "--timeout=120s");
    expect(await status()).toMatchObject({ nodes: { total: 5, ready: 5 } });
  });

  it("lets the node simulator do what it does, and no more", async () => {
    const may = async (what: string) =>
      (await stack.run("kubectl", "auth", "can-i", ...what.split(" "), "--as=kilonode:kwok")).stdout.trim();
    expect(await may("update leases -n kube-node-lease")).toBe("yes");
    for (const what of ["update leases -n kube-system", "create pods", "update nodes", "create events", "get secrets"])
      expect(await may(what), what).toBe("no");
    expect(await stack.ssh("nodes-1", "journalctl -u kwok -u kwok-nodes | grep -ci forbidden || true")).toBe("0\n");
  });

  it("logs which client is behind each connection of the load balancer, and no node's routine in the audit log", async () => {
    const connections = await stack.ssh("lb-1", "journalctl -u haproxy --no-pager -o cat --grep '^client'");
    expect(connections).toMatch(
      /^client 198\.18\.[\d.]+:\d+ is 198\.18\.32\.5:\d+ to e2e-master-\d 198\.18\.[\d.]+:6443$/m,
    );
    const audit = "cat /var/log/kubernetes/audit.log";
    const logs = await Promise.all(["master-1", "master-2", "master-3"].map((name) => stack.ssh(name, audit)));
    expect(logs.join("")).toContain('"resource":"deployments"');
    expect(logs.join("")).not.toContain('"resource":"leases","namespace":"kube-node-lease"');
  });

  it("keeps events and leases in their own shards, and Secrets encrypted", async () => {
    expect(await etcdKeys("etcd-events-1", "/registry/events/")).toContain("/registry/events/default/web");
    expect(await etcdKeys("etcd-leases-1", "/registry/leases/")).toContain(
      "/registry/leases/kube-system/kube-scheduler",
    );
    expect((await etcdKeys("etcd-main-1", "/registry/events/")).trim()).toBe("");
    expect((await etcdKeys("etcd-main-1", "/registry/leases/")).trim()).toBe("");
    await kubectl("create", "secret", "generic", "hidden", "--from-literal=word=kilonode-in-clear");
    const stored = await stack.ssh(
      "etcd-main-1",
      "set -a; . /etc/etcd/etcdctl.env; etcdctl get /registry/secrets/default/hidden",
    );
    expect(stored).toContain("k8s:enc:secretbox:v1:");
    expect(stored).not.toContain("kilonode-in-clear");
  });

  it("begins no other shard on a member that has lost its log, also where it is the only one", async () => {
    const log = "/var/lib/etcd-wal/wal";
    const script = `systemctl stop etcd; mv ${log} ${log}.kept; systemctl start --no-block etcd
      for _ in $(seq 60); do journalctl -u etcd -n 200 --no-pager -o cat | grep -q "couldn't find local name" && break; sleep 1; done
      [ -d ${log} ] && echo began; systemctl stop etcd; mv ${log}.kept ${log}; systemctl start etcd; systemctl is-active etcd`;
    expect(await stack.ssh("etcd-leases-1", script)).toBe("active\n");
    expect(await etcdKeys("etcd-leases-1", "/registry/leases/")).toContain("/registry/leases/kube-node-lease/");
  });

  it("is healthy in every setting that the doctor knows, or the doctor says why not", async () => {
    const ran = await stack.run("doctor", "--json");
    const report = JSON.parse(ran.stdout) as DoctorReport;
    const wrong = report.checks.filter(({ status }) => status === "failed" || status === "warning");
    expect(wrong.map(({ id, found, details }) => ({ id, found, details }))).toEqual([]);
    const items = report.cis.items.filter(({ status }) => status === "failed" || status === "unknown");
    expect(items.map(({ id, title, found, details }) => ({ id, title, found, details }))).toEqual([]);
    expect(report.cis.items).toHaveLength(131);
    expect({ code: ran.code, passed: report.passed }).toEqual({ code: 0, passed: true });
    const departures = [...report.checks, ...report.cis.items].filter(({ status }) =>
      /^(explained|skipped)$/.test(status),
    );
    for (const { id, because } of departures) expect(because, id).toBeTruthy();
    expect((await stack.run("doctor", "--explain", "nothing")).code).toBe(2);
  });

  it("shows with the doctor's probe that a Secret is encrypted, and leaves nothing behind", async () => {
    const ran = await stack.run("doctor", "--probe", "--json", "--explain", "encryption");
    expect(JSON.parse(ran.stdout)).toMatchObject({ id: "encryption", status: "ok" });
    expect(ran.code).toBe(0);
    const namespaces = await kubectl(
      "get",
      "namespaces",
      "-o",
      "jsonpath={range .items[*]}{.metadata.name} {.status.phase}{'\\n'}{end}",
    );
    expect(namespaces).toContain("kube-system Active");
    expect(namespaces).not.toMatch(/^kilonode-doctor-\w+ Active$/m);
  });

  it("answers nobody without a certificate", () => {
    const curl = (url: string) =>
      execFileSync(
        "bash",
        [
          "-c",
          `curl --silent --insecure --max-time 5 --write-out '%{http_code}' --output /dev/null ${url} || echo " exit $?"`,
        ],
        { encoding: "utf8" },
      ).trim();
    for (const path of ["/", "/version", "/api", "/readyz"]) {
      expect(curl(`https://198.18.32.5:6443${path}`), path).toBe("401");
      expect(curl(`https://198.18.32.10:6443${path}`), path).toBe("401");
    }
  });

  it("lets in to each host who needs it, and nobody else", async () => {
    const main = "198.18.32.40";
    // Over TLS without a certificate; TLS 1.3's alert comes after the handshake: curl says 56 (receive) or 35, 55, 58 by version.
    const connects = async (host: string | undefined, url: string) => {
      const curl = `curl --silent --insecure --max-time 5 --output /dev/null ${url}; echo $?`;
      const code = Number(
        host ? await stack.ssh(host, curl) : execFileSync("bash", ["-c", curl], { encoding: "utf8" }),
      );
      if ([0, 35, 55, 56, 58].includes(code)) return "lets in";
      return code === 28 ? "silent" : `curl ends with ${code}`;
    };
    const tried = [
      [undefined, `${main}:2379`, "silent"],
      [undefined, `${main}:2380`, "silent"],
      [undefined, `${main}:2381`, "silent"],
      [undefined, "198.18.32.10:10257", "silent"],
      ["master-2", `${main}:2379`, "lets in"],
      ["master-2", `${main}:2380`, "silent"],
      ["etcd-main-2", `${main}:2379`, "lets in"],
      ["etcd-main-2", `${main}:2380`, "lets in"],
      ["etcd-events-1", `${main}:2379`, "silent"],
      ["etcd-events-1", `${main}:2380`, "silent"],
      ["etcd-main-2", "198.18.32.10:6443", "silent"],
      ["nodes-1", "198.18.32.5:6443", "lets in"],
      ["master-2", "198.18.32.40:22", "silent"],
    ] as const;
    const found = await Promise.all(
      tried.map(async ([host, where]) => [host, where, await connects(host, `https://${where}`)]),
    );
    expect(found).toEqual(tried);
  });

  it("keeps no private key and no secret in clear in its state", () => {
    const state = readFileSync(stack.stateFile, "utf8");
    expect(state).not.toMatch(/PRIVATE KEY/);
    expect(state).not.toContain("secretbox");
    expect(state).toContain("CERTIFICATE");
  });

  it("rolls a changed etcd setting member by member, leader last, while every write is kept", async () => {
    const before = (await status()).etcd.find(({ shard }) => shard === "main")?.leader;
    stack.configure({ etcd: { snapshotCount: 20_000 } });
    const preview = await stack.run("preview");
    ok(preview);
    expect(preview.stdout).toContain("-ETCD_SNAPSHOT_COUNT=10000");
    expect(preview.stdout).toContain("+ETCD_SNAPSHOT_COUNT=20000");
    const writer = new Writer((await stack.run("kubeconfig")).stdout, "default");
    const up = await stack.run("up");
    const report = await writer.stop();
    ok(up);
    const restarts = [...`${up.stdout}\n${up.stderr}`.matchAll(/done: restart (\S*etcd-main-\d)/g)].map(
      (match) => match[1],
    );
    expect(restarts).toHaveLength(3);
    expect(restarts.at(-1)).toBe(before);
    expect(report).toMatchObject({ failed: [], lost: [] });
    expect(report.acknowledged).toBeGreaterThan(100);
  });

  it("rolls the masters one by one behind the load balancer without a failed request", async () => {
    stack.configure({ masters: { count: 3, flags: { apiserver: { "audit-log-maxage": 7 } } } });
    const writer = new Writer((await stack.run("kubeconfig")).stdout, "kube-public");
    const up = await stack.run("up");
    const report = await writer.stop();
    ok(up);
    expect(report).toMatchObject({ failed: [], lost: [] });
    expect(report.acknowledged).toBeGreaterThan(100);
  });

  nightly("lets no client wait for an API server that is frozen", async () => {
    const writer = new Writer((await stack.run("kubeconfig")).stdout, "kube-node-lease", 12);
    await stack.ssh("master-2", "systemctl kill --signal=STOP kube-apiserver.service");
    const stateOf = async () =>
      (await status()).loadBalancer.backends.find(({ name }) => name === "e2e-master-2")?.status;
    await expect.poll(stateOf, { timeout: 60_000, interval: 500 }).toBe("DOWN");
    await writer.round();
    await stack.ssh("master-2", "systemctl kill --signal=CONT kube-apiserver.service");
    await expect.poll(stateOf, { timeout: 60_000, interval: 500 }).toBe("UP");
    const { acknowledged, connections, failed, lost, overFiveSeconds, slowestMs } = await writer.stop();
    console.log(
      `an API server frozen under 12 writers: ${acknowledged} writes, ${overFiveSeconds} of them longer than 5 s, slowest ${slowestMs} ms; ${failed.length} connections ended, ${connections} made`,
    );
    // Only what was under way there, as soon as its connection ended.
    expect(failed.filter((line) => line.includes("no answer within"))).toEqual([]);
    expect(failed.length).toBeLessThanOrEqual(12);
    expect(lost).toEqual([]);
  });

  it("survives the death of a member and of an API server, and shows it", async () => {
    await stack.ssh("etcd-main-2", "systemctl kill --signal=KILL etcd.service");
    await stack.ssh("master-2", "systemctl kill --signal=KILL kube-apiserver.service");
    // A client that was on the dead server tries again, and goes on.
    await expect
      .poll(async () => (await stack.run("kubectl", "get", "--raw", "/readyz")).stdout, { timeout: 60_000 })
      .toBe("ok");
    await expect.poll(async () => (await status()).etcd[0]?.healthy, { timeout: 60_000, interval: 2000 }).toBe(3);
    await expect.poll(async () => (await status()).loadBalancer.ready, { timeout: 120_000, interval: 2000 }).toBe(3);
  });

  const healthy = async () => {
    const { code, stdout } = await stack.run("status");
    return code === 0 ? "healthy" : stdout;
  };

  nightly("comes back by itself when hosts reboot, and after a power cut of all, without up", async () => {
    await Promise.all(
      ["etcd-main-2", "master-3"].map((host) => stack.run("ssh", `e2e-${host}`, "--", "systemctl reboot")),
    );
    await expect.poll(healthy, { timeout: 180_000, interval: 3000 }).toBe("healthy");
    const power = (verb: string) => execFileSync("components/platform/lab/lab-power", [verb, "--prefix", prefix]);
    power("cut");
    power("restore");
    await expect.poll(healthy, { timeout: 240_000, interval: 3000 }).toBe("healthy");
    ok(await stack.run("drift"));
    ok(await stack.run("up", "--expect-no-changes"));
  });

  it("finds drift, and up repairs it", async () => {
    ok(await stack.run("drift"));
    await stack.ssh(
      "master-1",
      "echo '# by hand' >> /etc/kubernetes/kube-scheduler.flags; systemctl stop kube-controller-manager",
    );
    await stack.ssh("etcd-leases-1", "sysctl -qw net.core.somaxconn=1000");
    await stack.ssh("etcd-main-2", "nft flush ruleset");
    await stack.ssh("master-2", "nft insert rule inet kilonode_firewall input tcp dport 22 accept");
    const drift = await stack.run("drift");
    expect(drift.code).toBe(1);
    expect(drift.stdout).toContain("/etc/kubernetes/kube-scheduler.flags");
    expect(drift.stdout).toContain("kube-controller-manager.service");
    expect(drift.stdout).toContain("net.core.somaxconn");
    expect(drift.stdout).toContain("the rules are not loaded");
    expect(drift.stdout).toContain('has "tcp dport 22 accept"');
    expect((await stack.json<DoctorReport>("doctor")).checks.find(({ id }) => id === "firewall")).toMatchObject({
      status: "failed",
      found: "not as planned on 2 of 10 hosts",
    });
    ok(await stack.run("up"));
    ok(await stack.run("drift"));
    ok(await stack.run("up", "--expect-no-changes"));
  });

  it("stops at a gate that cannot pass, with exit 3, and touches nothing else", async () => {
    await stack.ssh("etcd-main-3", "systemctl mask --now etcd.service");
    stack.configure({ etcd: { snapshotCount: 30_000 } });
    const up = await stack.run("up");
    expect(up.code, up.stderr).toBe(3);
    expect(`${up.stdout}${up.stderr}`).toMatch(/etcd-main-3[\s\S]*masked[\s\S]*unmask/);
    // The other shards neither, though nothing is wrong with them.
    for (const member of ["etcd-main-1", "etcd-main-2", "etcd-events-1", "etcd-leases-1"]) {
      expect(await stack.ssh(member, "grep SNAPSHOT_COUNT /etc/etcd/etcd.env")).toContain("=20000");
    }
    await stack.ssh("etcd-main-3", "systemctl unmask etcd.service; systemctl start --no-block etcd.service");
    ok(await stack.run("up"));
    expect(await stack.ssh("etcd-main-1", "grep SNAPSHOT_COUNT /etc/etcd/etcd.env")).toContain("=30000");
  });

  nightly("refuses, in preview as in up, what it cannot become, and touches nothing", async () => {
    const { etcd } = stack.configuration as { etcd: Record<string, unknown> };
    const configured = readFileSync(stack.file);
    const shards = {
      main: { members: 3 },
      events: { members: 1, resources: ["/events", "/configmaps"] },
      leases: { members: 1, resources: ["coordination.k8s.io/leases"] },
    };
    const started = () =>
      stack.ssh("etcd-main-1", "cat /proc/sys/kernel/random/boot_id; systemctl show -P InvocationID etcd");
    const before = await started();
    const changes: [Record<string, unknown>, string][] = [
      [{ etcd: { ...etcd, shards } }, "/configmaps would move from shard main to events, without what is stored"],
      [
        { zones: ["b", "a", "c"] },
        "they would move 7 of 10 hosts that exist: e2e-etcd-main-1 from a 198.18.32.40 to b",
      ],
      [{ network: { services: "10.97.0.0/16" } }, "network.services: 10.96.0.0/16 -> 10.97.0.0/16: Services keep"],
      [{ etcdVersion: "3.6.16" }, 'the step from etcd "3.7.3" to "3.6.16" is refused'],
    ];
    for (const [change, found] of changes) {
      stack.configure(change);
      const ran = [await stack.run("preview"), await stack.run("up")];
      writeFileSync(stack.file, configured);
      for (const { code, stderr } of ran)
        expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(found) });
    }
    expect(await started()).toBe(before);
    ok(await stack.run("up", "--expect-no-changes"));
  });

  nightly("takes a host that does not answer for unchanged, and says that nobody knows", async () => {
    await stack.ssh("nodes-1", "echo '# by hand' >> /etc/kwok/kwok.flags; systemctl stop ssh.socket ssh.service");
    const preview = await stack.run("preview", "--expect-no-changes");
    ok(preview);
    expect(preview.stderr).toMatch(
      /e2e-nodes-1 could not be compared with its plan, so its content counts as unchanged/,
    );
    execFileSync("components/platform/lab/lab-host", ["stop"], { env: labHost("e2e-nodes-1") });
    execFileSync("components/platform/lab/lab-host", ["start"], { env: labHost("e2e-nodes-1") });
    ok(await stack.run("up"));
    ok(await stack.run("drift"));
  });

  nightly("refuses a wrong passphrase and a truncated state before it touches anything", async () => {
    const wrong = await finished(stack.start("up", [], { PULUMI_CONFIG_PASSPHRASE: "wrong" }));
    expect(wrong.code, wrong.stderr).toBe(2);
    expect(wrong.stderr).toMatch(/passphrase/i);
    const whole = readFileSync(stack.stateFile);
    truncateSync(stack.stateFile, Math.floor(whole.length / 2));
    const truncated = await stack.run("up");
    writeFileSync(stack.stateFile, whole);
    expect(truncated.code, truncated.stderr).not.toBe(0);
    expect(truncated.stderr).toContain(stack.stateFile);
  });

  nightly("grows a shard by a learner and shrinks it again, without touching the members that stay", async () => {
    const invocation = () => stack.ssh("etcd-leases-1", "systemctl show --property=InvocationID etcd.service");
    const before = await invocation();
    const shards = (members: number) => ({
      main: { members: 3 },
      events: { members: 1, resources: ["/events"] },
      leases: { members, resources: ["coordination.k8s.io/leases"] },
    });
    stack.configure({ etcd: { shards: shards(3) } });
    ok(await stack.run("up"));
    expect((await status()).etcd[2]).toMatchObject({ shard: "leases", voters: 3, learners: 0, healthy: 3 });
    expect(await invocation()).toBe(before);
    // The worst case: one that leaves is the leader.
    const third = (await stack.ssh("etcd-leases-1", `${etcdCall} member list`))
      .split("\n")
      .find((line) => line.includes("leases-3"));
    await stack.ssh(
      (await status()).etcd[2]?.leader.replace("e2e-", "") ?? "",
      `${etcdCall} move-leader ${third?.split(",")[0]}`,
    );
    expect((await status()).etcd[2]?.leader).toBe("e2e-etcd-leases-3");
    stack.configure({ etcd: { shards: shards(1) } });
    const writer = new Writer((await stack.run("kubeconfig")).stdout, "default", 12, leases);
    const up = await stack.run("up");
    const { acknowledged, failed, lost, slowestMs } = await writer.stop();
    ok(up);
    console.log(
      `a shard shrunk from 3 to 1 under 12 writers: ${acknowledged} writes, ${failed.length} failed, slowest ${slowestMs} ms`,
    );
    expect({ failed, lost }).toEqual({ failed: [], lost: [] });
    expect((await status()).etcd[2]).toMatchObject({ shard: "leases", voters: 1, learners: 0, healthy: 1 });
    expect((await kubectl("get", "--raw", "/readyz")).trim()).toBe("ok");
  });

  it("is destroyed to nothing", async () => {
    ok(await stack.run("destroy", "--yes"));
    expect(leftovers()).toEqual([]);
    expect(stack.hasState).toBe(false);
  });

  nightly("is destroyed to nothing after a crash in the middle of up, too, and comes back the same", async () => {
    for (const seconds of [2, 6, 9, 13, 20]) {
      const up = stack.start("up");
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
      // The command and the program and rollouts below it: a machine that loses power ends all of them.
      try {
        process.kill(-(up.pid as number), "SIGKILL");
      } catch {
        // It was done before.
      }
    }
    ok(await stack.run("up"));
    ok(await stack.run("up", "--expect-no-changes"));
    expect((await status()).etcd.map(({ healthy }) => healthy)).toEqual([3, 1, 1]);
    const crashed = stack.start("recreate", ["--yes"]);
    await new Promise((resolve) => setTimeout(resolve, 8000));
    process.kill(-(crashed.pid as number), "SIGKILL");
    ok(await stack.run("destroy", "--yes"));
    expect(leftovers()).toEqual([]);
  });
});
