/** The first boot of a host on AWS: its user-data, and the programs in it, run against what they read. */
import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { hostKeyOn } from "../../components/platform/aws/host-key";
import { userData, userDataLimitBytes } from "../../components/platform/aws/user-data";

const boot = (path: string) => join("components/platform/aws/boot", path);
const run = promisify(execFile);
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "aws-boot-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

describe("user-data", () => {
  it("is the golden text", async () => {
    await expect(userData("test-master-1")).toMatchFileSnapshot("golden/aws/user-data.yaml");
  });

  it("is the same for all hosts but their names, and well below EC2's limit", () => {
    expect(userData("a-1").replace("hostname: a-1\n", "")).toBe(userData("b-2").replace("hostname: b-2\n", ""));
    expect(userData().replace("#cloud-config\n", "#cloud-config\nhostname: a-1\n")).toBe(userData("a-1"));
    expect(Buffer.byteLength(userData("x".repeat(63)))).toBeLessThan(userDataLimitBytes / 2);
  });

  it("lets in root alone, makes the key of the host there, and runs what it writes", () => {
    const { disable_root, runcmd, ssh_deletekeys, ssh_genkeytypes, ssh_pwauth, users, write_files } = parse(
      userData("a-1"),
    );
    expect({ disable_root, ssh_deletekeys, ssh_genkeytypes, ssh_pwauth, users }).toEqual({
      disable_root: false,
      ssh_deletekeys: true,
      ssh_genkeytypes: ["ed25519"],
      ssh_pwauth: false,
      users: [{ name: "root", lock_passwd: true }],
    });
    const written = (write_files as { path: string; permissions: string }[]).map(
      ({ path, permissions }) => `${permissions} ${path}`,
    );
    expect(written).toEqual([
      "0644 /etc/ssh/sshd_config.d/kilonode.conf",
      "0644 /etc/systemd/system/show-host-key.service",
      "0644 /etc/udev/rules.d/71-kilonode-volumes.rules",
      "0755 /usr/local/sbin/install-packages",
      "0755 /usr/local/sbin/name-disks",
      "0755 /usr/local/sbin/program-key",
      "0755 /usr/local/sbin/show-host-key",
      "0644 /usr/local/share/kilonode/packages",
    ]);
    expect(runcmd).toContainEqual(["/usr/local/sbin/name-disks"]);
    // Whoever waits for the host's key meets all that it needs.
    const steps = (runcmd as string[][]).map((words) => words.join(" "));
    expect(steps.indexOf("/usr/local/sbin/install-packages")).toBeGreaterThanOrEqual(0);
    expect(steps.indexOf("/usr/local/sbin/install-packages")).toBeLessThan(
      steps.indexOf("systemctl restart ssh.service"),
    );
    expect(write_files.at(-1).content).toMatch(/^python3\n[a-z0-9\n-]+\njq\n[a-z0-9\n-]+\n$/);
    expect(runcmd.at(-1)).toEqual(["systemctl", "enable", "--now", "show-host-key.service"]);
  });
});

