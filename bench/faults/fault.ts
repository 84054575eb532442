/** What a fault is: something that is done to the hosts of a lab, and undone. */
import type { Lab } from "../lib/lab";

export interface Fault {
  readonly name: string;
  readonly what: string;
  /** How long it lasts. */
  readonly seconds: number;
  /** The cluster serves all the while; otherwise it must be back when the fault has gone. */
  readonly ridesThrough: boolean;
  /** Chooses whom it hits, and makes what must be there before, without harm. */
  aim(lab: Lab): Promise<Aimed>;
}

export interface Aimed {
  /** In a few words: which host, for instance. */
  readonly hit: string;
  inject(): Promise<unknown>;
  /** Undoes it, with what an operator would do where the cluster cannot by itself. Also after half an injection. */
  heal(): Promise<unknown>;
}
