/** Rules as policies of Pulumi's. */
import type { Policies, PolicyResource, ResourceValidationArgs } from "@pulumi/policy";
import { type Resource, unknown } from "./resource";
import { messageOf, type Rule } from "./rule";
import { type Severities, severityOf } from "./severities";
import type { Stack } from "./stack";

export function policies(rules: readonly Rule[], stack: Stack, severities: Severities): Policies {
  // The rest is not for a pack to see: steps.ts.
  const seen = rules.filter((rule) => rule.kind !== "step");
  return seen.map((rule) => {
    const described = {
      name: rule.name,
      description: rule.asks,
      enforcementLevel: severityOf(rule, severities),
      remediationSteps: rule.remedy,
    };
    if (rule.kind === "resource")
      return {
        ...described,
        validateResource: (args: ResourceValidationArgs, report: Report) => {
          if (!rule.of.test(args.type)) return;
          for (const problem of rule.judge(resourceOf(args), stack)) report(messageOf(rule, problem));
        },
      };
    return {
      ...described,
      validateStack: ({ resources }: { readonly resources: PolicyResource[] }, report: Report) => {
        for (const { problem, urn } of rule.judge(resources.map(resourceOf), stack))
          report(messageOf(rule, problem), urn);
      },
    };
  });
}

type Report = (message: string, urn?: string) => void;

type Shown = Pick<PolicyResource, "type" | "name" | "urn" | "props" | "opts"> &
  Partial<Pick<PolicyResource, "propertyDependencies">>;

function resourceOf({ name, opts, propertyDependencies = {}, props, type, urn }: Shown): Resource {
  return {
    type,
    name,
    urn,
    props: plain(props) as Resource["props"],
    protect: opts.protect,
    madeFrom: Object.fromEntries(
      Object.entries(propertyDependencies).map(([property, resources]) => [property, resources.map((one) => one.urn)]),
    ),
  };
}

/** The SDK throws as soon as a value is touched that is not known yet, and leaves out the rule. */
function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return Array.from({ length: value.length }, (_, index) => known(value, index));
  return Object.fromEntries(Object.keys(value).map((key) => [key, known(value, key)]));
}

function known(of: object, key: string | number): unknown {
  try {
    return plain(Reflect.get(of, key));
  } catch (error) {
    if (error instanceof Error && "unknownTypeSentinel" in error) return unknown;
    throw error;
  }
}
