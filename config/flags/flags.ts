/**
 * Command-line flags as data: a map without leading dashes, merged by explicit rules and rendered once.
 *
 * A list renders joined by commas ("--admission=a,b"), except for flags that a binary reads once per occurrence
 * ({@link REPEATED_FLAGS}): those render one `--name=value` an item.
 */
import { countOf, exitCodes, UserError } from "../errors";
import { lookup } from "../lookup";

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
  /** Why an item of a list may not be given ("WatchList=false" of feature-gates); undefined when it may. */
  readonly refusal?: (flag: string, item: string) => string | undefined;
}

const enablePlugins = "enable-admission-plugins";
const disablePlugins = "disable-admission-plugins";

/** Lists that several parts add to. */
export const APPENDED_FLAGS: readonly string[] = [disablePlugins, enablePlugins, "feature-gates", "runtime-config"];

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
  const listed = lookup(policy.rules ?? {}, flag);
  if (listed) return listed;
  if (Object.hasOwn(base, flag)) return "denied";
  return APPENDED_FLAGS.includes(flag) ? "append" : "overwrite";
}

const show = (value: FlagValue): string => (Array.isArray(value) ? value.join(",") : String(value));

/** One flag that cannot be given. */
export interface FlagProblem {
  readonly flag: string;
  readonly value: string;
  readonly message: string;
}

/** What is wrong with one component's flags; empty when they merge. */
export function flagProblems(base: FlagMap, scale: FlagMap, user: FlagMap, policy: FlagPolicy): FlagProblem[] {
  const { known, version = "this version" } = policy;
  const plan = { ...scale, ...base };
  const unknown = Object.entries(plan).filter(([flag]) => known && !known.has(flag));
  return [
    ...unknown.map(([flag, value]) => ({
      flag,
      value: show(value),
      message: `the plan sets it, and ${version} does not have it`,
    })),
    ...Object.entries(user).flatMap(([flag, value]) => {
      const message = flagProblem(flag, lookup(plan, flag), ruleFor(flag, base, policy), policy);
      if (message) return [{ flag, value: show(value), message }];
      return asList(value).flatMap((item) => {
        const refusal = itemProblem(flag, item, plan, policy);
        return refusal === undefined ? [] : [{ flag, value: show(value), message: refusal }];
      });
    }),
  ];
}

function itemProblem(flag: string, item: string, plan: FlagMap, { refusal }: FlagPolicy): string | undefined {
  const isPlanned = flag === disablePlugins && asList(lookup(plan, enablePlugins) ?? "").includes(item);
  return isPlanned ? `${item} is refused: the plan enables it; remove the item` : refusal?.(flag, item);
}

/** {@link flagProblems} as lines that name component and flag. */
export function checkFlags(base: FlagMap, scale: FlagMap, user: FlagMap, policy: FlagPolicy): readonly string[] {
  return flagProblems(base, scale, user, policy).map(
    ({ flag, value, message }) => `${policy.component ?? "flags"}: --${flag}=${value}: ${message}`,
  );
}

function flagProblem(
  flag: string,
  planned: FlagValue | undefined,
  rule: MergeRule,
  policy: FlagPolicy,
): string | undefined {
  if (!/^[a-z][a-z0-9-]*$/.test(flag)) return "no flag name; write it without dashes in front and the value apart";
  if (rule === "denied") {
    const reason = lookup(policy.reasons ?? {}, flag) ?? "other parts of the plan depend on it";
    if (planned === undefined) return `refused: ${reason}`;
    return `protected (the plan sets ${show(planned)}): ${reason}; remove it from the configuration`;
  }
  if (!policy.known || policy.known.has(flag)) return undefined;
  return `${policy.version ?? "this version"} does not have this flag; ${policy.gone?.(flag) ?? "remove it from the configuration"}`;
}

/**
 * One component's flags: the scale part, the identity part (addresses, files) over it, the user's over both, by the policy.
 * @throws UserError with every problem at once. A plan asks for the problems of all components before it merges any.
 */
export function mergeFlags(base: FlagMap, scale: FlagMap, user: FlagMap, policy: FlagPolicy): FlagMap {
  const problems = checkFlags(base, scale, user, policy);
  if (problems.length > 0) throw new UserError(countOf(problems, "flag problem"), exitCodes.badConfiguration, problems);
  const merged = new Map<string, FlagValue>(Object.entries(scale));
  for (const [flag, value] of [...Object.entries(base), ...Object.entries(user)]) {
    const before = merged.get(flag);
    const append = APPENDED_FLAGS.includes(flag) || lookup(policy.rules ?? {}, flag) === "append";
    merged.set(flag, before !== undefined && append ? appendItems(before, value) : value);
  }
  return Object.fromEntries(merged);
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

/** etcd reads every flag from the environment too: `--data-dir` is ETCD_DATA_DIR. */
export function etcdEnvironment(map: FlagMap): Record<string, string> {
  return Object.fromEntries(
    Object.entries(map).map(([name, value]) => [`ETCD_${name.toUpperCase().replaceAll("-", "_")}`, show(value)]),
  );
}
