/** What the cluster holds, against the limits that it was sized for. */
import { count } from "../../show/terminal";
import { servicePages, slicePages } from "../ask-api";
import { answering, type Evidence, need, servers } from "../evidence";
import { largestBuckets, select } from "../metrics";
import type { Check } from "../types";
import { bounded, mib, percent } from "./judging";

const thresholds =
  "https://github.com/kubernetes/community/blob/master/sig-scalability/configs-and-limits/thresholds.md";

const counted = (evidence: Evidence, group: string, resource: string): number =>
  Math.max(
    0,
    ...servers(evidence).flatMap(({ samples }) =>
      select(samples, "apiserver_resource_objects", { group, resource }).map(({ value }) => value),
    ),
  );

const sized: Check = {
  id: "sized-for",
  group: "objects",
  title: "the cluster is not larger than it was sized for",
  wanted: ({ plan: { scale } }) =>
    `at most ${scale.workload.nodes} nodes, ${scale.workload.pods} pods, ${scale.workload.services} Services`,
  why: "every derived value (seats, rates, memory, shards) holds for this workload",
  source: "the stack's workload; apiserver_resource_objects",
  remedy: "raise workload in the stack's configuration; preview shows what follows from it",
  ledger: ["H1"],
  judge: (evidence) => {
    const { nodes, pods, services } = evidence.plan.scale.workload;
    const rows = [
      { what: "nodes", have: counted(evidence, "", "nodes"), most: nodes },
      { what: "pods", have: counted(evidence, "", "pods"), most: pods },
      { what: "Services", have: counted(evidence, "", "services"), most: services },
    ];
    const over = rows.filter(({ have, most }) => have > most);
    const found = rows.map(({ what, have, most }) => `${have} of ${most} ${what}`).join(", ");
    return { status: over.length > 0 ? "warning" : "ok", found };
  },
};

const slices: Check = {
  id: "slice-size",
  group: "objects",
  title: "EndpointSlices are small",
  wanted: ({ plan: { scale } }) => `at most ${scale.controllerManager.maxEndpointsPerSlice} endpoints in each`,
  why: "every change of a slice goes to every node: a slice ten times as large is ten times the traffic",
  source: "https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#distribution-of-endpointslices",
  remedy: "look at --max-endpoints-per-slice (check flags) and at who else writes slices",
  ledger: ["A11"],
  judge: (evidence) => {
    const { complete, total, largest } = need(evidence.api.slices);
    const most = evidence.plan.scale.controllerManager.maxEndpointsPerSlice;
    const over = largest.filter(({ count }) => count > most);
    const part = complete ? "" : `, the first ${slicePages * 500}`;
    const found = `${count(total, "slice")}${part}; the largest has ${largest[0]?.count ?? 0} endpoints`;
    const details = over.map(({ name, count }) => `${name}: ${count} endpoints`);
    return { status: over.length > 0 ? "failed" : "ok", found, details };
  },
};

const services: Check = {
  id: "services",
  group: "objects",
  title: "Services stay within what upstream tests",
  wanted: () => "at most 5,000 in a namespace, 10,000 in all",
  why: "a pod's start lists the Services of its namespace; node proxies carry all of them",
  source: thresholds,
  remedy: "spread Services over namespaces",
  ledger: ["A10"],
  judge: (evidence) => {
    const { complete, total, largest } = need(evidence.api.services);
    const over = largest.filter(({ count }) => count > 5_000);
    const part = complete ? "" : ` (the first ${servicePages * 500})`;
    const [first] = largest;
    const found = `${count(total, "Service")}${part}${first ? `, at most ${first.count} in a namespace (${first.name})` : ""}`;
    const details = over.map(({ name, count }) => `namespace ${name}: ${count} Services`);
    return { status: over.length > 0 ? "failed" : total > 10_000 ? "warning" : "ok", found, details };
  },
};

