/** Our values against those that a program says it has, and what it complains about. */

/** Nanoseconds-free duration in ms of Go's notation ("1m0s", "500ms"), or undefined. */
function milliseconds(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(h|ms|m|s))+$/.test(text)) return undefined;
  const unit: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
  return [...text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)].reduce(
    (sum, [, amount, name]) => sum + Number(amount) * (unit[name as string] as number),
    0,
  );
}

/** One value in one spelling: durations in ms, lists without brackets, numbers as numbers. */
export function normal(value: unknown): string {
  const text = String(value).replace(/^\[(.*)\]$/, "$1");
  const duration = milliseconds(text);
  if (duration !== undefined) return `${duration}ms`;
  return text !== "" && Number.isFinite(Number(text)) ? String(Number(text)) : text;
}

/** Each of our values that a program's configuration does not have, as "path: ours, theirs". */
export function differences(ours: unknown, theirs: unknown, path = ""): string[] {
  if (Array.isArray(ours) && typeof theirs === "string") return differences(ours.join(","), theirs, path);
  if (typeof ours === "object" && ours !== null)
    return Object.entries(ours).flatMap(([key, value]) =>
      differences(
        value,
        (theirs as Readonly<Record<string, unknown>> | undefined)?.[key],
        path ? `${path}.${key}` : key,
      ),
    );
  // A field that is off may be left out.
  if ((ours === false || ours === 0) && theirs === undefined) return [];
  return normal(ours) === normal(theirs) ? [] : [`${path}: ours ${String(ours)}, theirs ${String(theirs)}`];
}

/** `--name=value` lines against a program's own list of flags. */
export function flagDifferences(rendered: readonly string[], theirs: Readonly<Record<string, string>>): string[] {
  return rendered.flatMap((flag) => {
    const [, name = "", value = ""] = /^--([^=]+)=(.*)$/.exec(flag) ?? [];
    // "colonSeparatedMultimap" and the like are said with the component that a gate belongs to.
    const said = theirs[name]?.replaceAll(/(^|,|\[)(?:kube)?:/g, "$1");
    return said !== undefined && normal(said) === normal(value) ? [] : [`--${name}: ours ${value}, theirs ${said}`];
  });
}

/** Words by which the programs say that a setting is on its way out, unknown or without effect. */
const words =
  /deprecat|will be removed|has no effect|no longer|unrecognized|unknown (field|flag)|duplicate field|lenient|strict decoding|conflicting/i;

/** What may be said all the same, with the reason. */
export const allowed: readonly { readonly says: RegExp; readonly because: string }[] = [];

/** Lines of a program's output that complain about a setting. */
export function complaints(output: string): string[] {
  return output
    .split("\n")
    .filter((line) => words.test(line) && !allowed.some(({ says }) => says.test(line)))
    .map((line) => line.trim());
}

/** Flags that the help calls deprecated or without effect. */
export function outdated(help: string, names: readonly string[]): string[] {
  const lines = help.split("\n");
  return names.flatMap((name) => {
    const at = lines.findIndex((line) => new RegExp(`^\\s+--${name}(\\s|$)`).test(line));
    // etcd's text is on the next line. What is said in a bracket of one value is not said of the flag.
    const text = at < 0 ? "" : `${lines[at]} ${help.includes("    Enable ") ? (lines[at + 1] ?? "") : ""}`;
    return /\bDEPRECATED\b|\bDeprecated in|flag is (deprecated|ignored)|has no effect|no-op/.test(text)
      ? [`--${name}: ${text.trim()}`]
      : [];
  });
}
