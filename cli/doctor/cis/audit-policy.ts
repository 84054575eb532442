/** What an audit policy makes of a request: the first rule that fits decides (https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/). */
import * as z from "zod";

const list = z.array(z.string()).default([]);
const Policy = z.object({
  rules: z.array(
    z.object({
      level: z.enum(["None", "Metadata", "Request", "RequestResponse"]),
      users: list,
      userGroups: list,
      verbs: list,
      namespaces: list,
      nonResourceURLs: list,
      resources: z.array(z.object({ group: z.string().default(""), resources: list, resourceNames: list })).default([]),
    }),
  ),
});

type Rule = z.output<typeof Policy>["rules"][number];
export type Level = Rule["level"];
export type AuditRules = readonly Rule[];

export const levels: readonly Level[] = ["None", "Metadata", "Request", "RequestResponse"];

/** @throws Error when it is no audit policy */
export const readAuditPolicy = (value: unknown): AuditRules => Policy.parse(value).rules;

/** What anybody may ask: a person or program without a rule of its own. */
export interface Asked {
  readonly verb: string;
  /** Of the API; empty for the core. */
  readonly group: string;
  /** With its subresource: "pods/exec". */
  readonly resource: string;
}

export function levelOf(rules: AuditRules, asked: Asked): Level {
  return rules.find((rule) => fits(rule, asked))?.level ?? "None";
}

function fits(rule: Rule, { verb, group, resource }: Asked): boolean {
  const any = (names: readonly string[], name: string) => names.length === 0 || names.includes(name);
  if (rule.users.length > 0 || rule.namespaces.length > 0) return false;
  if (!any(rule.userGroups, "system:authenticated") || !any(rule.verbs, verb)) return false;
  if (rule.resources.length === 0) return rule.nonResourceURLs.length === 0;
  return rule.resources.some(
    (one) =>
      one.group === group &&
      one.resourceNames.length === 0 &&
      (one.resources.length === 0 || one.resources.some((pattern) => covers(pattern, resource))),
  );
}

/** "pods" is pods alone, "pods/*" their subresources too, "*\/status" one of all, "*" everything. */
function covers(pattern: string, resource: string): boolean {
  const [name, sub] = resource.split("/");
  if (pattern === "*" || pattern === resource || pattern === `${name}/*`) return true;
  return sub !== undefined && pattern === `*/${sub}`;
}
