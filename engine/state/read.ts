/** What a state tells, straight from its file: quick, for commands that only ask. Nothing of the rest of the engine is loaded. */
import { plainValues, redacted } from "../values/secrets";
import type { Values } from "../values/value";
import { Crypter } from "./crypter";
import { holder, type Owner } from "./lock";
import { open } from "./snapshot";
import { load } from "./store";
import { type Deployment, type PendingOperation, type ResourceState, ROOT_STACK } from "./types";

/** A resource with its secrets in clear: for use in memory alone. */
export interface OpenedResource extends Pick<ResourceState, "urn" | "type" | "delete"> {
  readonly outputs: Values;
}

export interface OpenedState {
  readonly resources: readonly OpenedResource[];
  /** What a run was at when it was killed, or what it is at now. */
  readonly pending: readonly { readonly urn: string; readonly operation: PendingOperation["type"] }[];
}

/** Outputs of the stack as the last run left them. */
export function readOutputs(stateFile: string, passphrase: string | undefined, showSecrets: boolean): Values {
  const { resources, salt } = load(stateFile);
  const root = resources.find(({ type }) => type === ROOT_STACK);
  if (root === undefined) return {};
  const { outputs = {} } = open(new Crypter(passphrase, salt, stateFile), root);
  return showSecrets ? plainValues(outputs) : (redacted(outputs) as Values);
}

/** Also of a run that goes on, or that was killed: its journal tells how far it came. `owner`: who works on it now. */
export function readState(stateFile: string, passphrase: string | undefined): OpenedState & { readonly owner?: Owner } {
  const { resources, pending, salt } = load(stateFile);
  const owner = holder(stateFile);
  return { ...opened(resources, pending, new Crypter(passphrase, salt, stateFile)), ...(owner && { owner }) };
}

/** Resources as they stand in the file: secrets stay encrypted, and no passphrase is needed. */
export function readResources(stateFile: string): readonly ResourceState[] {
  return load(stateFile).resources;
}

/** The same of a deployment whose secrets come in clear (`pulumi stack export --show-secrets`). */
export function openDeployment({ resources = [], pending_operations = [] }: Partial<Deployment>): OpenedState {
  return opened(resources, pending_operations, new Crypter(undefined, undefined, "the exported state"));
}

function opened(
  resources: readonly ResourceState[],
  pending: readonly PendingOperation[],
  crypter: Crypter,
): OpenedState {
  return {
    resources: resources.map((resource) => {
      const { urn, type, outputs } = open(crypter, resource);
      return { urn, type, ...(resource.delete && { delete: true }), outputs: plainValues(outputs) };
    }),
    pending: pending.map(({ resource, type }) => ({ urn: resource.urn, operation: type })),
  };
}
