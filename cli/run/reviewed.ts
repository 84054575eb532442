/**
 * A preview that was reviewed, kept as the sums of what it would do. An update that is held to it makes the preview once more and refuses
 * when another one comes out: since then the world, the code or the configuration has moved. Pulumi's own update plans are experimental,
 * and no other engine has them (https://www.pulumi.com/docs/iac/concepts/update-plans/).
 */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { exitCodes, UserError } from "../../config/errors";
import { type Result, type Step, urnName, type Values } from "../../engine";
import { shortList } from "../show/names";
import { kindOf } from "../show/preview";
import { engineNames, type StackEngine } from "./engine";

const reviewedSchema = z.strictObject({
  stack: z.string(),
  engine: z.enum(engineNames),
  /** Machines that the preview would make bear it, and those that the update makes: see PreparationRun. */
  newIncarnation: z.string().regex(/^[0-9a-f]{8}$/),
  /** URN to what is done with the resource, and the sum of all that the engine tells of it; without secrets, which it does not tell. */
  changes: z.record(z.string(), z.strictObject({ op: z.string(), sha256: z.string() })),
});
export type Reviewed = z.infer<typeof reviewedSchema>;
type Changes = Reviewed["changes"];

export function changesOf(steps: Result["steps"]): Changes {
  const byUrn = new Map<string, Step[]>();
  for (const step of steps) {
    if (step.internal || !step.custom || step.op === "same" || step.op === "read") continue;
    byUrn.set(step.urn, [...(byUrn.get(step.urn) ?? []), step]);
  }
  const entries = [...byUrn].map(([urn, all]) => {
    const told = all
      .map(({ op, oldId, oldInputs, newInputs }) => canonical({ op, oldId, oldInputs, newInputs: asGiven(newInputs) }))
      .sort();
    // A replacement is three steps, of which the middle one has its name.
    const op = (all.find((step) => step.op === "replace") ?? all[0])?.op ?? "";
    return [urn, { op, sha256: createHash("sha256").update(told.join("\n")).digest("hex") }] as const;
  });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Without what a provider fills in by itself, which it notes (the Terraform bridge's `__defaults`): names that it makes up are others in each
 * preview (https://github.com/pulumi/pulumi/issues/10120).
 */
function asGiven(inputs: Values | undefined): Values | undefined {
  const { __defaults: filled } = inputs ?? {};
  if (!inputs || !Array.isArray(filled)) return inputs;
  return Object.fromEntries(Object.entries(inputs).filter(([key]) => !filled.includes(key)));
}

/** JSON with the keys of each object in order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner !== null && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** What else would be done than was reviewed: a line for all resources of a kind with which it is the same. */
export function differences(reviewed: Changes, now: Changes): string[] {
  const groups = new Map<string, { readonly kind: string; readonly what: string; readonly names: string[] }>();
  for (const urn of [...new Set([...Object.keys(reviewed), ...Object.keys(now)])].sort()) {
    const what = difference(reviewed[urn], now[urn]);
    if (what === undefined) continue;
    const name = urnName(urn);
    // Below its parents' types.
    const kind = kindOf({ type: urn.split("::")[2]?.split("$").at(-1) ?? "", name });
    const key = `${kind} ${what}`;
    groups.set(key, { kind, what, names: [...(groups.get(key)?.names ?? []), name] });
  }
  return [...groups.values()].map(({ kind, names, what }) => `${kind} ${shortList(names)}: ${what}`);
}

function difference(before: Changes[string] | undefined, after: Changes[string] | undefined): string | undefined {
  if (!before) return after && `${after.op}, which was not reviewed`;
  if (!after) return `${before.op} was reviewed, and nothing is to be done any more`;
  if (before.op !== after.op) return `${before.op} was reviewed, and now it is ${after.op}`;
  return before.sha256 === after.sha256 ? undefined : `${after.op} with other values than reviewed`;
}

/** Of all that is reviewed together: what an approval names. */
export function digestOf({ changes, engine, newIncarnation, stack }: Reviewed): string {
  return createHash("sha256").update(canonical({ changes, engine, newIncarnation, stack })).digest("hex");
}

/** For the machines of one preview, and of the update that is held to it. */
export function chooseIncarnation(chosen: string = randomBytes(4).toString("hex")): string {
  process.env.KILONODE_INCARNATION = chosen;
  return chosen;
}

export function writeReviewed(file: string, reviewed: Reviewed): void {
  try {
    writeFileSync(file, `${JSON.stringify(reviewed, null, 2)}\n`);
  } catch (error) {
    throw new UserError(`--save ${file}: cannot be written (${(error as Error).message}); name another file`);
  }
}

export function readReviewed(file: string): Reviewed {
  const refused = (why: string) =>
    new UserError(
      `--reviewed ${file}: ${why}; name a file that \`kilonode preview <stack> --save FILE\` has written. Nothing was touched`,
      exitCodes.badConfiguration,
    );
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw refused(`cannot be read (${(error as Error).message})`);
  }
  try {
    return reviewedSchema.parse(JSON.parse(text));
  } catch (error) {
    throw refused(error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message);
  }
}

/** @param engine of the stack that is to be updated, opened to look only */
export async function refuseUnreviewed(
  reviewed: Reviewed,
  stack: string,
  engine: StackEngine,
  say: (line: string) => void,
): Promise<void> {
  const other = [
    ...(reviewed.stack === stack ? [] : [`it is of stack ${reviewed.stack}, not of ${stack}`]),
    ...(reviewed.engine === engine.name
      ? []
      : [`it was made with the ${reviewed.engine} engine, and this is ${engine.name}`]),
  ];
  if (other.length > 0)
    throw new UserError("this is not what was reviewed; nothing was touched", exitCodes.badConfiguration, other);
  const { signal } = new AbortController();
  const { diagnostics, result, steps } = await engine.run("preview", { onEvent: () => undefined, signal });
  const again = `preview and review it again: \`kilonode preview ${stack} --save FILE\``;
  if (result !== "succeeded") {
    const errors = diagnostics.filter(({ severity }) => severity === "error").map(({ message }) => message);
    const headline = "what was reviewed cannot be previewed any more; nothing was touched";
    throw new UserError(headline, exitCodes.badConfiguration, [...errors, again]);
  }
  const found = differences(reviewed.changes, changesOf(steps));
  if (found.length > 0) {
    const headline = "the update would do something else than was reviewed; nothing was touched";
    throw new UserError(headline, exitCodes.badConfiguration, [...found, again]);
  }
  say(`as reviewed: ${digestOf(reviewed)}`);
}
