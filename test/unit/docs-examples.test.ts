/** Examples of the documentation are configurations that the command accepts, and do what the text around them says. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readStackFile } from "../../cli/stack/configuration";
import type { ClusterPlan } from "../../components/plan/types";
import { clusterOf } from "../support/plans";

const page = readFileSync("docs/configuration.md", "utf8");
const examples = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? "");

function planOf(text: string): ClusterPlan {
  const { values, problems } = readStackFile(text, "docs/configuration.md");
  expect(problems).toEqual([]);
  return clusterOf("docs", values ?? {}).plan;
}

describe("docs/configuration.md", () => {
  test.each(examples)("its example is accepted, without a warning of etcd's size: %#", (text) => {
    const { notices } = planOf(text).scale;
    expect(notices.filter(({ path }) => path.startsWith("etcd"))).toEqual([]);
  });

  test("15,000 nodes: the fourth shard holds the pods, and is what `kilonode scale` derives", () => {
    const [text] = examples.filter((example) => example.includes("nodes: 15000"));
    const { hosts, scale, shards } = planOf(text ?? "");
    expect(shards.map(({ name, members, resources }) => [name, members.length, ...resources])).toEqual([
      ["main", 7],
      ["events", 5, "/events"],
      ["leases", 5, "coordination.k8s.io/leases"],
      ["pods", 5, "/pods"],
    ]);
    const overrides = hosts.find(({ role }) => role === "master")?.machine.files[
      "/etc/kubernetes/kube-apiserver.flags"
    ];
    expect(overrides?.content).toMatch(/^--etcd-servers-overrides=.*,\/pods#https:/m);
    // The figures of the text.
    expect(scale.etcd.shards.main?.databaseGiB.toFixed(1)).toBe("3.0");
    expect(scale.etcd.shards.pods?.databaseGiB.toFixed(1)).toBe("5.6");
  });

  test("without it: a warning above 5,000 nodes, refused at 14,000", () => {
    const main = (nodes: number) =>
      planOf(`config: {kilonode:platform: lab, kilonode:workload: {nodes: ${nodes}}}`).scale.notices.filter(
        ({ path }) => path.startsWith("etcd.shards.main"),
      );
    expect(main(5000)).toEqual([]);
    expect(main(6000)).toMatchObject([{ level: "warning" }]);
    expect(() => main(14_000)).toThrow("do not fit the quota of 8 GiB: move a resource to a shard of its own");
    // Adding the fourth shard moves no host of the others.
    const three = planOf("config: {kilonode:platform: lab}").shards.flatMap(({ members }) => members);
    const four = planOf(examples.find((example) => example.includes("pods:")) ?? "").shards.flatMap(
      ({ members }) => members,
    );
    expect(four.slice(0, three.length)).toEqual(three);
  });
});

describe("commands of the documentation", () => {
  const pages = ["README.md", ...readdirSync("docs").flatMap((name) => (name.endsWith(".md") ? [`docs/${name}`] : []))];
  const shared = ["cli/commands/options.ts", "cli/scale/arguments.ts"].map((file) => readFileSync(file, "utf8"));
  const textIn = (file: string) => readFileSync(`cli/commands/${file}`, "utf8");
  const files = readdirSync("cli/commands", { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".ts"),
  );
  const commands = new Map(
    files
      .filter((file) => !file.includes("/"))
      .map((file) => {
        const name = file.replace(/\.ts$/, "");
        // The verbs of a command have a folder of its name.
        const own = [file, ...files.filter((other) => other.startsWith(`${name}/`))].map(textIn);
        return [name, [...own, ...shared].join("\n")] as const;
      }),
  );

  test.each(pages)("%s: exist, with their options", (page) => {
    // In the text and in blocks of shell; what follows " -- " is run on a host.
    const used = readFileSync(page, "utf8").matchAll(/(?<=^|`|npx |\()kilonode ([a-z]+)([^`\n#|]*)/gm);
    for (const [line, name = "", rest = ""] of used) {
      expect([...commands.keys()], line).toContain(name);
      for (const [option] of (rest.split(" -- ")[0] ?? "").matchAll(/(?<= )--[a-z][a-z-]+/g))
        expect(commands.get(name), line).toContain(option);
    }
  });
});
