/** Reads the JSON that a host's program printed. A host is not trusted: one that prints something else must not hide the others. */
import type * as z from "zod";

/** @param program as it is called, for the error */
export function readAnswer<T>(
  program: string,
  printed: string,
  wanted: z.ZodType<T>,
): { value: T } | { error: string } {
  const read = wanted.safeParse(json(printed));
  if (read.success) return { value: read.data };
  const [issue] = read.error.issues;
  const wrong = [...(issue?.path ?? []), issue?.message].join(": ");
  return { error: `\`${program}\` printed something else than expected: ${wrong}` };
}

/** Undefined where the text is none, or was cut short. */
export function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
