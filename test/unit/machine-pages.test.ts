/** docs/host.md and docs/node.md say of everything on a host why it is there. */
import { describe, expect, it } from "vitest";
import type { Machine } from "../../components/machine/machine";
import { reasonFor, renderHostPage, renderNodePage } from "../../docs/machine-pages";
import {
  fileReasons,
  moduleReasons,
  programReasons,
  type Reasons,
  sysctlReasons,
  unitReasons,
} from "../../docs/reasons";
import { planOf } from "../support/plans";
import { planWithPools } from "./pool-samples";

const lab = planOf("lab", { etcd: { backup: {} } });
const { pools } = planWithPools();
/** Of hosts that no page shows, too: those of a platform with static pods, a load balancer and a bucket. */
const machines = [...lab.hosts, ...planOf("prod-a").hosts].map(({ machine }) => machine);
const all: readonly Machine[] = [...machines, ...pools.map(({ node }) => node.machine)];

const kinds: readonly (readonly [string, Reasons, (machine: Machine) => readonly string[]])[] = [
  ["file", fileReasons, ({ files }) => Object.keys(files)],
  ["unit", unitReasons, ({ services }) => Object.keys(services)],
  ["program", programReasons, ({ binaries }) => Object.keys(binaries)],
  ["module", moduleReasons, ({ modules }) => modules],
  ["kernel setting", sysctlReasons, ({ sysctls }) => Object.keys(sysctls)],
];

describe("pages of hosts and nodes", () => {
  it("docs/host.md is current (refresh: npm run golden)", async () => {
    await expect(renderHostPage(lab)).toMatchFileSnapshot("../../docs/host.md");
  });

  it("docs/node.md is current (refresh: npm run golden)", async () => {
    await expect(renderNodePage(pools)).toMatchFileSnapshot("../../docs/node.md");
  });

  it.each(kinds)("there is a reason for each %s, and no reason for nothing", (_kind, reasons, namesOf) => {
    const names = [...new Set(all.flatMap(namesOf))];
    expect(names.filter((name) => reasonFor(reasons, name) === undefined)).toEqual([]);
    const unused = reasons.filter(
      ([pattern, reason]) => !names.some((name) => pattern.test(name) && reasonFor(reasons, name) === reason),
    );
    expect(unused.map(([pattern]) => String(pattern))).toEqual([]);
  });

  it("a file without a reason is found", () => {
    const [pool] = pools as [(typeof pools)[0] & {}];
    const stray = { "/etc/stray": { content: "", mode: "0644", owner: "root:root" } };
    const machine = { ...pool.node.machine, files: stray };
    expect(() => renderNodePage([{ ...pool, node: { ...pool.node, machine } }])).toThrow("/etc/stray has no reason");
  });
});
