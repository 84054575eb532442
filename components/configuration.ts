/** The raw values under `kilonode:` of the stack's file, as the engine hands them to the program. */
import * as pulumi from "@pulumi/pulumi";

export function rawConfiguration(): Record<string, unknown> {
  const prefix = "kilonode:";
  return Object.fromEntries(
    Object.entries(pulumi.runtime.allConfig())
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, text]) => [key.slice(prefix.length), parsed(text)]),
  );
}

/** The engine passes objects, numbers and booleans as JSON text, strings as they are. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
