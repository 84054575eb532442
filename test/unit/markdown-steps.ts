/** The steps of an update from one plan on AWS to another, as an engine tells them: for the comments of previews. */
import { isDeepStrictEqual } from "node:util";
import type { Machine } from "../../components/machine/machine";
import { withArtifacts } from "../../components/plan/artifacts";
import { awsParts } from "../../components/platform/aws/parts";
import { awsPlan, wholeCluster } from "../../components/platform/aws/plan";
import type { AwsResource } from "../../components/platform/aws/resource";
import { resourceNames } from "../../components/resources";
import { binaries } from "../../config/releases";
import type { Result, Step } from "../../engine";
import { clusterOf, rawOf } from "../support/plans";
import { contentStep, localCommand, rolloutStep, step } from "./cli-fixture";

export type Cluster = ReturnType<typeof clusterOf>;

/** A stack of the repository, with other values for some of its keys. */
export function clusterWith(stack: string, change: Parameters<typeof clusterOf>[1] = {}): Cluster {
  const cluster = clusterOf(stack, { ...rawOf(stack), ...change });
  const sums = new Map(Object.keys(binaries).map((name) => [name, `sum-of-${name}`]));
  return { ...cluster, plan: withArtifacts(cluster.plan, sums) };
}

/** The same cluster with other machines: as a change of the program itself makes them. */
export function withMachines(cluster: Cluster, edit: (machine: Machine, host: string) => Machine): Cluster {
  const hosts = cluster.plan.hosts.map((host) => ({ ...host, machine: edit(host.machine, host.name) }));
  return { ...cluster, plan: { ...cluster.plan, hosts } };
}

export function stepsBetween(before: Cluster, after: Cluster): Pick<Result, "changes" | "steps"> {
  const resources = resourceSteps(before, after);
  const turns = resources
    .filter(({ op, type }) => op === "replace" && type.endsWith(":Instance"))
    .map(({ name }) => name);
  const contents = after.plan.hosts.flatMap(({ machine, name }) => {
    const old = before.plan.hosts.find((host) => host.name === name);
    if (!old) return [step("create", "command:remote:Command", `${name}-machine`)];
    const content = contentStep(name, { content: old.machine }, { content: machine });
    if (turns.includes(name)) return [{ ...content, diffs: [...content.diffs, "connection"] }];
    return isDeepStrictEqual(old.machine, machine) ? [] : [content];
  });
  const touched = [...turns, ...contents.map(({ name }) => name.replace(/-machine$/, ""))];
  const rollouts = after.plan.groups.flatMap(({ hosts, name }) => {
    const old = before.plan.groups.find((group) => group.name === name);
    return hosts.some((host) => touched.includes(host))
      ? [rolloutStep(old ? "update" : "create", name, old?.hosts)]
      : [];
  });
  const gates = rollouts.length > 0 ? [step("update", localCommand, resourceNames.gates)] : [];
  const steps = [
    ...resources,
    ...turns.flatMap((host) =>
      [host, resourceNames.turn(host)].map((name) => step("update", localCommand, name, { diffs: ["triggers"] })),
    ),
    ...contents,
    ...gates,
    ...rollouts,
  ];
  const changes: Record<string, number> = {};
  for (const { op } of steps) changes[op] = (changes[op] ?? 0) + 1;
  return { changes, steps };
}

const keyOf = ({ name, type }: AwsResource) => `${type} ${name}`;
/** What takes another instance: components/platform/aws/hosts.ts. */
const replacing = ["ami", "instanceType", "userData"];

/** Keys of a map each by itself, as providers tell them. */
function pathsOf(key: string, before: unknown, after: unknown): string[] {
  if (key !== "tags") return [key];
  const [old, now] = [before, after].map((tags) => new Map(Object.entries(tags as object)));
  const names = [...new Set([...old!.keys(), ...now!.keys()])];
  return names.filter((name) => !isDeepStrictEqual(old!.get(name), now!.get(name))).map((name) => `${key}["${name}"]`);
}

function resourceSteps(before: Cluster, after: Cluster): Step[] {
  const [old, now] = [before, after].map(({ plan, spec }) => wholeCluster(awsPlan(awsParts(spec, plan))));
  const left = new Map(old!.map((one) => [keyOf(one), one]));
  const kept = now!.map((one) => {
    const { args, name, options, type } = one;
    const was = left.get(keyOf(one));
    left.delete(keyOf(one));
    const more = { newInputs: args as never, protect: options.protect ?? false };
    if (!was) return step("create", `aws:${type}`, name, more);
    const keys = [...new Set([...Object.keys(was.args), ...Object.keys(args)])];
    const value = (of: AwsResource, key: string) => (of.args as Record<string, unknown>)[key];
    const diffs = keys.filter((key) => !isDeepStrictEqual(value(was, key), value(one, key)));
    const replaced = type === "ec2/instance:Instance" ? diffs.filter((key) => replacing.includes(key)) : [];
    const op = replaced.length > 0 ? "replace" : diffs.length > 0 ? "update" : "same";
    const paths = diffs.flatMap((key) => pathsOf(key, value(was, key), value(one, key)));
    const detailedDiff = Object.fromEntries(
      paths.map((path) => [path, replaced.includes(path) ? "update-replace" : "update"]),
    ) as Step["detailedDiff"];
    return step(op, `aws:${type}`, name, {
      ...more,
      oldInputs: was.args as never,
      diffs,
      keys: replaced,
      detailedDiff,
    });
  });
  const gone = [...left.values()].map(({ args, name, options, type }) =>
    step("delete", `aws:${type}`, name, { oldInputs: args as never, protect: options.protect ?? false }),
  );
  return [...kept, ...gone];
}
