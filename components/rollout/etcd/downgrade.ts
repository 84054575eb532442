/**
 * etcd's own way back to the minor version before (https://etcd.io/docs/v3.7/downgrades/downgrade_3_7/), as steps of a rollout: a cluster agrees
 * on it, each member brings its data to the older version while it runs, and only then members restart as the older version, one by one. When
 * the last one has, etcd ends it by itself. Until then it can be taken back.
 *
 * Pure, and from what members say, so a rollout that was killed goes on from there.
 */
import { etcdAdvice } from "./advice";
import type { MemberFinding } from "./health";
import type { EtcdPlan, View } from "./shard";

export type DowngradeStep =
  /** `to`: a minor version, such as "3.6". */
  | { readonly kind: "enableDowngrade"; readonly to: string }
  | { readonly kind: "cancelDowngrade"; readonly to: string }
  /** etcd does the rest by itself, within seconds. `waiting`: for which members, or for what. */
  | { readonly kind: "awaitDowngrade"; readonly to: string; readonly waiting: string };

type Found =
  | { readonly kind: "step"; readonly step: DowngradeStep }
  | { readonly kind: "blocked"; readonly finding: MemberFinding };

/**
 * What comes before any member is started or restarted.
 * @param healthy whether nothing closes the shard's gate: a cluster agrees on nothing while a member is away, and a member of the older version
 *   would not start before it has
 * @returns undefined: members may become what is planned
 */
export function beforeMembers(plan: EtcdPlan, view: View, healthy: boolean): Found | "unhealthy" | undefined {
  const { wanted, members, target } = seen(plan, view);
  if (!wanted) return undefined;
  const newer = members.filter(({ server }) => compare(server, wanted) > 0);
  if (newer.length === 0) {
    // It was given up: the older members go on to what is planned, as in an upgrade.
    return target && compare(target, wanted) < 0 ? step({ kind: "cancelDowngrade", to: minorOf(target) }) : undefined;
  }
  const unready = newer.filter(({ storage }) => storage === undefined || compare(storage, wanted) > 0);
  const agreed = target !== undefined && compare(target, wanted) === 0;
  // An upgrade that stopped half-way: while one member is of the older version, the cluster is too.
  if (!target && unready.length === 0 && newer.length < members.length) return undefined;
  if (agreed && unready.length === 0) return undefined;
  if (!plan.downgrade && !agreed) return { kind: "blocked", finding: notAsked(newer, wanted) };
  if (!healthy) return "unhealthy";
  if (!target) return step({ kind: "enableDowngrade", to: minorOf(wanted) });
  if (!agreed) return step({ kind: "cancelDowngrade", to: minorOf(target) });
  return step({ kind: "awaitDowngrade", to: minorOf(wanted), waiting: `the data of ${unready.map(named).join(", ")}` });
}

/** When all members are what is planned: etcd ends the downgrade, and the cluster is of the older version. */
export function afterMembers(plan: EtcdPlan, view: View): DowngradeStep | undefined {
  const { wanted, target } = seen(plan, view);
  if (!wanted || !target || compare(target, wanted) !== 0) return undefined;
  return { kind: "awaitDowngrade", to: minorOf(wanted), waiting: "its end, which etcd notices by itself" };
}

/** Major and minor version: of a patch etcd takes no notice. */
type Minor = readonly [major: number, minor: number];

interface Seen {
  readonly name: string;
  readonly server: Minor;
  /** undefined: it does not say. */
  readonly storage: Minor | undefined;
}

function seen({ release = "" }: EtcdPlan, view: View) {
  const members: Seen[] = [];
  let target: Minor | undefined;
  for (const { id, name } of view.members) {
    const { server = "", storage = "", downgradeTo = "" } = view.endpoints.get(id)?.versions ?? {};
    const of = parse(server);
    if (of) members.push({ name: name || id, server: of, storage: parse(storage) });
    target ??= parse(downgradeTo);
  }
  return { wanted: parse(release), members, target };
}

function notAsked(newer: readonly Seen[], wanted: Minor): MemberFinding {
  return {
    host: newer.map(({ name }) => name).join(", "),
    checked: `no member runs a newer minor version than ${minorOf(wanted)}, which is planned`,
    found: `they run ${minorOf(newer[0]?.server ?? wanted)}, and the cluster has not agreed to go back`,
    advice: etcdAdvice.downgrade,
    lasting: true,
  };
}

function parse(version: string): Minor | undefined {
  const [, major, minor] = /^(\d{1,4})\.(\d{1,4})\./.exec(version) ?? [];
  return major === undefined || minor === undefined ? undefined : [Number(major), Number(minor)];
}

const compare = (a: Minor, b: Minor): number => a[0] - b[0] || a[1] - b[1];
const minorOf = ([major, minor]: Minor): string => `${major}.${minor}`;
const named = ({ name, storage }: Seen): string => `${name} (${storage ? minorOf(storage) : "which does not say"})`;
const step = (next: DowngradeStep): Found => ({ kind: "step", step: next });
