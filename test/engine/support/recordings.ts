/** The recordings of the real engine (test/engine/conformance/README.md) and the normal form in which they are kept. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Deployment, Values } from "../../../engine";
import { Crypter } from "../../../engine/state/crypter";
import { open } from "../../../engine/state/snapshot";

export const CONFORMANCE = path.resolve(import.meta.dirname, "../conformance");
/** That of all recorded states. */
export const PASSPHRASE = "rehearsal";
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

export interface StepInput {
  title: string;
  action: "preview" | "up" | "destroy" | "destroy-preview";
  args?: string[];
  config?: Record<string, string>;
  secretConfig?: Record<string, string>;
  env?: Record<string, string>;
  files?: string[];
}

export interface OpEvent {
  event: "pre" | "done" | "failed";
  op: string;
  urn: string;
  oldId?: string;
  newId?: string;
  inputs?: Values;
  outputs?: Values;
}

export interface Violation {
  resourceUrn: string;
  message: string;
  policyName: string;
  policyPackName: string;
  policyPackVersion: string;
  enforcementLevel: string;
}

/** What a step did, as recorded of the real engine or seen of ours. */
export interface Outcome {
  exit: number;
  ops: OpEvent[];
  summary: { resourceChanges: Record<string, number> };
  diagnostics: { severity: string; urn?: string; message: string }[];
  policy: Violation[];
  effects: string[];
  files?: Record<string, string | null>;
}

export interface Resource {
  urn: string;
  id?: string;
  parent?: string;
  provider?: string;
  dependencies?: string[];
  propertyDependencies?: Record<string, string[]>;
  [field: string]: unknown;
}

export function programs(): string[] {
  return readdirSync(CONFORMANCE, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

function readJson<T>(...parts: string[]): T | undefined {
  const file = path.join(CONFORMANCE, ...parts);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as T) : undefined;
}

export function stepsOf(program: string): StepInput[] {
  return readJson<{ steps: StepInput[] }>(program, "steps.json")?.steps ?? [];
}

export function stepName(index: number, { action }: StepInput): string {
  return `${String(index + 1).padStart(2, "0")}-${action}`;
}

export function recordedOutcome(program: string, step: string): Outcome {
  return readJson<Outcome>(program, "recorded", `${step}.ops.json`) as Outcome;
}

/** Undefined for previews: the state is that of the step before. */
export function recordedState(program: string, step: string): Resource[] | undefined {
  const file = readJson<{ deployment: { resources?: Resource[] } }>(program, "recorded", `${step}.state.json`);
  return file && (file.deployment.resources ?? []);
}

/** The state with its secrets in clear, of the few steps for which it was recorded. */
export function recordedOpened(program: string, step: string): Resource[] | undefined {
  const file = readJson<{ deployment: Deployment }>(program, "recorded", `${step}.decrypted.json`);
  return file && openedResources({ resources: file.deployment.resources ?? [] });
}

/** Secrets stay marked, those within secrets too. */
export function openedResources({ resources = [], secrets_providers: secrets }: Partial<Deployment>): Resource[] {
  const crypter = new Crypter(PASSPHRASE, secrets?.state?.salt, "the state");
  return resources.map((resource) => open(crypter, resource)) as unknown as Resource[];
}

/** Which URNs a URN needs, directly or not, over all recorded states of the program. */
export function relationsOf(program: string): Map<string, Set<string>> {
  const relations = new Map<string, Set<string>>();
  for (const [i, step] of stepsOf(program).entries()) {
    for (const resource of recordedState(program, stepName(i, step)) ?? []) {
      const needs = relations.get(resource.urn) ?? new Set();
      relations.set(resource.urn, needs);
      for (const urn of resource.dependencies ?? []) needs.add(urn);
      for (const urns of Object.values(resource.propertyDependencies ?? {})) for (const urn of urns) needs.add(urn);
      if (resource.parent) needs.add(resource.parent);
      if (resource.provider) needs.add(resource.provider.slice(0, resource.provider.lastIndexOf("::")));
    }
  }
  // Sets grow while they are walked, which makes the relation transitive.
  for (const needs of relations.values())
    for (const urn of needs) for (const far of relations.get(urn) ?? []) needs.add(far);
  return relations;
}

/** Rearranges events of unrelated resources, whose order the engine does not fix, into the one order of the recordings. */
export function normalOrder(
  events: readonly OpEvent[],
  relations: ReadonlyMap<string, ReadonlySet<string>>,
): OpEvent[] {
  const related = (a: string, b: string): boolean =>
    a === b ||
    !relations.has(a) ||
    !relations.has(b) ||
    relations.get(a)?.has(b) === true ||
    relations.get(b)?.has(a) === true;
  const closing = (event: OpEvent, later: readonly OpEvent[]): boolean =>
    event.event === "done" &&
    isComponent(event.urn, events) &&
    !later.some((other) => other.urn === event.urn && other.event === "pre");
  const rest = [...events];
  const result: OpEvent[] = [];
  while (rest.length > 0) {
    const free = rest.filter((event, i) =>
      rest.slice(0, i).every((earlier) => {
        if (earlier.urn === event.urn) return false;
        if (closing(event, rest.slice(i + 1)) || closing(earlier, rest)) return true;
        return !related(earlier.urn, event.urn);
      }),
    );
    const next = free.reduce((least, event) => (event.urn < least.urn ? event : least));
    rest.splice(rest.indexOf(next), 1);
    result.push(next);
  }
  return result;
}

/** Components have no id in any of their events. */
function isComponent(urn: string, events: readonly OpEvent[]): boolean {
  const type = urn.split("::", 3)[2]?.split("$").at(-1) ?? "";
  return (
    !type.startsWith("command:") &&
    !type.startsWith("pulumi:providers:") &&
    !type.startsWith("pulumi-nodejs:") &&
    events.length > 0
  );
}

/** Replaces what differs between runs, in any JSON. */
export function normalise<T>(value: T, replace: ReadonlyMap<string, string>): T {
  const walk = (item: unknown, key: string): unknown => {
    if (typeof item === "string") {
      if (key === "__provider") return "<__provider>";
      if (key === "created" || key === "modified") return "<time>";
      return replace.get(item) ?? withReferences(item, replace);
    }
    if (typeof item === "number") return replace.get(String(item)) ?? item;
    if (Array.isArray(item)) return item.map((entry) => walk(entry, key === "dependencies" ? key : ""));
    if (typeof item !== "object" || item === null) return item;
    const object = item as Record<string, unknown>;
    if (object[SIGNATURE] === SECRET && "ciphertext" in object)
      return { [SIGNATURE]: SECRET, ciphertext: "<ciphertext>" };
    return Object.fromEntries(Object.entries(object).map(([name, entry]) => [name, walk(entry, name)]));
  };
  return walk(value, "") as T;
}

/** A provider reference ends with the provider's id. */
function withReferences(text: string, replace: ReadonlyMap<string, string>): string {
  const at = text.lastIndexOf("::");
  const id = at < 0 ? undefined : replace.get(text.slice(at + 2));
  return id === undefined ? text : `${text.slice(0, at)}::${id}`;
}
