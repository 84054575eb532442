/** Reads what is sent to a host program on its stdin (components/host/delivery.ts), for a display of its lines. */
import { inflateSync } from "node:zlib";
import { readMachineInput } from "../../components/host/delivery";
import type { Machine } from "../../components/machine/machine";
import { UNKNOWN } from "../../engine";

/** A host's whole content; undefined when it is not known yet. */
export function readMachine(stdin: unknown): Machine | undefined {
  const sent = parsed(stdin);
  return isObject(sent) && isObject(sent.files) && isObject(sent.services) ? (sent as unknown as Machine) : undefined;
}

/** The programs that a host gets, one below the other: they are sent compressed. */
export function programLines(stdin: unknown): string | undefined {
  const sent = parsed(stdin);
  if (!isObject(sent) || typeof sent.programs !== "string") return undefined;
  const programs = parsed(inflateSync(Buffer.from(sent.programs, "base64")).toString("utf8"));
  return isObject(programs) ? Object.values(programs).join("\n") : undefined;
}

function parsed(stdin: unknown): unknown {
  if (typeof stdin !== "string" || stdin === UNKNOWN) return undefined;
  try {
    return readMachineInput(stdin);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
