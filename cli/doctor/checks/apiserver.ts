/** The control plane's processes: what they were started with, and what they do with it. */
import { answering, type Evidence, metricsOf, need, sectionOf, servers } from "../evidence";
import { select } from "../metrics";
import type { Check, Verdict } from "../types";
import { bounded, controlPlane, flagIn, noneDiffers, plannedArgs, plannedEnv, range } from "./judging";

const flags: Check = {
  id: "flags",
  group: "API server",
  title: "components run with the flags of the plan",
  wanted: () => "every planned flag in the command line of the running process, and no other",
  why: "a changed file does nothing until the process that reads it is started again",
  source: "/proc/PID/cmdline on every master",
  remedy: "run up; `kilonode drift` shows whether the files differ too",
  ledger: ["A1", "A5", "C1", "C4", "C5"],
  judge: (evidence) => {
    let total = 0;
    const differences = answering(evidence, "master").flatMap((host) =>
      controlPlane.flatMap((component): [string, string][] => {
        const running = host.processes[component];
        if (!running) return [[host.name, `${component} does not run`]];
        const planned = plannedArgs(host.plan, component);
        total += planned.length;
        const missing = planned.filter((arg) => !running.args.includes(arg));
        const surplus = running.args.filter((arg) => arg.startsWith("--") && !planned.includes(arg));
        return [
          ...missing.map((arg): [string, string] => [host.name, `${component} runs without ${short(arg)}`]),
          ...surplus.map((arg): [string, string] => [host.name, `${component} runs with unplanned ${short(arg)}`]),
        ];
      }),
    );
    return noneDiffers(differences, `${total} flags of ${controlPlane.length} components on every master`);
  },
};

const short = (arg: string) => (arg.length > 80 ? `${arg.slice(0, 77)}...` : arg);

/** A flag of every API server against the model. */
function flagEquals(evidence: Evidence, wanted: Readonly<Record<string, string>>): Verdict {
  const differences = answering(evidence, "master").flatMap((host) =>
    Object.entries(wanted).flatMap(([name, value]): [string, string][] => {
      const got = flagIn(host.processes["kube-apiserver"]?.args ?? [], name);
      return got === value ? [] : [[host.name, `--${name} is ${got ?? "not set"}, the model says ${value}`]];
    }),
  );
  return noneDiffers(
    differences,
    Object.entries(wanted)
      .map(([name, value]) => `${name} ${value}`)
      .join(", "),
  );
}

const inflight: Check = {
  id: "inflight",
  group: "API server",
  title: "requests in flight as the model derives them",
  wanted: ({ plan: { scale } }) =>
    `${scale.apiserver.maxRequestsInflight} + ${scale.apiserver.maxMutatingRequestsInflight} a server`,
  why: "too few and heartbeats wait behind lists; too many and a burst takes the server's memory",
  source:
    "kubernetes/kubernetes cluster/gce/config-common.sh; `kilonode scale --explain apiserver.maxRequestsInflight`",
  remedy: "correct the workload or masters.flags.apiserver, then up",
  ledger: ["A1"],
  judge: (evidence) =>
    flagEquals(evidence, {
      "max-requests-inflight": String(evidence.plan.scale.apiserver.maxRequestsInflight),
      "max-mutating-requests-inflight": String(evidence.plan.scale.apiserver.maxMutatingRequestsInflight),
    }),
};

const goaway: Check = {
  id: "goaway",
  group: "API server",
  title: "long connections are sent on now and then",
  wanted: ({ plan: { scale } }) => `--goaway-chance=${scale.apiserver.goawayChance}`,
  why: "HTTP/2 connections live for weeks: after a restart all of them stay on the servers that were up",
  source: "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/ (goaway-chance)",
  remedy: "take goaway-chance out of masters.flags.apiserver, then up",
  ledger: ["A6"],
  judge: (evidence) => flagEquals(evidence, { "goaway-chance": String(evidence.plan.scale.apiserver.goawayChance) }),
};

/** Fewer connections than this a server say nothing about the spread. */
const manyConnections = 50;

const connections: Check = {
  id: "connections",
  group: "API server",
  title: "connections spread over the API servers",
  wanted: () => `no server with more than twice the mean and ${manyConnections} above it`,
  why: "the fullest server is the slowest, and the first to run out of memory",
  source: "sockets on port 6443 of every master, sessions of the load balancer",
  remedy: "wait: goaway-chance evens it out; a single restart of the fullest server does it at once",
  ledger: ["A6", "A4"],
  judge: (evidence) => {
    const counts = answering(evidence, "master").map((host) => ({
      name: host.name,
      open: Number(sectionOf(host, "connections")),
    }));
    const mean = counts.reduce((total, { open }) => total + open, 0) / counts.length;
    const full = counts.filter(({ open }) => open > 2 * mean && open - mean > manyConnections);
    const few = mean < manyConnections ? "; too few to tell more" : "";
    const found = `${range(counts.map(({ open }) => open))} connections a server${few}`;
    return {
      status: full.length > 0 ? "warning" : "ok",
      found,
      details: full.map(({ name, open }) => `${name}: ${open}`),
    };
  },
};

