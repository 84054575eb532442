/** Asks the provider whether inputs are right, and for those that it adds (step_generator.go, `issueCheckErrors`). */

import type { Plugin } from "../provider/plugin";
import type { Run } from "../run/run";
import type { Goal } from "../state/goal";
import { plain, plainValues } from "../values/secrets";
import { hasUnknown, type Values } from "../values/value";

export async function checkInputs(
  run: Run,
  plugin: Plugin | undefined,
  goal: Goal,
  urn: string,
  old: Values | undefined,
  news: Values,
  seed: Buffer,
): Promise<Values> {
  if (plugin === undefined) return news;
  if (!run.preview && hasUnknown(plainValues(news))) {
    throw new Error(
      `an input of ${urn} is not known although the run is not a preview; the resource it comes from did not set it`,
    );
  }
  const result = await plugin.check(run.call(urn), old, news, seed);
  for (const { property, reason } of result.failures ?? []) {
    const value = property === "" ? undefined : JSON.stringify(plain(result.inputs[property] ?? null));
    const what =
      value === undefined
        ? reason
        : `property ${property} value {${value.replaceAll(/^"|"$/g, "")}} has a problem: ${reason}`;
    run.report("error", `${goal.type} resource '${goal.name}': ${what}`, urn);
  }
  if ((result.failures ?? []).length > 0) throw run.bail();
  return result.inputs;
}
