/** The table of contents of `kilonode etcd`: what an operator does to the shards. */
import type { Command } from "commander";
import type { CommandModule } from "../command-module";

const table: readonly (readonly [name: string, summary: string, load: () => CommandModule])[] = [
  ["backups", "list the snapshots that are kept of each shard", () => require("./etcd/backups") as CommandModule],
  ["backup", "take a snapshot of each shard now", () => require("./etcd/backup") as CommandModule],
  [
    "drill",
    "restore the latest snapshots beside the cluster, and compare",
    () => require("./etcd/drill") as CommandModule,
  ],
  ["retain", "forget snapshots that are too old", () => require("./etcd/retain") as CommandModule],
  ["restore", "a shard goes back to one of its snapshots", () => require("./etcd/restore") as CommandModule],
  ["clone", "an ephemeral stack gets the content of another one", () => require("./etcd/clone") as CommandModule],
  [
    "recover",
    "a shard goes on from the last member that has its data",
    () => require("./etcd/recover") as CommandModule,
  ],
  ["move", "resources go to a shard of their own", () => require("./etcd/move") as CommandModule],
  ["defrag", "give back what is free in the databases", () => require("./etcd/defrag") as CommandModule],
  ["compact", "make room in a shard that is full (NOSPACE)", () => require("./etcd/compact") as CommandModule],
];

export function define(command: Command): void {
  for (const [name, summary, load] of table) {
    const verb = command
      .command(name)
      .summary(summary)
      .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`);
    verb.exitOverride();
    load().define(verb);
  }
}
