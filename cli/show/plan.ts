/** Prints a plan. */
import type { ClusterPlan, HostPlan } from "../../components/plan-types";
import { CliError, exitCodes } from "../errors";
import { serviceText } from "./machine-diff";
import { shortList } from "./names";
import { table } from "./table";
import { count } from "./terminal";

export function findHost(plan: ClusterPlan, name: string): HostPlan {
  const host = plan.hosts.find((one) => one.name === name);
  if (host) return host;
  throw new CliError(
    `stack ${plan.stack} has no host "${name}"; its hosts are: ${shortList(plan.hosts.map((one) => one.name))}`,
    exitCodes.badConfiguration,
  );
}

export function planText(plan: ClusterPlan, withFiles: boolean): string[] {
  const { stack, ephemeral, versions, network, shards, hosts, apiEndpoint, objects } = plan;
  const facts = [
    ["stack", `${stack}${ephemeral ? " (ephemeral: data goes with it)" : ""}`],
    ["versions", `Kubernetes ${versions.kubernetes}, etcd ${versions.etcd}`],
    ["endpoint", apiEndpoint],
    ["ranges", `hosts ${network.hosts}, services ${network.services}, pods ${network.pods}`],
    ["objects", count(objects.length, "object")],
  ];
  const shardRows = shards.map(({ name, members, resources }) => [
    name,
    members.length,
    zonesText(members.map(({ zone }) => zone)),
    resources.join(", ") || "everything else",
  ]);
  const hostRows = hosts.map(({ name, role, zone, address, group }) => [name, role, zone, address, group]);
  return [
    ...table(facts),
    "",
    ...table([["shard", "members", "zones", "resources"], ...shardRows]),
    "",
    ...table([["host", "role", "zone", "address", "group"], ...hostRows]),
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
      `${version}, sha256 ${sha256.slice(0, 16)}`,
    ]),
    ...certificates.flatMap(({ certPath, keyPath, owner, authority }) => [
      [certPath, "0644", "root:root", `certificate, signed by ${authority}`],
      [keyPath, "0400", owner, "private key, made on the host"],
    ]),
    ...Object.entries(pem).map(([path, source]) => [
      path,
      "0644",
      "root:root",
      source.kind === "authority" ? `certificate of ${source.authority}` : "public key",
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
export function hostText(host: HostPlan): string[] {
  const { machine } = host;
  const section = (title: string, lines: readonly string[]) => (lines.length > 0 ? ["", `${title}:`, ...lines] : []);
  const rows = (entries: readonly (readonly (string | number)[])[]) => table(entries, "  ");
  const units = Object.entries(machine.services).map(([unit, service]) => [
    unit,
    serviceText(service),
    [
      service.restartOn.length > 0 ? `restarts on ${service.restartOn.join(" ")}` : "",
      service.kind === "unit" && service.reloadOn.length > 0 ? `reloads on ${service.reloadOn.join(" ")}` : "",
    ]
      .filter(Boolean)
      .join("; "),
  ]);
  return [
    ...table([
      ["host", host.name],
      ["role", `${host.role}, group ${host.group}`],
      ["zone", host.zone],
      ["address", host.address],
    ]),
    ...section("units", rows(units)),
    ...section("disks", rows(host.disks.map(({ name, fs, sizeGiB, mount }) => [name, fs, `${sizeGiB} GiB`, mount]))),
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
    ...section("all files", fileList(host).slice(2)),
    ...Object.entries(machine.files)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([path, { content }]) => ["", `--- ${path}`, ...content.replace(/\n$/, "").split("\n")]),
  ];
}
