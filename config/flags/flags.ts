/**
 * Command-line flags as data: a map without leading dashes, merged by explicit rules and rendered once.
 *
 * A list renders joined by commas ("--admission=a,b"), except for flags that a binary reads once per occurrence
 * ({@link REPEATED_FLAGS}): those render one `--name=value` an item.
 */
export type FlagValue = string | number | boolean | readonly string[];
export type FlagMap = Readonly<Record<string, FlagValue>>;

/** Flags declared as `StringArray` upstream: a comma does not split them. */
export const REPEATED_FLAGS: ReadonlySet<string> = new Set([
  "service-account-issuer",
  "service-account-key-file",
  "tls-sni-cert-key",
]);

/**
 * What happens when a user sets a flag that the plan also sets.
 * - `overwrite`: the user's value wins.
 * - `append`: lists are joined, the plan's items first; an item "key=value" replaces an earlier one with the same key
 *   (feature gates).
 * - `denied`: refused, because another part of the plan depends on the value.
 */
export type MergeRule = "overwrite" | "append" | "denied";

/** How one component's flags merge. */
export interface FlagPolicy {
  /** Name for error messages, for instance "kube-apiserver". */
  readonly component?: string;
  /**
   * Flag to rule. Unlisted: `denied` for flags of the plan's identity part (addresses, files), `append` for
   * {@link APPENDED_FLAGS}, `overwrite` for the rest.
   */
  readonly rules?: Readonly<Record<string, MergeRule>>;
  /** Why a flag is protected: shown in the error. */
  readonly reasons?: Readonly<Record<string, string>>;
  /** Every flag that this version of the binary has. Absent: not checked. */
  readonly known?: ReadonlySet<string>;
  /** What to use instead of a flag that was removed or renamed. */
  readonly gone?: (flag: string) => string | undefined;
  /** Version text for error messages, for instance "Kubernetes 1.37". */
  readonly version?: string;
  /** Items of list flags that may not be given, with the reason: "WatchList=false" of feature-gates. */
  readonly refusedItems?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Lists that several parts add to. */
export const APPENDED_FLAGS: readonly string[] = [
  "disable-admission-plugins",
  "enable-admission-plugins",
  "feature-gates",
  "runtime-config",
];

/** Every problem of one merge, in one error. */
export class FlagError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(
      `${problems.length} flag problem${problems.length === 1 ? "" : "s"}:\n${problems.map((p) => `- ${p}`).join("\n")}`,
    );
    this.name = "FlagError";
  }
}

/** "key" of a "key=value" item, or the whole item. */
const itemKey = (item: string): string => item.split("=", 1)[0] ?? item;

const asList = (value: FlagValue): readonly string[] =>
  Array.isArray(value)
    ? value
    : String(value)
        .split(",")
        .filter((item) => item !== "");

/** Joins two lists; a later "key=value" replaces an earlier one with the same key, other items appear once. */
export function appendItems(first: FlagValue, second: FlagValue): readonly string[] {
  const added = asList(second);
  const replaced = new Set(added.map(itemKey));
  return [...asList(first).filter((item) => !replaced.has(itemKey(item))), ...added];
}

function ruleFor(flag: string, base: FlagMap, policy: FlagPolicy): MergeRule {
  const listed = policy.rules?.[flag];
  if (listed) return listed;
  if (flag in base) return "denied";
  return APPENDED_FLAGS.includes(flag) ? "append" : "overwrite";
}

const show = (value: FlagValue): string => (Array.isArray(value) ? value.join(",") : String(value));

/** Problems of the flags against one policy; empty when they merge. Call it for every component to report all at once. */
export function checkFlags(base: FlagMap, scale: FlagMap, user: FlagMap, policy: FlagPolicy): readonly string[] {
  const { component = "flags", version = "this version" } = policy;
  const plan = { ...scale, ...base };
  const unknown = Object.entries(plan).filter(([flag]) => policy.known && !policy.known.has(flag));
  return [
    ...unknown.map(
      ([flag, value]) => `${component}: the plan sets --${flag}=${show(value)}, which ${version} does not have`,
    ),
    ...Object.entries(user).flatMap(([flag, value]) => {
      const problem = flagProblem(flag, plan[flag], ruleFor(flag, base, policy), policy);
      if (problem) return [`${component}: --${flag}=${show(value)}: ${problem}`];
      const refused = policy.refusedItems?.[flag] ?? {};
      return asList(value)
        .filter((item) => refused[item])
        .map((item) => `${component}: --${flag}: ${item} is refused: ${refused[item]}`);
    }),
  ];
}

function flagProblem(
  flag: string,
  planned: FlagValue | undefined,
  rule: MergeRule,
  policy: FlagPolicy,
): string | undefined {
  if (!/^[a-z][a-z0-9-]*$/.test(flag)) return "no flag name; write it without dashes in front and the value apart";
  if (rule === "denied") {
    const set = planned === undefined ? "" : ` (the plan sets ${show(planned)})`;
    return `protected${set}: ${policy.reasons?.[flag] ?? "other parts of the plan depend on it"}; remove it from the configuration`;
  }
  if (!policy.known || policy.known.has(flag)) return undefined;
  return `${policy.version ?? "this version"} does not have this flag; ${policy.gone?.(flag) ?? "remove it from the configuration"}`;
}

/**
 * One component's flags: the scale part, the identity part (addresses, files) over it, the user's over both, by the policy.
 * @throws FlagError with every problem at once.
 */
export function mergeFlags(base: FlagMap, scale: FlagMap, user: FlagMap, policy: FlagPolicy): FlagMap {
  const problems = checkFlags(base, scale, user, policy);
  if (problems.length > 0) throw new FlagError(problems);
  const merged: Record<string, FlagValue> = { ...scale };
  for (const layer of [base, user]) {
    for (const [flag, value] of Object.entries(layer)) {
      const before = merged[flag];
      const append = APPENDED_FLAGS.includes(flag) || policy.rules?.[flag] === "append";
      merged[flag] = before !== undefined && append ? appendItems(before, value) : value;
    }
  }
  return merged;
}

/** `--name=value`, sorted by name: the same map always renders to the same lines. */
export function renderFlags(map: FlagMap): string[] {
  return Object.keys(map)
    .sort()
    .flatMap((name) => {
      const value = map[name] ?? "";
      if (Array.isArray(value) && REPEATED_FLAGS.has(name)) return value.map((item) => `--${name}=${item}`);
      return [`--${name}=${show(value)}`];
    });
}

/** etcd reads every flag from the environment too: `--data-dir` is ETCD_DATA_DIR. Sorted `NAME=value` lines. */
export function renderEtcdEnvironment(map: FlagMap): string[] {
  return Object.keys(map)
    .sort()
    .map((name) => `ETCD_${name.toUpperCase().replaceAll("-", "_")}=${show(map[name] ?? "")}`);
}
