/** Each command in the blocks of docs/operations.md can be typed as it stands there: programs, verbs, options, hosts and units exist. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Command } from "commander";
import { register } from "tsx/cjs/api";
import { describe, expect, it } from "vitest";
import { tools } from "../../components/machine/host-programs";
import { sectionsOf, wordsOf } from "../support/pages";
import { planOf } from "../support/plans";

// The command loads its subcommands as Node does.
register();
const { program } = createRequire(import.meta.url)("../../cli/main.ts") as typeof import("../../cli/main");

const page = "docs/operations.md";
const sections = sectionsOf(page).filter(({ blocks }) => blocks.length > 0);
const { hosts } = planOf("lab");

const labTests = readdirSync("test/lab")
  .filter((file) => file.endsWith(".test.ts"))
  .map((file) => readFileSync(`test/lab/${file}`, "utf8"))
  .filter((text) => text.includes("support/pages"))
  .join("\n");

/** Of etcdctl, as far as the page needs it: https://github.com/etcd-io/etcd/tree/main/etcdctl#commands */
const etcdctl: Readonly<Record<string, readonly string[]>> = {
  "member list": [],
  "member remove": [],
  "member add": ["--learner", "--peer-urls"],
  "alarm list": [],
  "alarm disarm": [],
};
const systemctl = ["list-jobs", "list-units", "start", "status", "stop", "unmask"];
const ordinary = ["df", "du", "find", "head", "ls", "lsblk", "mkdir", "mv", "rm"];

type Words = readonly string[];

/** What is wrong with a command that is typed on the operator's machine. */
function problemsHere([name = "", ...words]: Words): string[] {
  if (name === "sudo") return problemsHere(words);
  // Settings of one command.
  if (name === "env") return problemsHere(words.filter((word) => !/^[A-Z]+=/.test(word)));
  if (name === "kilonode") return problemsOfKilonode(words);
  if (name.startsWith("components/")) return existsSync(name) ? [] : [`there is no ${name}`];
  // Shells of hosts are opened by `kilonode ssh`.
  return problemsOnHost([name, ...words]);
}

function problemsOnHost([name = "", ...words]: Words): string[] {
  if (ordinary.includes(name)) return [];
  if (name === "systemctl") {
    const verb = words.find((word) => !word.startsWith("-")) ?? "";
    return systemctl.includes(verb) ? [] : [`systemctl ${verb}: not known to this test`];
  }
  if (name === "etcd-call") return problemsOfEtcdctl(words);
  return existsSync(`components/machine/files${tools}/${name}`) ? [] : [`no host has a program ${name}`];
}

function problemsOfEtcdctl(words: Words): string[] {
  const verb = words.slice(0, 2).join(" ");
  const options = etcdctl[verb];
  if (!options) return [`etcdctl ${verb}: not known to this test`];
  const given = words.flatMap((word) => (word.startsWith("--") ? [word.split("=")[0] ?? ""] : []));
  return given.filter((option) => !options.includes(option)).map((option) => `etcdctl ${verb} ${option}: not known`);
}

function problemsOfKilonode(words: Words): string[] {
  const said: string[] = [];
  const root = program(words);
  parseOnly(root, said);
  try {
    root.parse([...words], { from: "user" });
  } catch (error) {
    return [...said, (error as Error).message];
  }
  const [command = "", stack = "", host = "", ...rest] = words;
  if (stack !== "lab" || !["logs", "replace", "ssh"].includes(command)) return [];
  return [...problemsOfHost(host), ...(command === "logs" ? problemsOfUnit(host, rest) : problemsOfRemote(rest))];
}

/** Its own commands and options, with nothing behind them. */
function parseOnly(command: Command, said: string[]): void {
  command.exitOverride().configureOutput({ writeErr: (text) => said.push(text), writeOut: (text) => said.push(text) });
  if (command.commands.length === 0) command.action(() => undefined);
  for (const one of command.commands) parseOnly(one, said);
}

const problemsOfHost = (name: string) =>
  hosts.some((host) => host.name === name) ? [] : [`stack lab has no host ${name}`];

function problemsOfUnit(host: string, [unit = ""]: Words): string[] {
  const services = Object.keys(hosts.find(({ name }) => name === host)?.machine.services ?? {});
  const named = unit.startsWith("-") || unit === "" || services.some((one) => one.replace(/\.service$/, "") === unit);
  return named ? [] : [`${host} has no service ${unit}`];
}

/** What follows on a host is joined, and a shell's again. */
function problemsOfRemote(words: Words): string[] {
  const remote = words[0] === "--" ? words.slice(1) : words;
  return remote.length === 0 ? [] : wordsOf(remote.join(" ")).flatMap(problemsOnHost);
}

describe(page, () => {
  it.each(sections)("$title: its commands exist, with their verbs and options", ({ blocks }) => {
    for (const block of blocks) {
      const found = wordsOf(block);
      expect(found.length, block).toBeGreaterThan(0);
      for (const words of found) expect(problemsHere(words), words.join(" ")).toEqual([]);
    }
  });

  it.each(sections)("$title: is typed in a test of the lab", ({ title }) => {
    expect(labTests).toContain(`"${title}"`);
  });

  it.each([
    ["kilonode upp lab", /unknown command 'upp'/],
    ["kilonode etcd compact lab --shard main --hard", /unknown option '--hard'/],
    ["kilonode etcd compact lab", /required option '--shard <shard>' not specified/],
    ["kilonode replace lab", /missing required argument 'host'/],
    ["kilonode status lab lab-etcd-main-1", /too many arguments/],
    ["kilonode ssh lab lab-etcd-main-99", /has no host/],
    ["kilonode ssh lab lab-etcd-main-1 -- etcd-calls member list", /no host has a program etcd-calls/],
    ["kilonode ssh lab lab-etcd-main-1 -- systemctl halt", /systemctl halt/],
    ["kilonode logs lab lab-etcd-main-1 kubelet -n 50", /no service kubelet/],
    ["etcd-call member replace 1", /member replace/],
    ["etcd-call member add m --peer-url=https://a", /--peer-url: not known/],
    ["sudo components/platform/lab/lab-pow cut", /there is no components/],
  ])("this test would notice `%s`", (line, problem) => {
    expect(wordsOf(line).flatMap(problemsHere).join("\n")).toMatch(problem);
  });

  it("has blocks of shell only: a placeholder would be taken for a redirection", () => {
    expect(() => wordsOf("etcd-call member remove <id>   # by its id")).toThrow("bash does not take it");
    expect(wordsOf(`a 'b c' "$(d e)" | f; g && h # i`)).toEqual(
      expect.arrayContaining([["d", "e"], ["f"], ["g"], ["h"], ["a", "b c", ""]]),
    );
  });
});
