/** What rows of the ledger (docs/ledger.md) claim about the plan and about the files that hosts get. */
import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { hostText } from "../../components/machine/host-files";
import type { ClusterPlan, HostPlan } from "../../components/plan/types";
import { hostsOf, planOf } from "../support/plans";

const unitFolder = "/usr/local/lib/systemd/system";

/** The lab's stack for the workload of the ledger's first row, with changes. */
function planWith(change: Record<string, unknown> = {}): ClusterPlan {
  return planOf("lab", { workload: { nodes: 1300, pods: 100_000 }, ...change });
}

const whole = planWith();
const ofRole = (role: string, of = whole) => of.hosts.filter((host) => host.role === role);
const content = (host: HostPlan, path: string): string => {
  const file = host.machine.files[path];
  if (!file) throw new Error(`${host.name} has no ${path}`);
  return file.content;
};
const lines = (host: HostPlan, path: string) => content(host, path).trim().split("\n");
/** The lines of `host` that begin with `name=`, without it. */
const values = (text: string, name: string): string[] =>
  text.split("\n").flatMap((line) => (line.startsWith(`${name}=`) ? [line.slice(name.length + 1)] : []));

describe("hosts", () => {
  const openFiles = 1_048_576;

  const fewFiles = ["apiserver-health.service", "turn-clients-away.service"];

  test("every service that keeps running may open a million files, and the kernel lets it", () => {
    const services = readdirSync("components/machine/files/usr/local/lib/systemd/system")
      .filter((name) => name.endsWith(".service"))
      .filter((name) => values(hostText(`${unitFolder}/${name}`), "Type")[0] !== "oneshot")
      // One has no clients but health checks, and holds no more than 256 connections; the other has none.
      .filter((name) => !fewFiles.includes(name));
    expect(services).toHaveLength(10);
    for (const name of services)
      expect(values(hostText(`${unitFolder}/${name}`), "LimitNOFILE"), name).toEqual([String(openFiles)]);
    for (const host of whole.hosts) {
      expect(host.machine.sysctls["fs.nr_open"], host.name).toEqual({ value: String(openFiles), floor: true });
      for (const [name, service] of Object.entries(host.machine.services)) {
        const ours = host.machine.files[`${unitFolder}/${name}`];
        if (
          service.kind !== "unit" ||
          !service.running ||
          fewFiles.includes(name) ||
          name.endsWith(".timer") ||
          values(ours?.content ?? "", "Type")[0] === "oneshot"
        )
          continue;
        const text = ours?.content ?? content(host, `/etc/systemd/system/${name}.d/kilonode.conf`);
        expect(values(text, "LimitNOFILE"), `${host.name} ${name}`).toEqual([String(openFiles)]);
      }
    }
  });
});