const objectSize: Check = {
  id: "object-size",
  group: "objects",
  title: "no object comes near etcd's limit",
  wanted: ({ plan }) => `less than half of ${mib(plan.scale.etcd.maxRequestBytes)} (max-request-bytes)`,
  why: 'one more label, and a write fails with "etcdserver: request is too large"; large values also slow every list and snapshot',
  source:
    "bodies of all writes since the API servers started (apiserver_request_body_size_bytes, to the next 100 kB); sizes of at most 20 values of each of 6 kinds and of each sharded resource, read on followers",
  remedy:
    "split the object; managed fields and annotations of tools are the usual ballast. A body counts until its server is started again",
  ledger: ["E11"],
  judge: (evidence) => {
    const limit = evidence.plan.scale.etcd.maxRequestBytes;
    const bodies = servers(evidence)
      .flatMap(({ samples }) => largestBuckets(samples, "apiserver_request_body_size_bytes"))
      .sort((a, b) => b.upTo - a.upTo);
    const values = answering(evidence, "etcd")
      .flatMap(({ sections }) => sections.values?.text.split("\n") ?? [])
      .map((line) => /^(\d+) (\/registry\/.*)$/.exec(line))
      .flatMap((match) => (match ? [{ key: match[2] ?? "", bytes: Number(match[1]) }] : []))
      .sort((a, b) => b.bytes - a.bytes);
    const [body, value] = [bodies[0], values[0]];
    const details = [
      ...bodies
        .filter(({ upTo }) => upTo > limit / 2)
        .map(({ labels, upTo }) => `${labels.verb} ${labels.resource}: up to ${mib(upTo)}`),
      ...values.filter(({ bytes }) => bytes > limit / 2).map(({ key, bytes }) => `${key}: ${mib(bytes)}`),
    ];
    const found = `writes up to ${kb(body?.upTo ?? 0)} (${body?.labels.resource ?? "none seen"}); largest sampled value ${kb(value?.bytes ?? 0)}${value ? ` (${value.key})` : ""}`;
    return { status: details.length > 0 ? "warning" : "ok", found, details: bounded(details) };
  },
};

const kb = (bytes: number) => (Number.isFinite(bytes) ? `${Math.ceil(bytes / 1000)} kB` : "more than 3 MB");

const heartbeats: Check = {
  id: "heartbeats",
  group: "objects",
  title: "nodes renew their leases",
  wanted: ({ plan: { scale } }) => `younger than ${scale.node.leaseSeconds} s, of the first 500 nodes`,
  why: "a node whose lease is older is taken for dead, and its pods are moved",
  source: "https://kubernetes.io/docs/concepts/architecture/nodes/#node-heartbeats; Lease objects in kube-node-lease",
  remedy: "`kilonode status` counts the nodes; look at the kubelets' journals and at the level node-high (check seats)",
  ledger: ["A11"],
  judge: (evidence) => {
    const times = need(evidence.api.heartbeats);
    if (times.length === 0) return { status: "skipped", found: "no node", because: "no node has a lease yet" };
    const limit = evidence.plan.scale.node.leaseSeconds;
    const ages = times.map((time) => (evidence.now.getTime() - Date.parse(time)) / 1000);
    const stale = ages.filter((age) => !(age <= limit)).length;
    const found = `${times.length - stale} of ${times.length} fresh${stale > 0 ? ` (${percent(stale / times.length)} are not)` : `, the oldest ${Math.max(0, Math.round(Math.max(...ages)))} s`}`;
    return { status: stale > times.length / 2 ? "failed" : stale > 0 ? "warning" : "ok", found };
  },
};

const kubelets: Check = {
  id: "kubelets",
  group: "objects",
  title: "kubelets run with the model's configuration",
  wanted: ({ plan: { scale } }) =>
    `maxPods ${scale.node.maxPods}, leases of ${scale.node.leaseSeconds} s, kubeAPIQPS ${scale.node.apiQps}, parallel image pulls`,
  why: "the rates of the whole cluster are these, times its nodes",
  source: "/configz of at most 3 kubelets, through the API",
  remedy: "give the pool the KubeletConfiguration of `kilonode scale --json` and restart its kubelets",
  ledger: ["N1", "P1", "P2"],
  judge: (evidence) => {
    const real = need(evidence.api.realNodes);
    if (real.length === 0)
      return {
        status: "skipped",
        found: "no real node",
        because: "nodes are simulated (kwok): no kubelet and no kube-proxy runs",
      };
    const { node } = evidence.plan.scale;
    const wanted = {
      maxPods: node.maxPods,
      nodeLeaseDurationSeconds: node.leaseSeconds,
      kubeAPIQPS: node.apiQps,
      serializeImagePulls: false,
    };
    const read = need(evidence.api.kubelets);
    const details = read.flatMap(({ node: name, config }) =>
      Object.entries(wanted)
        .filter(([key, value]) => config[key] !== value)
        .map(([key, value]) => `${name}: ${key} is ${String(config[key] ?? "not set")}, the model says ${value}`),
    );
    return {
      status: details.length > 0 ? "warning" : "ok",
      found: `${read.length} kubelets looked at`,
      details: bounded(details),
    };
  },
};

export const objects: readonly Check[] = [sized, slices, services, objectSize, heartbeats, kubelets];
