/**
 * Flags and files of the masters at every size, given to the real programs, which read and check all of them and stop short of
 * running: a last flag of a wrong value must be all that they refuse.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { problemsOf } from "../support/plans";
import { complaints, differences, outdated } from "./support/compare";
import { accepted, flagNames } from "./support/count";
import { Credentials } from "./support/credentials";
import { type PlacedHost, placeHost } from "./support/hosts";
import { firstOf, productionPlan, sizes } from "./support/plans";
import { type Ended, run } from "./support/process";
import { type AtHand, forEachVersion } from "./support/versions";

const root = mkdtempSync(join(tmpdir(), "kilonode-masters-"));
afterAll(() => rmSync(root, { recursive: true }));

/** A flag that the plan does not set, with a value that only the check of all flags together refuses, and what it says then. */
const lastStraw = {
  "kube-apiserver": { flag: "--min-request-timeout=-1", says: "--min-request-timeout can not be negative value" },
  "kube-controller-manager": { flag: "--controllers=nobody", says: '"nobody" is not in the list of known controllers' },
} as const;
type Refusing = keyof typeof lastStraw;

/** What the program says that is wrong with its flags. */
const refusal = ({ output }: Ended): string =>
  JSON.parse(/"command failed" err=("(?:[^"\\]|\\.)*")/.exec(output)?.[1] ?? '"nothing"') as string;

const etc = "/etc/kubernetes";