describe("an etcd host", () => {
  const members = ofRole("etcd");
  const unit = hostText(`${unitFolder}/etcd.service`);

  test("runs etcd, its traffic classes, a firewall and what sends its clients away, and nothing else", () => {
    expect(members).toHaveLength(17);
    for (const { machine } of members) {
      expect(Object.keys(machine.services).sort()).toEqual([
        "etcd.service",
        "host-firewall.service",
        "traffic-classes.service",
        "traffic-classes.timer",
        "turn-clients-away.service",
      ]);
      expect(Object.values(machine.binaries).map(({ name }) => name)).toEqual(["etcd", "etcdctl", "etcdutl"]);
    }
  });

  test("has a volume for the log and one for the database, apart, and starts only when both are mounted", () => {
    for (const { name, machine } of members) {
      const [wal, database] = machine.volumes;
      expect(machine.volumes.map((volume) => [volume.name, volume.apartFrom])).toEqual([
        ["wal", ["database"]],
        ["database", ["wal"]],
      ]);
      expect(wal?.device).not.toBe(database?.device);
      const env = machine.files["/etc/etcd/etcd.env"]?.content ?? "";
      // Below the mount point: etcd renames over its log directory.
      expect(values(env, "ETCD_WAL_DIR"), name).toEqual([`${wal?.mount}/wal`]);
      expect(`${values(env, "ETCD_DATA_DIR")[0]}/member/snap`).toBe(database?.mount);
      expect(values(unit, "AssertPathIsMountPoint").sort()).toEqual([wal?.mount, database?.mount].sort());
    }
  });

  test("writes with the priority of ionice -c2 -n0 and has a quota of 8 GiB", () => {
    expect(values(unit, "IOSchedulingClass")).toEqual(["best-effort"]);
    expect(values(unit, "IOSchedulingPriority")).toEqual(["0"]);
    for (const host of members)
      expect(values(content(host, "/etc/etcd/etcd.env"), "ETCD_QUOTA_BACKEND_BYTES")).toEqual(["8589934592"]);
  });

  test("sends peers ahead of clients ahead of the rest, from boot on, and looks every minute", () => {
    for (const { machine } of members) {
      expect(machine.traffic?.classes.map(({ band, ports }) => [band, ports])).toEqual([
        [1, [2380]],
        [2, [2379]],
      ]);
      expect(machine.services["traffic-classes.service"]).toMatchObject({ enabled: true });
      expect(machine.services["traffic-classes.timer"]).toMatchObject({ enabled: true, running: true });
    }
    expect(values(hostText(`${unitFolder}/traffic-classes.service`), "WantedBy")).toEqual(["multi-user.target"]);
    expect(values(hostText(`${unitFolder}/traffic-classes.timer`), "OnUnitInactiveSec")).toEqual(["1min"]);
    expect(values(unit, "After")[0]).toContain("traffic-classes.service");
  });

  test("compacts by itself, and keeps etcd's limit of 1.5 MiB a request", () => {
    for (const host of members) {
      const env = content(host, "/etc/etcd/etcd.env");
      expect(values(env, "ETCD_AUTO_COMPACTION_MODE")).toEqual(["periodic"]);
      expect(values(env, "ETCD_AUTO_COMPACTION_RETENTION")).toEqual(["30m"]);
      expect(values(env, "ETCD_MAX_REQUEST_BYTES")).toEqual(["1572864"]);
    }
  });

  test("reports the progress of watches, which versions that cannot are refused for", () => {
    for (const host of members)
      expect(values(content(host, "/etc/etcd/etcd.env"), "ETCD_WATCH_PROGRESS_NOTIFY_INTERVAL")).toEqual(["5s"]);
    for (const etcdVersion of ["3.3.27", "3.4.10", "3.5.9"])
      expect(() => planWith({ etcdVersion })).toThrow(`"${etcdVersion}" is no release of etcd that can be installed`);
  });
});

test("a shard that the configuration names has hosts of its own and an override on every master", () => {
  const shards = {
    main: { members: 3 },
    events: { members: 3, resources: ["/events"] },
    pods: { members: 3, resources: ["/pods"], slot: 3 },
  };
  const cluster = planWith({ etcd: { shards } });
  const pods = cluster.shards.find(({ name }) => name === "pods");
  expect(hostsOf(cluster, "etcd-pods")).toHaveLength(3);
  expect(new Set(cluster.hosts.map(({ address }) => address)).size).toBe(cluster.hosts.length);
  for (const master of ofRole("master", cluster)) {
    const [overrides] = values(content(master, "/etc/kubernetes/kube-apiserver.flags"), "--etcd-servers-overrides");
    expect(overrides?.split(",")).toContain(`/pods#${pods?.endpoints.join(";")}`);
  }
});

