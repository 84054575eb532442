/** Whether a stack can become a clone of another one. Pure. */
import { commitmentsOf } from "../../../components/plan/commitments";
import type { ClusterPlan } from "../../../components/plan/types";

/** Every reason why it cannot, with what to do. */
export function cloneProblems(source: ClusterPlan, target: ClusterPlan): string[] {
  const [from, to] = [commitmentsOf(source), commitmentsOf(target)];
  const storage = JSON.stringify(inOrder(from.storage)) !== JSON.stringify(inOrder(to.storage));
  return [
    ...(source.stack === target.stack ? ["a stack is no clone of itself; name another one"] : []),
    ...(target.ephemeral
      ? []
      : [
          `${target.stack} is not ephemeral: what it has would go. A clone goes into a stack that may be thrown away (\`ephemeral: true\`)`,
        ]),
    ...(source.backup ? [] : [`${source.stack} makes no backups, so there is no snapshot of it (\`etcd.backup\`)`]),
    ...(target.backup
      ? []
      : [
          `${target.stack} has no store, by way of which the clone comes: set \`etcd: {backup: {}}\` and run \`kilonode up ${target.stack}\``,
        ]),
    ...(storage
      ? [`\`etcd.shards\` of ${target.stack} keeps resources in other shards than ${source.stack}: give it the same`]
      : []),
    ...(from.network.services === to.network.services
      ? []
      : [
          `\`network.services\` is ${to.network.services}, and Services of ${source.stack} have addresses of ${from.network.services}: give it the same`,
        ]),
    ...older("kubernetesVersion", source.releases.kubernetes, target.releases.kubernetes),
    ...older("etcdVersion", source.releases.etcd, target.releases.etcd),
  ];
}

function older(knob: string, from: string, to: string): string[] {
  const [theirs, own] = [from, to].map((version) => {
    const [major = 0, minor = 0] = version.split(".").map(Number);
    return major * 1_000 + minor;
  }) as [number, number];
  if (own >= theirs) return [];
  return [`\`${knob}\` is ${to}, which cannot read what ${from} has written: take ${from}, or a newer one`];
}

const inOrder = (record: Readonly<Record<string, string>>) =>
  Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
