/** What the checks share: compare what hosts have with what the plan wants, and say it in few words. */
import { parse } from "yaml";
import type { HostPlan } from "../../../components/plan/types";
import { shortList } from "../../show/names";
import type { Verdict } from "../types";

/** As many lines as a reader takes in. */
const maxDetails = 8;

export function bounded(lines: readonly string[]): string[] {
  return lines.length <= maxDetails
    ? [...lines]
    : [...lines.slice(0, maxDetails), `and ${lines.length - maxDetails} more`];
}

/** Failed with the differences by host, else ok. Hosts with the same difference share a line. */
export function noneDiffers(differences: readonly (readonly [host: string, what: string])[], found: string): Verdict {
  if (differences.length === 0) return { status: "ok", found };
  const details = bounded(byWhat(differences));
  return { status: "failed", found: `${details.length === 1 ? "a setting differs" : "settings differ"}`, details };
}

export function byWhat(differences: readonly (readonly [host: string, what: string])[]): string[] {
  const groups = new Map<string, string[]>();
  for (const [host, what] of differences) groups.set(what, [...(groups.get(what) ?? []), host]);
  return [...groups].map(([what, hosts]) => `${shortList([...new Set(hosts)])}: ${what}`);
}

export const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
export const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;

/** `3..7`, or one number where they are equal. */
export function range(values: readonly number[]): string {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low === high ? String(low) : `${low}..${high}`;
}

interface StaticPod {
  readonly spec: {
    readonly containers: readonly [
      { readonly command: readonly string[]; readonly env?: readonly { name: string; value: string }[] },
    ];
  };
}

export const controlPlane = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] as const;

function manifest(host: HostPlan, component: string): StaticPod["spec"]["containers"][0] | undefined {
  const file = host.machine.files[`/etc/kubernetes/manifests/${component}.yaml`];
  return file && (parse(file.content) as StaticPod).spec.containers[0];
}

/** The arguments that the plan gives a component on a host. */
export function plannedArgs(host: HostPlan, component: string): readonly string[] {
  const file = host.machine.files[`/etc/kubernetes/${component}.flags`];
  if (file) return file.content.split("\n").filter((line) => line.startsWith("--"));
  return manifest(host, component)?.command.slice(1) ?? [];
}

/** The environment that the plan gives a component on a host. */
export function plannedEnv(host: HostPlan, component: string): Readonly<Record<string, string>> {
  const path = component === "etcd" ? "/etc/etcd/etcd.env" : `/etc/kubernetes/${component}.env`;
  const lines = host.machine.files[path]?.content.split("\n") ?? [];
  const pairs = lines.flatMap((line) => {
    const [, name, value] = /^([A-Z_]+)=(.*)$/.exec(line) ?? [];
    return name === undefined ? [] : [[name, value]];
  });
  const pod = manifest(host, component)?.env ?? [];
  return Object.fromEntries([...pairs, ...pod.map(({ name, value }) => [name, value])]) as Record<string, string>;
}

/** The value of a flag in a command line. */
export function flagIn(args: readonly string[], name: string): string | undefined {
  return args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
}
