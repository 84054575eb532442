/**
 * Which steps from one release to the next upstream allows, and the way where a step is refused.
 *
 * Kubernetes: https://kubernetes.io/releases/version-skew-policy/ - "require kube-apiserver to not skip minor versions when upgrading", and
 * nothing may be newer than the API servers it talks to. Patches of one minor may run side by side in any order, so one may be taken back.
 *
 * etcd: https://etcd.io/docs/v3.6/upgrades/upgrading-etcd/ - "Upgrades that skip a minor version are not supported and will likely fail". A
 * member compares only major and minor with what the cluster has agreed on (MustDetectDowngrade in its server/etcdserver/version), so a patch
 * may be taken back; on an older minor it does not start, unless the whole cluster has agreed to that first: etcd's own downgrade, by one minor
 * version (https://etcd.io/docs/v3.7/downgrades/downgrade_3_7/), which is asked for by `etcd.downgradeTo`.
 *
 * Both at once is a step of each: etcd goes first. Every pair of the catalogue works together (docs/releases.md, "Pairs").
 */
import { etcdVersions, kubernetesVersions, type Releases, titles } from "./index";

type Chosen = keyof Releases;

interface Version {
  readonly text: string;
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

/** What differs between the two. */
interface Rules {
  readonly knob: string;
  readonly releases: readonly Version[];
  readonly skip: string;
  readonly back: string;
  /** True: it has a downgrade of its own. */
  readonly downgrades: boolean;
  /** Minor version to the patch that members of the minor before must have before they may go to it. */
  readonly leastBefore: ReadonlyMap<string, { readonly version: Version; readonly source: string }>;
}

const rules: Readonly<Record<Chosen, Rules>> = {
  etcd: {
    knob: "etcdVersion",
    releases: etcdVersions.map(exact),
    skip: "etcd upgrades one minor version at a time (https://etcd.io/docs/v3.6/upgrades/upgrading-etcd/)",
    back: "a member of an older minor version does not start on the data of a newer one (https://etcd.io/docs/v3.7/downgrades/downgrade_3_7/)",
    downgrades: true,
    leastBefore: new Map([
      ["3.6", { version: exact("3.5.26"), source: "https://etcd.io/docs/v3.6/upgrades/upgrade_3_6/" }],
      ["3.7", { version: exact("3.6.11"), source: "https://etcd.io/docs/v3.7/upgrades/upgrade_3_7/" }],
    ]),
  },
  kubernetes: {
    knob: "kubernetesVersion",
    releases: kubernetesVersions.map(exact),
    skip: "kube-apiserver must not skip a minor version (https://kubernetes.io/releases/version-skew-policy/)",
    back: "no component may be newer than kube-apiserver, and an older one cannot read objects that use what is new (https://kubernetes.io/releases/version-skew-policy/)",
    downgrades: false,
    leastBefore: new Map(),
  },
};

/**
 * Everything that upstream forbids in this step, one text each with the way; empty when `up` may go from the one to the other.
 * @param from what runs; where hosts differ, the older of each product, which is also what etcd says of a cluster that is half-way
 * @param perhaps what may run instead, where that is not known: nothing is refused that may be done from there
 * @param asked what is allowed because it was asked for
 */
export function releaseStepProblems(from: Releases, to: Releases, perhaps = from, asked: Asked = {}): string[] {
  // etcd first, as in an upgrade.
  return (["etcd", "kubernetes"] as const).flatMap((product) => {
    const problem = releaseStepProblem(product, from[product], to[product], asked);
    const other = releaseStepProblem(product, perhaps[product], to[product], asked);
    return problem === undefined || other === undefined ? [] : [problem];
  });
}

/** What is refused unless it is asked for. */
export interface Asked {
  /** etcd's own downgrade, to the version that is wanted. */
  readonly downgrade?: boolean;
}

/** The same for one product. */
export function releaseStepProblem(
  product: Chosen,
  from: string,
  to: string,
  { downgrade = false }: Asked = {},
): string | undefined {
  if (from === to) return undefined;
  const { knob, skip, back } = rules[product];
  const step = `${knob}: the step from ${titles[product]} ${short(from)} to ${short(to)} is refused`;
  const [old, wanted] = [parse(from), parse(to)];
  if (!old || !wanted)
    return `${step}: ${short(old ? to : from)} is no exact version; \`kilonode status\` shows what runs, docs/releases.md what can be installed`;
  if (old.major !== wanted.major)
    return `${step}: upstream describes no step between major versions; ${stay(rules[product], old)}`;
  if (wanted.minor < old.minor) {
    const can = canDowngrade(rules[product], old, wanted);
    if (can && downgrade) return undefined;
    const ask = can
      ? `. Or have etcd go back by its own downgrade: set etcd.downgradeTo: "${wanted.text}" beside it`
      : "";
    return `${step}: ${back}; ${stay(rules[product], old)}${ask}`;
  }
  const { stops, needs, missing } = route(rules[product], old, wanted);
  if (stops.length === 1 && !missing) return undefined;
  const reason = wanted.minor > old.minor + 1 ? skip : needs;
  const way = missing ? `${missing}; docs/releases.md says how to add one` : walk(knob, stops);
  return `${step}: ${reason}; ${way}`;
}

interface Route {
  /** Versions to go to one after the other; the last is the one that is wanted. */
  readonly stops: readonly string[];
  /** Why the first stop is none of a newer minor version. */
  readonly needs?: string;
  /** Why there is no such way. */
  readonly missing?: string;
}

/** etcd goes back by one minor version, to a patch from which it may come up again. */
function canDowngrade({ downgrades, leastBefore }: Rules, from: Version, to: Version): boolean {
  const least = leastBefore.get(`${from.major}.${from.minor}`)?.version.patch ?? 0;
  return downgrades && from.minor - to.minor === 1 && to.patch >= least;
}

/** What a cluster can stay at. Its very release is not to be had where another version of Kilonode installed it. */
function stay({ knob, releases }: Rules, at: Version): string {
  const same = releases.find(({ text }) => text === at.text) ?? newestOf(releases, at.major, at.minor);
  if (same) return `keep ${knob}: ${same.text} (docs/releases.md, "The way back")`;
  return `no release ${at.major}.${at.minor} can be installed; use the Kilonode that installed it, or add the release (docs/releases.md)`;
}

function newestOf(releases: readonly Version[], major: number, minor: number): Version | undefined {
  return releases.findLast((one) => one.major === major && one.minor === minor);
}

/** The shortest way up: the newest release of each minor version between, each from a patch that may take the step. */
function route({ releases, leastBefore }: Rules, from: Version, to: Version): Route {
  const newest = (minor: number) => newestOf(releases, from.major, minor);
  const stops: string[] = [];
  let needs: string | undefined;
  let at = from;
  while (at.minor < to.minor) {
    const minor = at.minor + 1;
    const least = leastBefore.get(`${at.major}.${minor}`);
    if (least && at.patch < least.version.patch) {
      needs ??= `members must run ${least.version.text} or later first (${least.source})`;
      const stop = newest(at.minor);
      if (!stop || stop.patch < least.version.patch)
        return {
          stops,
          needs,
          missing: `no release ${at.major}.${at.minor} from ${least.version.text} on can be installed`,
        };
      stops.push(stop.text);
    }
    if (minor === to.minor) break;
    const next = newest(minor);
    if (!next) return { stops, missing: `no release ${at.major}.${minor}, which lies between, can be installed` };
    stops.push(next.text);
    at = next;
  }
  return { stops: [...stops, to.text], ...(needs && { needs }) };
}

const walk = (knob: string, stops: readonly string[]): string =>
  stops.map((stop) => `set ${knob}: ${stop} and run \`kilonode up\``).join(", then ");

/** Quoted and bounded: what runs is said by hosts, which are not trusted. */
const short = (version: string): string => JSON.stringify(version.length > 40 ? `${version.slice(0, 40)}...` : version);

function parse(text: string): Version | undefined {
  const match = /^(\d{1,4})\.(\d{1,4})\.(\d{1,4})$/.exec(text);
  return match ? { text, major: Number(match[1]), minor: Number(match[2]), patch: Number(match[3]) } : undefined;
}

/** A version of ours. */
function exact(text: string): Version {
  const version = parse(text);
  if (!version) throw new Error(`${text} is no exact version`);
  return version;
}