describe("name-disks", () => {
  const rules = "etc/udev/rules.d/72-kilonode-instance-disks.rules";
  const nameDisks = () => execFileSync(boot("usr/local/sbin/name-disks"), [dir]);
  const disks = (...all: readonly (readonly [name: string, model: string, serial: string])[]) => {
    mkdirSync(join(dir, "etc/udev/rules.d"), { recursive: true });
    mkdirSync(join(dir, "sys/block"), { recursive: true });
    for (const [name, model, serial] of all) {
      mkdirSync(join(dir, "sys/block", name, "device"), { recursive: true });
      // As the kernel shows them: padded to the length of their field.
      writeFileSync(join(dir, "sys/block", name, "device/model"), `${model.padEnd(40)}\n`);
      writeFileSync(join(dir, "sys/block", name, "device/serial"), `${serial.padEnd(20)}\n`);
    }
  };
  const own = "Amazon EC2 NVMe Instance Storage";
  const ofUdev = (serial: string, name: string) =>
    `ACTION!="remove", SUBSYSTEM=="block", ENV{DEVTYPE}=="disk", ATTRS{serial}=="${serial}", SYMLINK+="disk/by-id/kilonode-${name}"\n`;

  it("names the first two disks of the instance by their serials, whatever the kernel calls them", () => {
    disks(
      ["nvme2n1", own, "AWS1111"],
      ["nvme0n1", "Amazon Elastic Block Store", "vol0000"],
      ["nvme1n1", own, "AWS3333"],
      ["nvme3n1", own, "AWS2222"],
    );
    nameDisks();
    expect(readFileSync(join(dir, rules), "utf8")).toBe(ofUdev("AWS1111", "wal") + ofUdev("AWS2222", "database"));
  });

  it("gives no other disk a name later: a stop has taken the first ones and what was on them", () => {
    disks(["nvme1n1", own, "AWS1111"], ["nvme2n1", own, "AWS2222"]);
    nameDisks();
    rmSync(join(dir, "sys"), { recursive: true });
    disks(["nvme1n1", own, "AWS7777"], ["nvme2n1", own, "AWS8888"]);
    nameDisks();
    expect(readFileSync(join(dir, rules), "utf8")).toContain("AWS1111");
  });

  it("leaves an instance alone that has fewer than two", () => {
    disks(["nvme0n1", "Amazon Elastic Block Store", "vol0000"], ["nvme1n1", own, "AWS1111"]);
    nameDisks();
    expect(() => readFileSync(join(dir, rules))).toThrow(/ENOENT/);
    rmSync(join(dir, "sys"), { recursive: true });
    disks();
    nameDisks();
    expect(() => readFileSync(join(dir, rules))).toThrow(/ENOENT/);
  });
});

describe("install-packages", () => {
  /** Programs of Debian in the place of the real ones: `installed` is what there is, `mirror` what there is to be had. */
  const debian = (installed: readonly string[], mirror: readonly string[]) => {
    mkdirSync(join(dir, "bin"), { recursive: true });
    writeFileSync(join(dir, "installed"), installed.map((name) => `${name}\n`).join(""));
    writeFileSync(join(dir, "mirror"), mirror.map((name) => `${name}\n`).join(""));
    writeFileSync(join(dir, "list"), "python3\njq\nfio\n");
    writeFileSync(join(dir, "calls"), "");
    const program = (name: string, text: string) =>
      writeFileSync(join(dir, "bin", name), `#!/bin/bash\n${text}`, { mode: 0o755 });
    program("dpkg-query", `sed 's/$/ installed/' ${dir}/installed; echo 'gone config-files'`);
    program(
      "apt-get",
      `echo "\${*: -1}" >>${dir}/calls
for word; do shift; [[ $word != --no-install-recommends ]] || break; done
for package; do
  grep -qx "$package" ${dir}/mirror || { echo "E: Unable to locate package $package"; exit 100; }
done
(($# == 0)) || printf '%s\\n' "$@" >>${dir}/installed`,
    );
  };
  const install = (pauses = "0 0 0") =>
    run(boot("usr/local/sbin/install-packages"), [join(dir, "list")], {
      env: {
        ...process.env,
        PATH: `${join(dir, "bin")}:${process.env.PATH}`,
        PAUSES: pauses,
        NOT_READY: join(dir, "state/not-ready"),
        CONSOLE: join(dir, "console"),
      },
    });
  const calls = () => readFileSync(join(dir, "calls"), "utf8");

  it("does nothing and says nothing where the image has them all", async () => {
    debian(["fio", "jq", "other", "python3"], []);
    expect(await install("")).toEqual({ stdout: "", stderr: "" });
    expect(calls()).toBe("");
    expect(existsSync(join(dir, "console"))).toBe(false);
  });

  it("installs what is missing, and that alone", async () => {
    debian(["python3"], ["fio", "jq"]);
    expect(await install()).toEqual({ stdout: "", stderr: "" });
    expect(readFileSync(join(dir, "installed"), "utf8")).toBe("python3\nfio\njq\n");
    expect(calls()).toBe("update\njq\n");
  });

  it("says on the console and to machine-apply what is missing and why, and takes that back when it is mended", async () => {
    debian(["python3", "fio"], []);
    await expect(install()).rejects.toMatchObject({ code: 1, stdout: "", stderr: "" });
    expect(calls()).toBe("update\njq\n".repeat(3));
    const said = readFileSync(join(dir, "state/not-ready"), "utf8");
    expect(said).toBe(
      "packages that this host needs could not be installed: jq: E: Unable to locate package jq - give it a way to Debian's mirrors (aws.egress), " +
        "or an image that has them (aws.image); then terminate it, or run install-packages on it, and run the update again\n",
    );
    expect(readFileSync(join(dir, "console"), "utf8")).toBe(said);
    writeFileSync(join(dir, "mirror"), "jq\n");
    await install();
    expect(existsSync(join(dir, "state/not-ready"))).toBe(false);
  });
});

