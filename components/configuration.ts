/** The raw values under `kilonode:` of the stack's file, as the engine hands them to the program: each a text. */
import * as pulumi from "@pulumi/pulumi";

export function rawConfiguration(): Record<string, string> {
  const prefix = "kilonode:";
  return Object.fromEntries(
    Object.entries(pulumi.runtime.allConfig())
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, text]) => [key.slice(prefix.length), text]),
  );
}
