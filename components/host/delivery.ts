/**
 * How a host program and its input reach a host: one JSON document on stdin. A preview compares JSON by its values and long
 * texts by their lines, so a change of one line of one file shows as that line.
 */
import { hostText } from "../machine/host-files";

const loader = hostText("/usr/local/lib/kilonode/deliver")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .join("\n");

/** The command that takes {@link deliveryInput} on stdin. Values of `environment` only make the command another one. */
export function deliveryCommand(
  programPath: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): string {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value} `);
  return `${variables.join("")}python3 -IS -c '${loader}' ${[programPath, ...args].join(" ")}`;
}

export function deliveryInput(programPath: string, content: unknown): string {
  return JSON.stringify({ content, program: hostText(programPath) }, sortedKeys, 1);
}

function sortedKeys(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
