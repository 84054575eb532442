/** Names of load balancers and target groups. */
import type { Values } from "../../../values/value";
import { failures, textAt } from "../inputs";

/** Own rule: ELBv2 API reference, CreateLoadBalancer and CreateTargetGroup, "maximum of 32 characters"; the models have no maximum. */
export const longestName = 32;
/** terraform-provider-aws elbv2/validate.go: a prefix leaves room for what is made up. */
const longestPrefix = 6;

export function nameFailures(inputs: Values) {
  const name = textAt(inputs, "name");
  const prefix = textAt(inputs, "namePrefix");
  return failures(
    [
      name !== undefined && name.length > longestName,
      "name",
      `"name" cannot be longer than ${longestName} characters: "${name}" has ${name?.length}`,
    ],
    [
      name !== undefined && !/^[0-9A-Za-z-]+$/.test(name),
      "name",
      `only alphanumeric characters and hyphens allowed in "name": "${name}"`,
    ],
    [name !== undefined && /^-|-$/.test(name), "name", `"name" cannot begin or end with a hyphen: "${name}"`],
    [name !== undefined && /^internal-/.test(name), "name", `"name" cannot begin with "internal-": "${name}"`],
    [
      prefix !== undefined && prefix.length > longestPrefix,
      "namePrefix",
      `"name_prefix" cannot be longer than ${longestPrefix} characters: "${prefix}"`,
    ],
    [name !== undefined && prefix !== undefined, "name", "conflicts with namePrefix"],
  );
}