describe("program-key", () => {
  let metadata: Server;
  let tag: string | undefined;
  let refusals = 0;
  const programKey = async () =>
    (await run(boot("usr/local/sbin/program-key"), [`http://127.0.0.1:${(metadata.address() as AddressInfo).port}`]))
      .stdout;

  beforeEach(async () => {
    tag = "ssh-ed25519 AAAA";
    refusals = 0;
    metadata = createServer(({ headers, method, url }, response) => {
      if (refusals-- > 0) return response.writeHead(503).end();
      const isToken =
        method === "PUT" && url === "/latest/api/token" && headers["x-aws-ec2-metadata-token-ttl-seconds"];
      const known = headers["x-aws-ec2-metadata-token"] === "the-token";
      if (isToken) return response.end("the-token");
      if (!known) return response.writeHead(401).end("no token");
      if (url !== "/latest/meta-data/tags/instance/kilonode:ssh-key" || tag === undefined)
        return response.writeHead(404).end("<html>not found</html>");
      return response.end(tag);
    });
    await new Promise<void>((resolve) => metadata.listen(0, "127.0.0.1", resolve));
  });
  afterEach(() => new Promise((resolve) => metadata.close(resolve)));

  it("prints the key that the instance's tag names at that moment", async () => {
    expect(await programKey()).toBe("ssh-ed25519 AAAA");
    tag = "ssh-ed25519 BBBB";
    expect(await programKey()).toBe("ssh-ed25519 BBBB");
  });

  it("asks a busy service again, while the login waits", async () => {
    refusals = 1;
    expect(await programKey()).toBe("ssh-ed25519 AAAA");
  });

  it("lets nobody in without a tag: prints nothing, and fails", async () => {
    tag = undefined;
    await expect(programKey()).rejects.toMatchObject({ stdout: "", code: 22 });
  });
});

describe("the key of a host", () => {
  const key = `ssh-ed25519 ${"A".repeat(67)}+`;
  const other = `ssh-ed25519 ${"B".repeat(68)}`;

  it("is what show-host-key has printed", () => {
    const [pub, console] = [join(dir, "key.pub"), join(dir, "console")];
    writeFileSync(pub, `${key} root@test-master-1\n`);
    execFileSync(boot("usr/local/sbin/show-host-key"), [console], { env: { ...process.env, HOST_KEY: pub } });
    expect(hostKeyOn(`[ 1.0] booting\r\n${readFileSync(console, "utf8").replaceAll("\n", "\r\n")}Debian login: `)).toBe(
      key,
    );
  });

  const shown = (text: string) => `-----BEGIN KILONODE HOST KEY-----\n${text}\n-----END KILONODE HOST KEY-----\n`;
  it.each([
    ["of the last boot", `${shown(other)}${shown(key)}`, key],
    ["after a line of the kernel that did not end", `[   9.1] udev: ${shown(key)}`, key],
    ["nothing of an empty console", "", undefined],
    ["nothing that is cut short", shown(key).slice(0, -5), undefined],
    ["nothing that is no key", shown("ssh-rsa AAAA"), undefined],
    ["nothing with more in it", shown(`${key}\n${other}`), undefined],
    ["the one before a block that is cut short", `${shown(key)}${shown(other).slice(0, 60)}`, key],
  ])("is %s", (_, console, expected) => {
    expect(hostKeyOn(console)).toBe(expected);
  });
});
