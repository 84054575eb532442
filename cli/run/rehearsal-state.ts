/**
 * What a state file tells, straight from it. `Rehearsal.outputs` tells the outputs too, and loads all of the engine and its
 * providers for it: half a second for every `status`, `ssh` or `kubectl`.
 */
import type { Values } from "../../engine/provider";
import { Crypter } from "../../engine/state/crypter";
import { holder } from "../../engine/state/lock";
import { open } from "../../engine/state/snapshot";
import { load } from "../../engine/state/store";
import { ROOT_STACK } from "../../engine/state/types";
import { plainValues, redacted } from "../../engine/values";
import type { OpenedState } from "./engine";
import { readRunRecord } from "./run-record";

export function readOutputs(stateFile: string, passphrase: string | undefined, showSecrets: boolean): Values {
  const { resources, salt } = load(stateFile);
  const root = resources.find(({ type }) => type === ROOT_STACK);
  if (root === undefined) return {};
  const { outputs = {} } = open(new Crypter(passphrase, salt, stateFile), root);
  return showSecrets ? plainValues(outputs) : (redacted(outputs) as Values);
}

/** As they are in the file: secrets stay encrypted. */
export function readResources(stateFile: string): ReturnType<typeof load>["resources"] {
  return load(stateFile).resources;
}

/** Also of a run that goes on, or that was killed: its journal tells how far it came. */
export function readState(stateFile: string, passphrase: string | undefined): OpenedState {
  const { resources, pending, salt } = load(stateFile);
  const crypter = new Crypter(passphrase, salt, stateFile);
  const owner = holder(stateFile);
  const record = readRunRecord(stateFile);
  const under = pending.map(({ resource, type }) => ({ urn: resource.urn, operation: type }));
  return {
    resources: resources.map((resource) => {
      const { urn, type, outputs } = open(crypter, resource);
      return { urn, type, ...(resource.delete && { delete: true }), outputs: plainValues(outputs) };
    }),
    pending: under,
    ...(owner !== undefined
      ? { unfinished: { action: owner.action, how: "running", at: owner.since, what: [] } }
      : record !== undefined
        ? { unfinished: record }
        : // A state without a record: of a run that was killed before it could write one, or imported.
          under.length > 0 && { unfinished: { action: "up", how: "killed", what: [] } }),
  };
}