forEachVersion("kubernetes", (kubernetes: AtHand) => {
  const masters = new Map<number, PlacedHost>();
  const help = new Map<string, string>();
  beforeAll(async () => {
    const credentials = await Credentials.make();
    for (const size of sizes) {
      const plan = productionPlan(size, { releases: { kubernetes: kubernetes.version } });
      const folder = join(root, `${kubernetes.version}-${size.nodes}`);
      masters.set(size.nodes, await placeHost(firstOf(plan, "masters"), folder, credentials));
    }
    for (const name of ["kube-apiserver", "kube-controller-manager", "kube-scheduler"])
      help.set(name, (await run(kubernetes.path(name), ["--help"])).output);
  });
  const master = (nodes: number) => masters.get(nodes) as PlacedHost;
  const start = (name: string, host: PlacedHost, ...more: string[]) =>
    run(kubernetes.path(name), [...host.flags(`${etc}/${name}.flags`), ...more], {
      env: host.environment(`${etc}/${name}.env`),
    });

  describe.each(sizes)("at $nodes nodes", ({ nodes }) => {
    test.each(Object.keys(lastStraw) as Refusing[])("%s accepts every flag, and all of them together", async (name) => {
      const flags = master(nodes).flags(`${etc}/${name}.flags`);
      const ended = await start(name, master(nodes), lastStraw[name].flag);
      expect(refusal(ended)).toBe(lastStraw[name].says);
      expect(ended.code).toBe(1);
      expect(complaints(ended.output)).toEqual([]);
      expect(outdated(help.get(name) as string, flagNames(flags))).toEqual([]);
      accepted({
        binary: `${name} ${kubernetes.version}`,
        nodes,
        flags: flagNames(flags),
        files: [`${etc}/${name}.flags`, `${etc}/${name}.env`],
      });
    });

    test("kube-scheduler loads and validates its file, and keeps our values", async () => {
      const host = master(nodes);
      const flags = host.flags(`${etc}/kube-scheduler.flags`);
      const out = join(root, `scheduler-${nodes}.yaml`);
      const ended = await start("kube-scheduler", host, `--write-config-to=${out}`);
      expect(ended.code, ended.output).toBe(0);
      expect(complaints(ended.output)).toEqual([]);
      expect(outdated(help.get("kube-scheduler") as string, flagNames(flags))).toEqual([]);
      expect(differences(parse(host.text(`${etc}/scheduler.yaml`)), parse(readFileSync(out, "utf8")))).toEqual([]);
      accepted({
        binary: `kube-scheduler ${kubernetes.version}`,
        nodes,
        flags: flagNames(flags),
        files: ["scheduler.yaml", "scheduler.kubeconfig", "kube-scheduler.flags", "kube-scheduler.env"].map(
          (file) => `${etc}/${file}`,
        ),
      });
    });
  });

  describe("what these tests rely on", () => {
    const { nodes } = sizes[0] as (typeof sizes)[number];

    test.each([...Object.keys(lastStraw), "kube-scheduler"])(
      "%s refuses a flag that it does not have",
      async (name) => {
        const ended = await start(name, master(nodes), "--no-such-flag=1", "--version");
        expect(ended.code).not.toBe(0);
        expect(ended.output).toContain("unknown flag: --no-such-flag");
      },
    );

    test.each([
      ["kube-apiserver", "--goaway-chance=5", "--goaway-chance can not be less than 0 or greater than 0.02"],
      [
        "kube-controller-manager",
        "--max-endpoints-per-slice=5000",
        "max-endpoints-per-slice must not be more than 1000",
      ],
    ] as const)("%s refuses a value out of range beside the last flag", async (name, flag, says) => {
      const refused = refusal(await start(name, master(nodes), lastStraw[name].flag, flag));
      expect(refused).toContain(says);
      expect(refused).toContain(lastStraw[name].says);
    });

    test("kube-scheduler refuses a field that it does not have, and a value out of range", async () => {
      const host = master(nodes);
      for (const [line, says] of [
        ["noSuchField: 1", "noSuchField"],
        ["podMaxBackoffSeconds: -1", "podMaxBackoffSeconds"],
      ] as const) {
        const path = join(root, "scheduler-broken.yaml");
        writeFileSync(path, `${host.text(`${etc}/scheduler.yaml`)}${line}\n`);
        const ended = await start("kube-scheduler", host, `--config=${path}`, `--write-config-to=${path}.out`);
        expect(ended.code).not.toBe(0);
        expect(ended.output).toContain(says);
      }
    });

    // The spellings that kube-apiserver reads as something that a configuration may not say.
    test.each([
      ["feature_gates", " WatchList = f "],
      ["feature-gates", "kube:WatchList=0"],
      ["feature-gates", "MemoryQoS=false, AllBeta=F"],
      ["enable-admission-plugins", '"AlwaysAdmit"'],
      ["enable_admission_plugins", "NamespaceExists,AlwaysAdmit"],
      ["disable-admission-plugins", '"PodSecurity","ServiceAccount"'],
      ["token_auth_file", "/tokens"],
      ["vmodule", "request=8"],
    ])("kube-apiserver takes --%s=%s, and no configuration gives it", async (flag, value) => {
      const ended = await start(
        "kube-apiserver",
        master(nodes),
        lastStraw["kube-apiserver"].flag,
        `--${flag}=${value}`,
      );
      expect(refusal(ended)).toBe(lastStraw["kube-apiserver"].says);
      const problems = problemsOf({ platform: "lab", masters: { flags: { apiserver: { [flag]: value } } } });
      expect(problems).not.toEqual([]);
      for (const problem of problems) expect(problem).toMatch(/^masters\.flags\.apiserver\./);
    });

    test.each([
      ["--feature-gates=watchlist=false", "unrecognized feature gate: watchlist"],
      ["--enable-admission-plugins=alwaysadmit", "alwaysadmit"],
      ["--enable-admission-plugins= AlwaysAdmit", " AlwaysAdmit"],
      ["--TOKEN-AUTH-FILE=/tokens", "unknown flag: --TOKEN-AUTH-FILE"],
    ])("kube-apiserver itself does not take %s", async (flag, says) => {
      const ended = await start("kube-apiserver", master(nodes), lastStraw["kube-apiserver"].flag, flag);
      expect(ended.output).toContain(says);
    });

    test("a deprecated flag is told by what the program says, and by its help", async () => {
      const ended = await start("kube-apiserver", master(nodes), "--admission-control=NodeRestriction", "--version");
      expect(complaints(ended.output)[0]).toContain("Flag --admission-control has been deprecated");
      expect(outdated(help.get("kube-scheduler") as string, ["kube-api-qps", "config"])).toHaveLength(1);
    });

    test("a memory limit that Go cannot read ends the program", async () => {
      const ended = await run(kubernetes.path("kube-scheduler"), ["--version"], { env: { GOMEMLIMIT: "8 GB" } });
      expect(ended.code).not.toBe(0);
    });
  });
});
