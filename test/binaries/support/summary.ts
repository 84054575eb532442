/** The line that ends a run: what was given to the binaries and accepted. */

/** Flags and files that one binary took at one size. */
export interface Checked {
  /** The binary with its version: "kube-apiserver 1.37.2". */
  readonly binary: string;
  readonly nodes: number;
  /** Names of flags (etcd's environment variables count as its flags). */
  readonly flags?: readonly string[];
  /** Paths on the host, or another name where the plan gives none. */
  readonly files?: readonly string[];
}

export function summaryOf(all: readonly Checked[], missing: readonly string[]): string {
  // The same thing given twice to one binary at one size counts once.
  const given = new Set<string>();
  const different = new Set<string>();
  for (const { binary, nodes, flags = [], files = [] } of all) {
    for (const [kind, names] of [["flag", flags] as const, ["file", files] as const]) {
      for (const name of names) {
        given.add(`${kind}|${binary}|${nodes}|${name}`);
        // "main/quota-backend-bytes" and "events/quota-backend-bytes" are one flag, given twice.
        different.add(`${kind}|${binary}|${name.replace(/^[a-z]+[:/](?=[a-z/])/, "")}`);
      }
    }
  }
  const count = (set: ReadonlySet<string>, kind: string) => [...set].filter((key) => key.startsWith(kind)).length;
  const part = (kind: string) => `${count(given, kind)} ${kind}s (${count(different, kind)} different)`;
  const sizes = [...new Set(all.map(({ nodes }) => nodes))].sort((a, b) => a - b);
  const binaries = [...new Set(all.map(({ binary }) => binary))].sort();
  return [
    `binaries: ${part("flag")} and ${part("file")} accepted at ${sizes.length} sizes (${sizes.join(", ")} nodes)`,
    `by ${binaries.join(", ") || "none"}`,
    ...(missing.length > 0 ? [`not at hand: ${missing.join(", ")}`] : []),
  ].join("; ");
}