describe("a master", () => {
  const masters = ofRole("master");
  const flagsOf = (host: HostPlan, component: string) => lines(host, `/etc/kubernetes/${component}.flags`);
  const seconds = (flags: string[], name: string) => Number(values(flags.join("\n"), `--${name}`)[0]?.replace("s", ""));

  test("tells each component how much memory it may use, and so does an etcd host", () => {
    for (const host of masters)
      for (const component of ["kube-apiserver", "kube-controller-manager", "kube-scheduler"]) {
        const path = `/etc/kubernetes/${component}.env`;
        expect(content(host, path)).toMatch(/^GOMEMLIMIT=\d+MiB\n$/);
        expect(values(hostText(`${unitFolder}/${component}.service`), "EnvironmentFile")).toEqual([`-${path}`]);
      }
    for (const host of ofRole("etcd")) expect(content(host, "/etc/etcd/etcd.env")).toMatch(/^GOMEMLIMIT=\d+MiB$/m);
  });

  test("is given none of the flags that do nothing any more, and registers itself by a Lease", () => {
    for (const host of masters) {
      const flags = flagsOf(host, "kube-apiserver");
      const names = flags.map((flag) => flag.slice(2).split("=")[0]);
      for (const gone of ["watch-cache-sizes", "default-watch-cache-size", "target-ram-mb", "apiserver-count"])
        expect(names).not.toContain(gone);
      expect(flags).toContain("--endpoint-reconciler-type=lease");
      expect(flagsOf(host, "kube-controller-manager").join()).not.toContain("pod-eviction-timeout");
    }
  });

  test("moves one client in a thousand elsewhere", () => {
    for (const host of masters) expect(flagsOf(host, "kube-apiserver")).toContain("--goaway-chance=0.001");
  });

  test("stays until the load balancer has seen that it leaves, and ends what it has begun", () => {
    const [balancer] = ofRole("load-balancer");
    const [, interval, failures] = content(balancer as HostPlan, "/etc/haproxy/haproxy.cfg").match(
      / inter (\d+)s .*fall (\d+) /,
    ) as string[];
    const [stop] = values(hostText(`${unitFolder}/kube-apiserver.service`), "TimeoutStopSec");
    for (const host of masters) {
      const flags = flagsOf(host, "kube-apiserver");
      const delay = seconds(flags, "shutdown-delay-duration");
      // A failed check may take its timeout, 3 s.
      expect(delay).toBeGreaterThan(Number(interval) * Number(failures) + 3);
      expect(flags).toContain("--shutdown-send-retry-after=true");
      expect(Number(stop?.replace("s", ""))).toBeGreaterThan(
        delay + 60 + seconds(flags, "shutdown-watch-termination-grace-period"),
      );
    }
  });

  test("keeps profiles off until the configuration turns them on, and then for those who may log in alone", () => {
    for (const host of masters) {
      expect(flagsOf(host, "kube-apiserver")).toEqual(
        expect.arrayContaining(["--profiling=false", "--anonymous-auth=false", "--authorization-mode=Node,RBAC"]),
      );
      expect(flagsOf(host, "kube-controller-manager")).toContain("--bind-address=127.0.0.1");
    }
  });

  test("puts 100 endpoints in a slice", () => {
    for (const host of masters)
      expect(flagsOf(host, "kube-controller-manager")).toContain("--max-endpoints-per-slice=100");
  });

  test("gives its controllers and its scheduler the rates of the scale", () => {
    for (const host of masters) {
      expect(flagsOf(host, "kube-controller-manager")).toContain("--kube-api-qps=130");
      expect(parse(content(host, "/etc/kubernetes/scheduler.yaml"))).toMatchObject({
        clientConnection: { qps: 100 },
        leaderElection: { leaderElect: true, resourceLock: "leases" },
        // The standby of the scheduler has read the cluster already.
        delayCacheUntilActive: false,
      });
    }
  });

  test("runs without the controllers that the configuration switches off", () => {
    const controllers = "*,-ttl-after-finished-controller,-cloud-node-lifecycle-controller";
    const cluster = planWith({ masters: { flags: { controllerManager: { controllers } } } });
    for (const host of ofRole("master", cluster))
      expect(flagsOf(host, "kube-controller-manager")).toContain(`--controllers=${controllers}`);
  });

  test("refuses to switch off what lists and watches of large clusters live by", () => {
    const gates = ["WatchList", "ListFromCacheSnapshot", "SizeBasedListCostEstimate", "WatchBookmark"];
    for (const gate of gates) {
      const apiserver = { "feature-gates": `${gate}=false` };
      expect(() => planWith({ masters: { flags: { apiserver } } })).toThrow(`${gate}=false is refused`);
    }
    for (const host of masters) expect(flagsOf(host, "kube-apiserver")).toContain("--watch-cache=true");
    expect(() => planWith({ masters: { flags: { apiserver: { "watch-cache": false } } } })).toThrow("protected");
  });

  test("logs who lists, and no heartbeat", () => {
    interface Rule {
      readonly level: string;
      readonly resources?: readonly { group: string; resources?: string[]; resourceNames?: string[] }[];
      readonly namespaces?: readonly string[];
      readonly verbs?: readonly string[];
      readonly users?: readonly string[];
      readonly userGroups?: readonly string[];
    }
    const ask = {
      user: "somebody",
      group: "system:authenticated",
      verb: "get",
      api: "",
      resource: "pods",
      namespace: "a",
    };
    for (const host of masters) {
      const [path] = values(flagsOf(host, "kube-apiserver").join("\n"), "--audit-policy-file");
      const { rules } = parse(content(host, path as string)) as { rules: Rule[] };
      const has = (list: readonly string[] | undefined, item: string) => list === undefined || list.includes(item);
      const level = (what: Partial<typeof ask>) => {
        const { user, group, verb, api, resource, namespace } = { ...ask, ...what };
        return rules.find(
          (rule) =>
            has(rule.users, user) &&
            has(rule.userGroups, group) &&
            has(rule.verbs, verb) &&
            has(rule.namespaces, namespace) &&
            (rule.resources?.some((one) => one.group === api && has(one.resources, resource)) ??
              !("nonResourceURLs" in rule)),
        )?.level;
      };
      const node = { user: "system:node:n1", group: "system:nodes" };
      const lease = { api: "coordination.k8s.io", resource: "leases", namespace: "kube-node-lease", verb: "update" };
      expect(level({ ...node, ...lease })).toBe("None");
      expect(level({ ...node, resource: "nodes/status", verb: "patch" })).toBe("None");
      expect(level({ ...lease })).toBe("Request");
      expect(level({ verb: "list" })).toBe("Metadata");
      // Bodies would hold Secrets.
      for (const who of [{}, node, { user: "system:apiserver" }])
        for (const verb of ["get", "list", "watch", "create", "update"])
          for (const resource of ["secrets", "serviceaccounts/token"])
            expect(level({ ...who, verb, resource })).toBe("Metadata");
      expect(new Set(rules.map((rule) => rule.level))).toEqual(new Set(["None", "Metadata", "Request"]));
      expect(rules.at(-1)).toEqual({ level: "Metadata" });
    }
  });
});

