/** Many names in few words: lab-etcd-main-1..7, lab-master-{1..11}-keys. */
export function shortList(names: readonly string[]): string {
  const groups = new Map<string, { prefix: string; suffix: string; numbers: number[] }>();
  for (const name of names) {
    const [, prefix = name, number, suffix = ""] = /^(.*-)(\d+)(-\D*|)$/.exec(name) ?? [];
    const key = `${prefix}\0${suffix}\0${number === undefined}`;
    const group = groups.get(key) ?? { prefix, suffix, numbers: [] };
    if (number !== undefined) group.numbers.push(Number(number));
    groups.set(key, group);
  }
  return [...groups.values()]
    .map(({ prefix, suffix, numbers }) => {
      const [first, ...rest] = ranges(numbers);
      if (first === undefined) return prefix;
      if (suffix !== "" && (rest.length > 0 || first.includes("..")))
        return `${prefix}{${[first, ...rest].join(",")}}${suffix}`;
      return `${prefix}${[first, ...rest].join(",")}${suffix}`;
    })
    .join(", ");
}

function ranges(numbers: readonly number[]): string[] {
  const sorted = [...new Set(numbers)].sort((a, b) => a - b);
  const found: [number, number][] = [];
  for (const number of sorted) {
    const last = found.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else found.push([number, number]);
  }
  return found.flatMap(([from, to]) =>
    to - from >= 2 ? [`${from}..${to}`] : from === to ? [`${from}`] : [`${from}`, `${to}`],
  );
}

/** What texts of several have in common. Whole names only: a-master-1 is no part of a-master-11, nor 10.0.0.1 of 10.0.0.12. */
export function withoutNames(text: string, names: readonly string[]): string {
  return names.reduce(
    (left, name) =>
      left.replaceAll(new RegExp(`(?<![\\w.-])${name.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?!\\d)`, "g"), "\0"),
    text,
  );
}
