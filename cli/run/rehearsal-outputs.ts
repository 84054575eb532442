/**
 * Outputs of a stack straight from its state file. `Rehearsal.outputs` tells the same, and loads all of the engine and its
 * providers for it: half a second for every `status`, `ssh` or `kubectl`.
 */
import type { Values } from "../../engine/provider";
import { Crypter } from "../../engine/state/crypter";
import { open } from "../../engine/state/snapshot";
import { load } from "../../engine/state/store";
import { ROOT_STACK } from "../../engine/state/types";
import { plainValues, redacted } from "../../engine/values";

export function readOutputs(stateFile: string, passphrase: string | undefined, showSecrets: boolean): Values {
  const { resources, salt } = load(stateFile);
  const root = resources.find(({ type }) => type === ROOT_STACK);
  if (root === undefined) return {};
  const { outputs = {} } = open(new Crypter(passphrase, salt, stateFile), root);
  return showSecrets ? plainValues(outputs) : (redacted(outputs) as Values);
}