test("the load balancer chooses the API server with the fewest connections, among those that say they are ready", () => {
  const [balancer] = ofRole("load-balancer") as [HostPlan];
  const text = content(balancer, "/etc/haproxy/haproxy.cfg");
  expect(text).toMatch(/^ {4}balance leastconn$/m);
  expect(text).toMatch(/^ {4}option httpchk GET \/readyz[?\n]/m);
  expect(text).toMatch(/^ {4}mode tcp$/m);
  const servers = [...text.matchAll(/^ {4}server (\S+) (\S+):6443$/gm)].map(([, name, address]) => [name, address]);
  expect(servers).toEqual(ofRole("master").map(({ name, address }) => [name, address]));
});

test("every kubeconfig on every host names the load balancer, none the address of the kubernetes Service", () => {
  const [balancer] = ofRole("load-balancer") as [HostPlan];
  expect(whole.api.endpoint).toBe(`https://${balancer.address}:6443`);
  let seen = 0;
  for (const { name, machine } of whole.hosts) {
    for (const [path, file] of Object.entries(machine.files)) {
      expect(file.content, `${name} ${path}`).not.toContain("https://10.96.0.1");
      if (!path.endsWith("kubeconfig")) continue;
      seen++;
      const { clusters } = parse(file.content) as { clusters: { cluster: { server: string } }[] };
      expect(
        clusters.map(({ cluster }) => cluster.server),
        `${name} ${path}`,
      ).toEqual([whole.api.endpoint]);
    }
  }
  expect(seen).toBe(11 * 2 + 1);
});

test("the levels and schemas of priority and fairness are objects of the cluster", () => {
  const names = (kind: string) =>
    whole.objects.filter((object) => object.kind === kind).map(({ metadata }) => metadata.name);
  expect(names("PriorityLevelConfiguration")).toContain("kilonode-cluster-lists");
  expect(names("FlowSchema")).toContain("kilonode-cluster-lists");
});
