/** A small cluster's plan and steps of an engine, for the tests of the command. */

import { deflateSync } from "node:zlib";
import type { Machine } from "../../components/machine/machine";
import type { ClusterPlan } from "../../components/plan/types";
import { type Op, type Step, UNKNOWN } from "../../engine";

import { clusterOf } from "../support/plans";

export const smallConfiguration = {
  platform: "lab",
  lab: { simulatedNodes: 5 },
  workload: { nodes: 5, pods: 500 },
  network: { hosts: "198.18.16.0/20" },
  masters: { count: 3 },
  etcd: {
    shards: {
      main: { members: 3 },
      events: { members: 1, resources: ["/events"] },
      leases: { members: 1, resources: ["coordination.k8s.io/leases"] },
    },
  },
};

export function smallPlan(): ClusterPlan {
  return clusterOf("lab-small", smallConfiguration).plan;
}

export function step(op: Op, type: string, name: string, more: Partial<Step> = {}): Step {
  return {
    op,
    urn: `urn:pulumi:lab-small::kilonode::${type}::${name}`,
    type,
    name,
    custom: true,
    internal: false,
    parent: undefined,
    provider: undefined,
    protect: false,
    oldId: undefined,
    newId: undefined,
    oldInputs: undefined,
    newInputs: undefined,
    oldOutputs: undefined,
    newOutputs: undefined,
    detailedDiff: undefined,
    diffs: [],
    keys: [],
    status: "done",
    error: undefined,
    startedAt: 0,
    durationMs: 0,
    ...more,
  };
}

export const remoteCommand = "command:remote:Command";
export const localCommand = "command:local:Command";

interface Sent {
  readonly content: unknown;
  /** Its sum. */
  readonly program?: string;
  readonly generation?: number;
  readonly secrets?: string;
}

function inputs({ content, program = "0123456789ab", generation = 0, secrets }: Sent) {
  return {
    create: `${secrets ? `SECRETS=${secrets} ` : ""}PROGRAM=${program} /usr/local/sbin/machine-apply stage --generation ${generation}`,
    stdin: JSON.stringify(content, null, 1),
  };
}

/** An update of a host's content. `after` undefined: not known in the preview. */
export function contentStep(host: string, before: Sent, after: Sent | undefined): Step {
  const [oldInputs, newInputs] = [inputs(before), after ? inputs(after) : { ...inputs(before), stdin: UNKNOWN }];
  const diffs = (["create", "stdin"] as const).filter((key) => oldInputs[key] !== newInputs[key]);
  return step("update", remoteCommand, `${host}-machine`, { oldInputs, newInputs, diffs });
}

/** An update of the programs of a host. */
export function programsStep(host: string, before: string, after: string): Step {
  const [oldInputs, newInputs] = [before, after].map((text) => ({
    stdin: JSON.stringify({
      programs: deflateSync(JSON.stringify({ "/usr/local/sbin/machine-apply": text })).toString("base64"),
    }),
  }));
  return step("update", remoteCommand, `${host}-programs`, { oldInputs, newInputs, diffs: ["stdin"] });
}

export function rolloutStep(op: Op, group: string, hosts: readonly string[] | undefined): Step {
  const document = JSON.stringify({ group, hosts: hosts?.map((name) => ({ name })) });
  const [oldInputs, newInputs] = [document, UNKNOWN].map((value) => ({ environment: { KILONODE_ROLLOUT: value } }));
  return step(op, localCommand, `${group}-rollout`, {
    oldInputs: hosts && oldInputs,
    newInputs,
    diffs: ["environment.KILONODE_ROLLOUT"],
  });
}

/** The machine with one file's text changed. */
export function withFile(machine: Machine, path: string, edit: (text: string) => string): Machine {
  const file = machine.files[path];
  if (!file) throw new Error(`no file ${path}`);
  return { ...machine, files: { ...machine.files, [path]: { ...file, content: edit(file.content) } } };
}
