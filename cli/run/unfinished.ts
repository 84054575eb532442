/** A run that has not come to its end. */
export interface Unfinished {
  readonly action: string;
  /** `killed`: it ended without a word. */
  readonly how: "failed" | "interrupted" | "killed" | "running";
  /** When it ended; of a run that goes on or was killed, when it began. ISO 8601. */
  readonly at?: string;
  /** What failed, as far as it said so. */
  readonly what: readonly { readonly resource?: string; readonly message: string }[];
}
