/** What a rule may know of the stack beside its resources: what its file says. */

export interface Stack {
  readonly name: string;
  /** Its data may go with it. */
  readonly ephemeral: boolean;
  /** That it has to carry; undefined where its file does not say. */
  readonly nodes: number | undefined;
  /** A shard of more than seven voters is meant. */
  readonly moreThanSevenVoters: boolean;
}

/** Keys of the stack's file below `kilonode:`. */
export interface StackFile {
  readonly platform: string | undefined;
  readonly ephemeral: boolean | undefined;
  readonly workload: unknown;
  readonly etcd: unknown;
}

export function stackOf(name: string, { ephemeral, etcd, platform, workload }: StackFile): Stack {
  const { nodes } = (workload ?? {}) as { nodes?: number };
  const { allowMoreThanSevenVoters = false } = (etcd ?? {}) as { allowMoreThanSevenVoters?: boolean };
  // A lab is made to be thrown away, unless its file says otherwise.
  return { name, ephemeral: ephemeral ?? platform === "lab", nodes, moreThanSevenVoters: allowMoreThanSevenVoters };
}
