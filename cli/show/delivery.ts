/** Reads what is sent to a host program on its stdin (components/host/delivery.ts): the program itself and its input. */
import { UNKNOWN } from "../../engine/provider";

export interface Delivery {
  readonly content: unknown;
  readonly program: string;
}

export function readDelivery(stdin: unknown): Delivery | undefined {
  if (typeof stdin !== "string" || stdin === UNKNOWN) return undefined;
  try {
    const sent = JSON.parse(stdin) as Partial<Delivery> | null;
    return typeof sent?.program === "string" && "content" in sent ? (sent as Delivery) : undefined;
  } catch {
    return undefined;
  }
}

/** As lines, so that a change of one of them shows as that one; as JSON a program is one long line. */
export function deliveryLines({ content, program }: Delivery): string {
  return `${JSON.stringify(content, null, 1)}\n${program}`;
}
