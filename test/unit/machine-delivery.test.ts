/** The host programs as hosts get them: delivered by their own program, compiled, and run from there. */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { asRoot, type Words } from "../../components/access/privilege";
import {
  machineInput,
  makeKeys,
  programCommand,
  programsCommand,
  programsInput,
  readMachineInput,
} from "../../components/host/delivery";
import { machineApply } from "../../components/machine/host-programs";
import { planOf } from "../support/plans";

const packageFolder = "/usr/local/lib/kilonode/machine_apply";
const modules = readdirSync(`components/machine/files${packageFolder}`).filter((name) => name.endsWith(".py"));
const restoreFolder = "/usr/local/lib/kilonode/etcd_restore";
const restoreModules = readdirSync(`components/machine/files${restoreFolder}`).filter((name) => name.endsWith(".py"));
const moveFolder = "/usr/local/lib/kilonode/etcd_move";
const moveModules = readdirSync(`components/machine/files${moveFolder}`).filter((name) => name.endsWith(".py"));
const delivered = (): Record<string, string> => {
  const { programs } = JSON.parse(programsInput) as { programs: string };
  return JSON.parse(inflateSync(Buffer.from(programs, "base64")).toString()) as Record<string, string>;
};

test("all modules and programs are delivered", () => {
  expect(Object.keys(delivered()).sort()).toEqual(
    [
      ...modules.map((name) => `${packageFolder}/${name}`),
      ...restoreModules.map((name) => `${restoreFolder}/${name}`),
      ...moveModules.map((name) => `${moveFolder}/${name}`),
      "/usr/local/lib/kilonode/api-server",
      "/usr/local/lib/kilonode/etcd-call",
      "/usr/local/lib/kilonode/etcd-counts",
      "/usr/local/lib/kilonode/etcd-defragment",
      "/usr/local/lib/kilonode/etcd-look",
      "/usr/local/lib/kilonode/etcd-move",
      "/usr/local/lib/kilonode/etcd-restore",
      "/usr/local/lib/kilonode/make-keys",
      "/usr/local/lib/kilonode/secret-keys",
      "/usr/local/lib/kilonode/still-starting",
      "/usr/local/sbin/machine-apply",
    ].sort(),
  );
  expect(modules).toContain("activation.py");
});

test("a command names its program, and a sum of all that it consists of", () => {
  const text = (words: Words) => asRoot("root", words);
  expect(text(programCommand(machineApply, ["stage", "--generation", "1"], { SECRETS: "5" }))).toMatch(
    /^SECRETS=5 PROGRAM=[0-9a-f]{12} \/usr\/local\/sbin\/machine-apply stage --generation 1$/,
  );
  expect(text(programCommand(makeKeys, []))).toMatch(
    /^PROGRAM=[0-9a-f]{12} python3 -IS -c '.*' \/usr\/local\/lib\/kilonode\/make-keys$/,
  );
});

describe("a host's content", () => {
  const { machine } = planOf("lab-small").hosts[0]!;
  const [path = ""] = Object.keys(machine.files);
  const withContent = (content: string) => ({
    ...machine,
    files: { ...machine.files, [path]: { ...machine.files[path]!, content } },
  });

  test("is sent as a text that can be read neither as JSON nor as YAML, which a preview therefore compares by lines", () => {
    const sent = machineInput(machine);
    expect(() => JSON.parse(sent)).toThrow();
    // Pulumi takes the rest for a document, too, when the first line alone is one.
    expect(parseAllDocuments(sent).some(({ errors }) => errors.length > 0)).toBe(true);
  });

  test("has a line for each line of a file: a change of one is a change of one", () => {
    const lines = (content: string) => machineInput(withContent(content)).split("\n");
    const [before, after] = [lines("a\nb\nc\n"), lines("a\nB\nc\n")];
    expect(before.filter((line, index) => line !== after[index]).map((line) => line.trim())).toEqual(['"b",']);
  });

  test("is read as it was sent", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (content) => {
        expect(readMachineInput(machineInput(withContent(content)))).toEqual(withContent(content));
      }),
    );
    // As it was sent before, which a state may still hold.
    expect(readMachineInput(JSON.stringify(machine))).toEqual(machine);
  });
});

describe.runIf(process.getuid?.() === 0)("on a host", () => {
  let root: string;
  const at = (path: string) => join(root, path);

  /** Paths are absolute: the host's own folders are put in their place, in a mount namespace. */
  function onHost(words: Words, input = "") {
    const mounts = ["/usr/local", "/var/lib/kilonode"].map(
      (path) => `mkdir -p ${path} && mount --bind ${at(path)} ${path}`,
    );
    const script = `${mounts.join(" && ")} && ${asRoot("root", words)}`;
    return spawnSync("unshare", ["--mount", "--", "bash", "-c", script], { input, encoding: "utf8" });
  }

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "kilonode-delivery-"));
    for (const path of ["/usr/local/bin", "/var/lib/kilonode"]) mkdirSync(at(path), { recursive: true });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  test("they are put, compiled and run; a program that is no longer delivered goes", () => {
    const old = "/usr/local/lib/kilonode/machine_apply/former.py";
    mkdirSync(at(packageFolder), { recursive: true });
    writeFileSync(at(old), "");
    writeFileSync(at("/var/lib/kilonode/programs.json"), JSON.stringify({ repairs: 0, sums: { [old]: "" } }));
    const done = onHost(programsCommand(2), programsInput);
    expect(done.stderr).toBe("");
    const paths = Object.entries(delivered());
    expect(Object.keys(JSON.parse(done.stdout) as object)).toEqual(paths.map(([path]) => path));
    for (const [path, text] of paths) {
      expect(readFileSync(at(path), "utf8")).toBe(text);
      expect(statSync(at(path)).mode & 0o777).toBe(path.endsWith(".py") ? 0o644 : 0o755);
    }
    expect(existsSync(at(old))).toBe(false);
    const compiled = readdirSync(at(`${packageFolder}/__pycache__`)).map((name) => name.replace(/\..*/, ".py"));
    expect(compiled.sort()).toEqual(modules.sort());

    const before = statSync(at(`${packageFolder}/__pycache__`)).mtimeMs;
    const status = onHost([machineApply, "status"]);
    expect([status.stderr, JSON.parse(status.stdout)]).toMatchObject(["", { staged: null, everActivated: false }]);
    expect(statSync(at(`${packageFolder}/__pycache__`)).mtimeMs).toBe(before);
    expect(onHost([machineApply, "drift"]).stdout).toContain('"programRepairs": 2');
    writeFileSync(at(`${packageFolder}/verbs.py`), `${delivered()[`${packageFolder}/verbs.py`]}# by hand\n`);
    expect(onHost([machineApply, "drift"]).stdout).toContain('"programRepairs": 3');
  });
});
