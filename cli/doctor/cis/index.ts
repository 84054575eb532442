/**
 * The CIS Kubernetes Benchmark, item by item, with titles of our own. Numbers are those of its version 1.12, as kube-bench has
 * them (https://github.com/aquasecurity/kube-bench, cfg/cis-1.12); items that it leaves to a reader are judged, too.
 */
import type { Evidence } from "../evidence";
import type { CisReport } from "../types";
import { countsOf, verdictOf } from "../verdict";
import { apiserverItems } from "./apiserver";
import { configurationItems } from "./configuration";
import { controlPlaneFiles } from "./control-plane-files";
import { controllerItems } from "./controllers";
import { etcdItems } from "./etcd";
import type { CisItem } from "./item";
import { nodeItems } from "./nodes";
import { policyItems } from "./policies";
import { rightItems } from "./rights";

export const benchmark = "CIS Kubernetes Benchmark 1.12";

export const cisItems: readonly CisItem[] = [
  ...controlPlaneFiles,
  ...apiserverItems,
  ...controllerItems,
  ...etcdItems,
  ...configurationItems,
  ...nodeItems,
  ...rightItems,
  ...policyItems,
];

export function judgeCis(evidence: Evidence): CisReport {
  const items = cisItems.map(({ id, title, judge }) => ({ id, title, ...verdictOf(judge, evidence) }));
  return { benchmark, counts: countsOf(items), items };
}
