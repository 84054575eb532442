/** How a value came about, as text. */
import { lookup } from "../lookup";
import type { Entry, Scalar } from "./book";
import { constants } from "./constants";
import type { Scale } from "./types";
import { assumptions, type Figure } from "./workload";

const shown = (value: Scalar, unit: string): string =>
  `${typeof value === "number" ? value.toLocaleString("en-US", { maximumFractionDigits: 3 }) : value}${unit ? ` ${unit}` : ""}`;

/** Paths that can be explained, sorted. */
export const explainable = (scale: Scale): string[] => Object.keys(scale.derivations).sort();

/**
 * The derivation of one value: formula, source, inputs with their own origin.
 * @throws when there is no such value; the message names the closest ones.
 */
export function explain(scale: Scale, path: string): string {
  const entry = lookup(scale.derivations, path);
  if (!entry) throw new Error(`no derived value ${path}${nearest(scale, path)}`);
  const seen = new Set<string>();
  return `${lines(scale, entry, "", 1, seen).join("\n")}\n`;
}

function nearest(scale: Scale, path: string): string {
  const last = path.split(".").at(-1)?.toLowerCase() ?? "";
  const close = explainable(scale).filter(
    (known) => known.toLowerCase().includes(last) || known.startsWith(`${path}.`),
  );
  return close.length > 0
    ? `; did you mean ${close.slice(0, 8).join(", ")}?`
    : "; `kilonode scale --json` lists them under derivations";
}

function lines(scale: Scale, entry: Entry, indent: string, depth: number, seen: Set<string>): string[] {
  seen.add(entry.path);
  const out = [
    `${indent}${entry.path} = ${shown(entry.value, entry.unit)}${entry.extrapolated ? "   (extrapolated: no published figure covers this size)" : ""}`,
    `${indent}  rule:   ${entry.formula}`,
    `${indent}  source: ${entry.source}`,
  ];
  for (const [name, value] of Object.entries(entry.inputs))
    out.push(...input(scale, name, value, `${indent}  `, depth, seen));
  return out;
}

function input(scale: Scale, name: string, value: Scalar, indent: string, depth: number, seen: Set<string>): string[] {
  const key = name.slice(name.indexOf(".") + 1);
  if (name.startsWith("workload.")) {
    const assumption = assumptions[key as Figure];
    return [
      `${indent}from ${name} = ${shown(value, assumption.unit)}   (${assumption.meaning}; default: ${assumption.fallback})`,
    ];
  }
  if (name.startsWith("constants.")) {
    const constant = constants[key as keyof typeof constants];
    return [`${indent}from ${name} = ${shown(value, constant.unit)}   (${constant.meaning}; ${constant.source})`];
  }
  const entry = scale.derivations[name];
  if (!entry) return [`${indent}from ${name} = ${shown(value, "")}   (as configured)`];
  if (seen.has(name)) return [`${indent}from ${name} = ${shown(value, entry.unit)}   (above)`];
  if (depth === 0) return [`${indent}from ${name} = ${shown(value, entry.unit)}   (derived: ${entry.formula})`];
  return lines(scale, entry, `${indent}from `, depth - 1, seen).map((line, index) =>
    index === 0 ? line : line.replace(`${indent}from `, `${indent}     `),
  );
}