const versions: Check = {
  id: "versions",
  group: "API server",
  title: "every process has the planned version",
  wanted: ({ plan }) => `Kubernetes ${plan.releases.kubernetes}, etcd ${plan.releases.etcd}`,
  why: "a mix outlives its upgrade only when a rollout stopped halfway",
  source: "kubernetes_build_info and etcd_server_version of the running processes",
  remedy: "run up: it goes on where the rollout stopped",
  ledger: [],
  judge: (evidence) => {
    const { kubernetes, etcd } = evidence.plan.releases;
    const go = new Set<string>();
    const apis = servers(evidence).map(({ name, samples }): [string, string] => {
      const labels = select(samples, "kubernetes_build_info")[0]?.labels;
      if (labels?.go_version) go.add(labels.go_version);
      return [
        name,
        labels?.git_version === `v${kubernetes}` ? "" : `kube-apiserver ${labels?.git_version ?? "unknown"}`,
      ];
    });
    const members = answering(evidence, "etcd").map((host): [string, string] => {
      const samples = metricsOf(host);
      const goVersion = select(samples, "etcd_server_go_version")[0]?.labels.server_go_version;
      if (goVersion) go.add(goVersion);
      const got = select(samples, "etcd_server_version")[0]?.labels.server_version;
      return [host.name, got === etcd ? "" : `etcd ${got ?? "unknown"}`];
    });
    const found = `${apis.length} API servers and ${members.length} etcd members, compiled by ${[...go].sort().join(", ")}`;
    return noneDiffers(
      [...apis, ...members].filter(([, what]) => what !== ""),
      found,
    );
  },
};

const memoryLimits: Check = {
  id: "go-memory-limit",
  group: "API server",
  title: "Go knows the memory that each process may use",
  wanted: () => "GOMEMLIMIT of the plan in every process of the control plane and etcd",
  why: "without it the collector lets the heap double before it works, and the kernel kills the process first",
  source: "https://go.dev/doc/gc-guide#Memory_limit; /proc/PID/environ",
  remedy: "run up; a process keeps the environment that it was started with",
  ledger: ["A3"],
  judge: (evidence) => {
    const found = new Set<string>();
    const differences = [...answering(evidence, "master"), ...answering(evidence, "etcd")].flatMap((host) =>
      (host.plan.role === "etcd" ? ["etcd"] : controlPlane).flatMap((component): [string, string][] => {
        const wanted = plannedEnv(host.plan, component).GOMEMLIMIT;
        const got = host.processes[component]?.env.GOMEMLIMIT;
        if (wanted !== undefined) found.add(`${component} ${wanted}`);
        return got === wanted ? [] : [[host.name, `${component}: GOMEMLIMIT ${got ?? "not set"}, wanted ${wanted}`]];
      }),
    );
    return noneDiffers(differences, [...found].join(", "));
  },
};

/** A lease of 15 s that nobody renewed for this long has no holder; twice, since clocks differ. */
const staleSeconds = 30;

const leaders: Check = {
  id: "leaders",
  group: "API server",
  title: "one leader for each component, which lets go on exit",
  wanted: () => "a fresh lease of one master for each, and the gate ControllerManagerReleaseLeaderElectionLockOnExit",
  why: "without the gate a planned restart leaves the cluster without a controller manager for 15 s",
  source: "Lease objects in kube-system; command line of kube-controller-manager",
  remedy: "look at the journal of the component: `kilonode logs STACK HOST -u kube-controller-manager`",
  ledger: ["C3", "C4", "S5"],
  judge: (evidence) => {
    const leases = need(evidence.api.leases);
    const hosts = answering(evidence, "master");
    const problems = ["kube-controller-manager", "kube-scheduler"].flatMap((component) => {
      const spec = leases.find(({ metadata }) => metadata.name === component)?.spec;
      const holder = hosts.find(({ name }) => spec?.holderIdentity?.startsWith(`${name}_`));
      const age = (evidence.now.getTime() - Date.parse(spec?.renewTime ?? "")) / 1000;
      if (!spec?.holderIdentity) return [`${component}: nobody leads`];
      if (!holder) return [`${component}: led by ${spec.holderIdentity}, which is no master that answers`];
      return age > staleSeconds ? [`${component}: ${holder.name} last renewed ${Math.round(age)} s ago`] : [];
    });
    const gate = "ControllerManagerReleaseLeaderElectionLockOnExit=true";
    const without = hosts.filter(
      ({ processes }) => !flagIn(processes["kube-controller-manager"]?.args ?? [], "feature-gates")?.includes(gate),
    );
    const all = [...problems, ...without.map(({ name }) => `${name}: kube-controller-manager without ${gate}`)];
    if (all.length > 0) return { status: "failed", found: "not as wanted", details: bounded(all) };
    const holders = leases
      .filter(({ metadata: { name } }) => name === "kube-controller-manager" || name === "kube-scheduler")
      .map(({ metadata, spec }) => `${metadata.name} ${spec?.holderIdentity?.split("_")[0]}`);
    return { status: "ok", found: `${holders.join(", ")}; the gate is on everywhere` };
  },
};

export const apiserver: readonly Check[] = [flags, inflight, goaway, connections, versions, memoryLimits, leaders];
