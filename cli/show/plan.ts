/** Prints a plan. */
import type { MachineService } from "../../components/machine/machine";
import { groupOf } from "../../components/plan/groups";
import type { ClusterPlan, HostPlan } from "../../components/plan/types";
import { exitCodes, UserError } from "../../config/errors";
import { shortList } from "./names";
import { table } from "./table";
import { count } from "./terminal";

export function findHost(plan: ClusterPlan, name: string): HostPlan {
  const host = plan.hosts.find((one) => one.name === name);
  if (host) return host;
  throw new UserError(
    `stack ${plan.stack} has no host "${name}"; its hosts are: ${shortList(plan.hosts.map((one) => one.name))}`,
    exitCodes.badConfiguration,
  );
}

export function planText(plan: ClusterPlan, withFiles: boolean): string[] {
  const { stack, ephemeral, releases, network, shards, hosts, groups, pools, api, objects, platform } = plan;
  const facts = [
    ["stack", `${stack}${ephemeral ? " (ephemeral: data goes with it)" : ""}`],
    ["platform", platform],
    ["releases", `Kubernetes ${releases.kubernetes}, etcd ${releases.etcd}`],
    ["endpoint", api.endpoint],
    ["ranges", `hosts ${network.hosts}, nodes ${network.nodes}, services ${network.services}, pods ${network.pods}`],
    ["objects", count(objects.length, "object")],
  ];
  const shardRows = shards.map(({ name, members, resources }) => [
    name,
    members.length,
    zonesText(members.map(({ zone }) => zone)),
    resources.join(", ") || "everything else",
  ]);
  const hostRows = hosts.map(({ name, role, zone, address }) => [name, role, zone, address, groupOf(plan, name).name]);
  const groupRows = groups.map(({ name, strategy, hosts: { length }, after, needsApi, hostTimeoutSeconds }) => [
    name,
    strategy.kind,
    length,
    [...after, ...(needsApi ? ["the API"] : [])].join(", ") || "nothing",
    `${hostTimeoutSeconds} s`,
  ]);
  const poolRows = pools.map(({ name, count: nodes, labels, taints }) => [
    name,
    nodes,
    Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(", "),
    taints.map(({ key, value, effect }) => `${key}=${value}:${effect}`).join(", "),
  ]);
  return [
    ...table(facts),
    "",
    ...table([["shard", "members", "zones", "resources"], ...shardRows]),
    "",
    ...table([["group", "strategy", "hosts", "changes after", "time a host"], ...groupRows]),
    "",
    ...table([["host", "role", "zone", "address", "group"], ...hostRows]),
    ...(pools.length > 0 ? ["", ...table([["pool", "nodes", "labels", "taints"], ...poolRows])] : []),
    ...(withFiles ? hosts.flatMap(fileList) : []),
    "",
    `${count(hosts.length, "host")}; \`kilonode plan ${stack} --host NAME\` prints all that a host holds`,
  ];
}

/** "a 3, b 2, c 2". */
function zonesText(zones: readonly string[]): string {
  return [...new Set(zones)]
    .sort()
    .map((zone) => `${zone} ${zones.filter((one) => one === zone).length}`)
    .join(", ");
}

function fileList({ name, machine, certificates, pem, secrets }: HostPlan): string[] {
  const rows = [
    ...Object.entries(machine.files).map(([path, { mode, owner, content }]) => [
      path,
      mode,
      owner,
      count(content.split("\n").length, "line"),
    ]),
    ...Object.entries(machine.binaries).map(([path, { version, sha256 }]) => [
      path,
      "0755",
      "root:root",
      sha256 === undefined ? `${version}, not built here` : `${version}, sha256 ${sha256.slice(0, 16)}`,
    ]),
    ...certificates.flatMap(({ certPath, keyPath, owner, authority }) => [
      [certPath, "0644", "root:root", `certificate, signed by ${authority}`],
      [keyPath, "0400", owner, "private key, made on the host"],
    ]),
    ...Object.entries(pem).map(([path, source]) => [
      path,
      "0644",
      "root:root",
      source.kind === "authorities" ? `trusts ${source.authorities.join(", ")}` : "public keys",
    ]),
    ...Object.entries(secrets).map(([path, { secret, mode, owner }]) => [path, mode, owner, `secret: ${secret}`]),
  ];
  return [
    "",
    name,
    ...table(
      rows.sort(([a = ""], [b = ""]) => (a < b ? -1 : 1)),
      "  ",
    ),
  ];
}

/** Everything on one host, each file with its text. */
export function hostText(plan: ClusterPlan, host: HostPlan): string[] {
  const { machine } = host;
  const section = (title: string, lines: readonly string[]) => (lines.length > 0 ? ["", `${title}:`, ...lines] : []);
  const rows = (entries: readonly (readonly (string | number)[])[]) => table(entries, "  ");
  return [
    ...table([
      ["host", host.name],
      ["role", `${host.role}, group ${groupOf(plan, host.name).name}`],
      ["zone", host.zone],
      ["address", host.address],
    ]),
    ...section("services", rows(Object.entries(machine.services).map(([name, service]) => serviceRow(name, service)))),
    ...section(
      "volumes",
      rows(machine.volumes.map(({ name, fs, sizeGiB, mount, device }) => [name, fs, `${sizeGiB} GiB`, mount, device])),
    ),
    ...section("users", rows(Object.entries(machine.users).map(([name, { home }]) => [name, home]))),
    ...section(
      "directories",
      rows(Object.entries(machine.directories).map(([path, { mode, owner }]) => [path, mode, owner])),
    ),
    ...section(
      "sysctls",
      rows(
        Object.entries(machine.sysctls).map(([key, { value, floor }]) => [key, floor ? `at least ${value}` : value]),
      ),
    ),
    ...section(
      "kernel modules",
      machine.modules.map((name) => `  ${name}`),
    ),
    ...section(
      "traffic classes",
      rows((machine.traffic?.classes ?? []).map(({ name, band, ports }) => [name, `band ${band}`, ports.join(", ")])),
    ),
    ...section(
      "firewall",
      rows((machine.firewall?.allowed ?? []).map(({ name, port, from }) => [`port ${port}`, name, from.join(", ")])),
    ),
    ...section("all files", fileList(host).slice(2)),
    ...Object.entries(machine.files)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([path, { content }]) => ["", `--- ${path}`, ...content.replace(/\n$/, "").split("\n")]),
  ];
}

function serviceRow(name: string, service: MachineService): string[] {
  const unit = service.kind === "unit" ? service : undefined;
  const kind = unit
    ? `${unit.enabled ? "enabled" : "disabled"}, ${unit.running ? "running" : "stopped"}`
    : "static pod";
  const why = [
    service.restartOn.length > 0 ? `restarts on ${service.restartOn.join(" ")}` : "",
    unit && unit.reloadOn.length > 0 ? `reloads on ${unit.reloadOn.join(" ")}` : "",
  ];
  return [name, kind, why.filter(Boolean).join("; ")];
}
