/** The short programs that run on hosts before any content is live there. */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { hostPaths, hostText } from "../../components/machine/host-files";

const dir = mkdtempSync(join(tmpdir(), "kilonode-tools-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** The program with paths of this test's folder in place of the host's. */
function tool(name: string, paths: Readonly<Record<string, string>>): string {
  const text = Object.entries(paths).reduce(
    (all, [from, to]) => all.replaceAll(from, join(dir, to)),
    hostText(`/usr/local/lib/kilonode/${name}`),
  );
  writeFileSync(join(dir, name), text, { mode: 0o755 });
  return join(dir, name);
}

function run(program: string, args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(program, args, {
    encoding: "utf8",
    env: { PATH: `${dir}:${process.env.PATH}` },
  });
  return { status, stdout, stderr };
}

describe("etcd-call", () => {
  writeFileSync(join(dir, "etcdctl.env"), "ETCDCTL_ENDPOINTS=https://10.0.0.1:2379\nETCDCTL_CACERT=/ca.crt\n");
  writeFileSync(join(dir, "etcdctl"), '#!/bin/sh\necho "$ETCDCTL_ENDPOINTS $ETCDCTL_CACERT"\nprintf "[%s]" "$@"\n');
  chmodSync(join(dir, "etcdctl"), 0o755);
  const call = tool("etcd-call", { "/etc/etcd/etcdctl.env": "etcdctl.env" });

  it("runs etcdctl with the member's settings", () => {
    const said = "https://10.0.0.1:2379 /ca.crt\n[--command-timeout=10s][put][a b][c]";
    expect(run(call, ["put", "a b", "c"]).stdout).toBe(said);
  });

  it("says how it is used when it gets nothing", () => {
    expect(run(call, [])).toMatchObject({ status: 2, stderr: expect.stringMatching(/^etcd-call ARGUMENTS/) });
  });
});

describe("etcd-look", () => {
  const hostile = join(dir, "hostile");
  const member = (url: string) => `{"ID":1,"peerURLs":["https://10.0.0.1:2380"],"clientURLs":[${JSON.stringify(url)}]}`;
  const urls = [
    "https://10.0.0.1:2379",
    `https://$(touch ${hostile})`,
    "https://m-2.lab:2379",
    "https://a' -w x",
    "/etc/passwd",
  ];
  writeFileSync(join(dir, "members"), `{"members":[${[...urls, "https://[fd00::1]:2379"].map(member).join(",")}]}`);
  const answer = `case "$*" in *member*) cat "${dir}/members" ;; *) echo "asked $ETCDCTL_ENDPOINTS" ;; esac`;
  const bin = join(dir, "look");
  mkdirSync(bin);
  writeFileSync(join(bin, "etcdctl"), `#!/bin/sh\n${answer}\n`, { mode: 0o755 });
  writeFileSync(join(dir, "look.env"), "ETCDCTL_ENDPOINTS=https://10.0.0.1:2379\n");

  it("asks members at their addresses, whatever else they say of themselves", () => {
    const look = tool("etcd-look", { "/etc/etcd/etcdctl.env": "look.env" });
    const env = { PATH: `${bin}:${process.env.PATH}` };
    const { stdout } = spawnSync(look, { encoding: "utf8", env });
    expect(stdout.split("\n")[2]).toBe("asked https://10.0.0.1:2379,https://m-2.lab:2379,https://[fd00::1]:2379");
    expect(existsSync(hostile)).toBe(false);
  });
});

describe("etcd-counts", () => {
  const counts = join(dir, "counts");
  mkdirSync(counts);
  const keys = [
    "/registry/apiregistration.k8s.io/apiservices/v1.",
    "/registry/events/default/a.1",
    "/registry/events/default/b.2",
    "/registry/example.com/gadgets/default/x",
    "/registry/example.com/widgets/default/y",
    "/registry/health",
    "/registry/pods/default/a",
    "/registry/ranges/serviceips",
    "/zoo",
  ];
  writeFileSync(join(dir, "keys"), `${keys.join("\n")}\n`);
  // As etcdctl: get FROM --from-key --limit=1 --keys-only; get PREFIX --prefix --count-only --write-out=fields
  const etcdctl = [
    "#!/usr/bin/python3",
    "import sys",
    `keys = [line.strip() for line in open(${JSON.stringify(join(dir, "keys"))})]`,
    "start = sys.argv[2]",
    'if "--count-only" in sys.argv: print(\'"More" : false\\n"Count" : %d\' % len([key for key in keys if key.startswith(start)]))',
    "else: print(next((key for key in keys if key >= start), ''), end='\\n\\n')",
  ];
  writeFileSync(join(counts, "etcd-call"), `${etcdctl.join("\n")}\n`, { mode: 0o755 });
  writeFileSync(join(counts, "etcd-counts"), hostText("/usr/local/lib/kilonode/etcd-counts"), { mode: 0o755 });

  it("counts the keys of each resource, by its group where it has one, and ends behind the last", () => {
    expect(run(join(counts, "etcd-counts"), [])).toEqual({
      status: 0,
      stdout: [
        "1 /registry/apiregistration.k8s.io/apiservices/",
        "2 /registry/events/",
        "1 /registry/example.com/gadgets/",
        "1 /registry/example.com/widgets/",
        "1 /registry/health",
        "1 /registry/pods/",
        "1 /registry/ranges/",
        "",
      ].join("\n"),
      stderr: "",
    });
  });

  it("fails when the member does not answer", () => {
    writeFileSync(join(counts, "etcd-call"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    expect(run(join(counts, "etcd-counts"), []).status).toBe(1);
  });
});

describe("etcd-defragment", () => {
  const bin = join(dir, "defragment");
  mkdirSync(bin);
  const dropIn = join(dir, "run/etcd.service.d/defragment.conf");
  const fake = (name: string, text: string) => writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  const defragment = (...args: string[]) => {
    rmSync(join(dir, "told"), { force: true });
    const program = tool("etcd-defragment", { "/run/systemd/system/etcd.service.d": "run/etcd.service.d" });
    const ran = spawnSync(program, args, { encoding: "utf8", env: { PATH: `${bin}:${process.env.PATH}` } });
    const told = existsSync(join(dir, "told")) ? readFileSync(join(dir, "told"), "utf8") : "";
    return { status: ran.status, stderr: ran.stderr, told, left: existsSync(dropIn) };
  };
  const systemctl = (restart: string) =>
    fake(
      "systemctl",
      `echo "$*" >>"${dir}/told"; [ "$1" != restart ] || { cat "${dropIn}" >>"${dir}/told"; ${restart}; }`,
    );
  fake("df", 'echo "Avail"; echo " 1048576000"');
  const steps = [
    "daemon-reload",
    "restart etcd.service",
    "[Service]",
    "Environment=ETCD_BOOTSTRAP_DEFRAG_THRESHOLD_MEGABYTES=1",
    "daemon-reload",
    "",
  ];

  it("tells one start alone to write the database anew", () => {
    systemctl("true");
    expect(defragment("524288000")).toEqual({ status: 0, stderr: "", told: steps.join("\n"), left: false });
  });

  it("leaves nothing behind that would tell the next start, when this one fails", () => {
    systemctl("exit 1");
    expect(defragment("524288000")).toMatchObject({ status: 1, told: steps.join("\n"), left: false });
  });

  it("touches nothing where a second database has no room", () => {
    systemctl("true");
    expect(defragment("1048576000")).toEqual({
      status: 3,
      stderr:
        "/var/lib/etcd/member/snap has 1000 MiB free, and a second database beside the one that it has takes up to 1100 MiB\n",
      told: "",
      left: false,
    });
  });

  it.each([[[]], [["x"]], [["1", "2"]]])("says how it is used when it gets %j", (args) => {
    expect(defragment(...args)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("etcd-defragment BYTES"),
      told: "",
    });
  });
});

describe("a master's tools", () => {
  const bin = join(dir, "bin");
  mkdirSync(bin);
  // Answers as a ready API server that gives the leases to this host, and notes how it was asked.
  const answers = [
    `printf '%s\\n' "$*" >>"${dir}/asked"`,
    `case "$*" in *readyz*) echo "readyz check passed" ;; *) echo "{\\"spec\\": {\\"holderIdentity\\": \\"$(uname -n)_1\\"}}" ;; esac`,
  ];
  writeFileSync(join(bin, "curl"), `#!/bin/sh\n${answers.join("\n")}\n`, { mode: 0o755 });
  writeFileSync(join(dir, "master.env"), "ADDRESS=10.0.0.7\nENDPOINT=master-1.example\n");
  const env = { PATH: `${bin}:${process.env.PATH}` };

  it.each([
    ["check-apiserver", "", 1],
    ["leader-of", '["kube-controller-manager","kube-scheduler"]\n', 2],
  ])("%s asks for the name in the certificate, at the address: no DNS server is needed", (name, printed, times) => {
    rmSync(join(dir, "asked"), { force: true });
    const { status, stdout } = spawnSync(tool(name, { "/etc/kubernetes/master.env": "master.env" }), {
      encoding: "utf8",
      env,
    });
    expect([status, stdout]).toEqual([0, printed]);
    const asked = readFileSync(join(dir, "asked"), "utf8").trimEnd().split("\n");
    expect(asked).toHaveLength(times);
    for (const words of asked) {
      expect(words).toContain("--connect-to master-1.example:6443:10.0.0.7:6443 ");
      expect(words).toContain(" https://master-1.example:6443/");
    }
  });
});

describe("a program that takes the place of a script", () => {
  // Says what it was given and which children it has inherited. One that has ended stays: nobody here asks how.
  const nosy = join(dir, "nosy");
  const says = 'print("".join(f"[{word}]" for word in sys.argv[1:]), open("/proc/thread-self/children").read())';
  writeFileSync(nosy, `#!/usr/bin/python3 -IS\nimport sys, time\ntime.sleep(0.2)\n${says}\n`, { mode: 0o755 });
  mkdirSync(join(dir, "exec"));
  // What a script may have read its input with: done, and not yet gone when the script goes on.
  for (const filter of ["awk", "cat", "cut", "grep", "sed", "tr"]) {
    const lingers = `#!/bin/sh\n/usr/bin/${filter} "$@"\nexec >&-\nsleep 0.1\n`;
    writeFileSync(join(dir, "exec", filter), lingers, { mode: 0o755 });
  }
  writeFileSync(join(dir, "exec/etcdctl"), `#!/bin/sh\nexec ${nosy} "$@"\n`, { mode: 0o755 });
  writeFileSync(join(dir, "nosy.flags"), "# why\n--a=1 2\n\n  --b\\n\n#--c\n--d");
  const started: Readonly<Record<string, { args: string[]; prints: string }>> = {
    "run-with-flags": { args: [nosy, join(dir, "nosy.flags")], prints: "[--a=1 2][  --b\\n][--d]" },
    "etcd-call": { args: ["member", "list"], prints: "[--command-timeout=10s][member][list]" },
  };
  // Packages of Python have an underscore in their names.
  const scripts = hostPaths("/usr/local/lib/kilonode", "").filter((path) => !/_\w+$/.test(path));
  const replaced = scripts
    .filter((path) => /^\s*exec [^{]/m.test(hostText(path)))
    .map((path) => path.split("/").at(-1));

  it.each(replaced)("has no child left by %s", (name = "") => {
    expect(Object.keys(started), "give the script an entry above").toContain(name);
    const env = { PATH: `${join(dir, "exec")}:${process.env.PATH}` };
    const { args, prints } = started[name]!;
    const script = tool(name, { "/etc/etcd/etcdctl.env": "etcdctl.env" });
    expect(spawnSync(script, args, { encoding: "utf8", env }).stdout.trim()).toBe(prints);
  });
});
