/** An answer of one of the APIs beside the provider, as HTTP has it. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}
