/** The doctor's questions to a host, asked for real of this machine: of files in a folder, and of a process with the flags of a component. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { configurationOf, filesOf } from "../../cli/doctor/cis/host";
import { type HostEvidence, readProcesses } from "../../cli/doctor/evidence";
import { hostArguments } from "../../cli/doctor/gather";
import { readSections } from "../../cli/hosts/report";
import { smallPlan } from "./cli-fixture";

const dir = mkdtempSync(join(tmpdir(), "kilonode-questions-"));
const bin = join(dir, "bin");
const folder = join(dir, "pki");
let component: ChildProcess;

beforeAll(() => {
  mkdirSync(bin);
  mkdirSync(folder, { mode: 0o750 });
  writeFileSync(join(folder, "a.key"), "", { mode: 0o600 });
  writeFileSync(join(folder, "b.crt"), "", { mode: 0o644 });
  symlinkSync("a.key", join(folder, "c.key"));
  const encryption =
    "resources:\n- providers:\n  - secretbox: {keys: [{name: key1, secret: c2VjcmV0}]}\n  - identity: {}\n";
  writeFileSync(join(dir, "encryption.yaml"), encryption);
  // Ends like a head of the report, and without a line's end.
  writeFileSync(
    join(dir, "audit.yaml"),
    "rules:\n- level: Metadata\n# more\n== files 0\n666 root:root f /etc/kubernetes/admin.conf",
  );
  const flags = [
    `--audit-policy-file=${dir}/audit.yaml`,
    `--encryption-provider-config=${dir}/encryption.yaml`,
    "--v=2",
  ];
  component = spawn(process.execPath, ["-e", "setTimeout(() => {}, 600_000)", "--", ...flags], { stdio: "ignore" });
  writeFileSync(join(bin, "systemctl"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  writeFileSync(join(bin, "pidof"), `#!/bin/sh\n[ "$*" = "-s kube-apiserver" ] && echo ${component.pid}\n`, {
    mode: 0o755,
  });
});
afterAll(() => {
  component.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
});

function ask(): Pick<HostEvidence, "name" | "sections" | "processes"> {
  const plan = smallPlan();
  const [role = "", ...rest] = hostArguments(plan, "lab-small-master-1");
  const paths = [folder, "/nowhere/at/all"].join(" ");
  const args = ["cli/doctor/host-questions", "60", role, ...rest.slice(0, -1), paths];
  const { stdout } = spawnSync("bash", args, { encoding: "utf8", env: { PATH: `${bin}:${process.env.PATH}` } });
  const sections = readSections(stdout);
  return { name: "here", sections, processes: readProcesses(sections.processes?.text ?? "") };
}

test("tell files with mode, owner and kind, a process with its flags, and what these name without a key", () => {
  const host = ask() as HostEvidence;
  const files = [...filesOf(host).values()].map(({ path, mode, kind }) => [
    path.replace(dir, ""),
    mode.toString(8),
    kind,
  ]);
  expect(files.sort()).toEqual([
    ["/pki", "750", "d"],
    ["/pki/a.key", "600", "f"],
    ["/pki/b.crt", "644", "f"],
    ["/pki/c.key", "777", "l"],
  ]);
  expect(filesOf(host).get(folder)?.owner.split(":")[0]).toBe(userInfo().username);
  expect(host.processes["kube-apiserver"]?.args).toContain("--v=2");
  expect(configurationOf(host, "encryption-provider-config")).toEqual(["secretbox", "identity"]);
  expect(JSON.stringify(host.sections)).not.toContain("c2VjcmV0");
  expect(configurationOf(host, "config")).toBeUndefined();
});

test("take nothing in a file for an answer of the host", () => {
  const host = ask() as HostEvidence;
  expect(filesOf(host).has("/etc/kubernetes/admin.conf")).toBe(false);
  expect(() => configurationOf(host, "audit-policy-file")).toThrow(
    /here: the file of --audit-policy-file cannot be read/,
  );
});
