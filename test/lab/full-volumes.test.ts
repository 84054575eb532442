/** Volumes without room, for real: what is full of bytes and what is full of inodes is told apart from what only seems so. */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { etcdBinary, FakeHost, machine, with_ } from "../unit/machine-fake-host";
import { inLab } from "./support/lab";

const mount = "/var/lib/etcd-wal";

inLab("a service whose volume", () => {
  let host: FakeHost;

  beforeEach(() => {
    host = new FakeHost();
    const content = with_((m) => {
      m.volumes = [
        { name: "wal", mount, fs: "ext4", sizeGiB: 2, apartFrom: [], owner: "etcd:etcd", device: "/dev/null" },
      ];
      m.services = { "etcd.service": machine.services["etcd.service"]! };
    });
    host.write("/var/lib/kilonode/active/content.json", JSON.stringify({ machine: content }));
    host.write("/usr/local/bin/etcd", etcdBinary);
    chmodSync(host.path("/usr/local/bin/etcd"), 0o755);
    host.write("/etc/systemd/system/etcd.service", "");
    host.write("/proc/self/mountinfo", `1 2 8:1 / ${mount} rw - ext4 /dev/sdb rw\n`);
    host.write(`${mount}/keep`, "");
    host.write("/fake/etcd.service.active", "activating");
    const exec = "ExecStart={ path=/usr/local/bin/etcd ; argv[]=/usr/local/bin/etcd ; ignore_errors=no }";
    const ended = "User=etcd\nSubState=auto-restart\nExecMainCode=1\nExecMainStatus=1\nInvocationID=a1";
    host.write("/fake/etcd.service.details", `${exec}\n${ended}\n`);
    host.write("/fake/journal", "it ends\n");
  });

  afterEach(() => {
    if (existsSync(host.path(mount))) execFileSync("umount", [host.path(mount)]);
    host.remove();
  });

  const mounted = (options: string) =>
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "kilonode-test", host.path(mount)]);
  const found = () => host.ok("diagnose").down[0];
  const files = (count: number) => {
    for (let index = 0; index < count; index++) writeFileSync(host.path(`${mount}/${index}`), "");
  };

  it("has no bytes left is full", () => {
    mounted("size=4m");
    expect(found()).toMatchObject({ cause: "ends" });
    writeFileSync(host.path(`${mount}/filler`), Buffer.alloc(4 << 20));
    expect(found()).toMatchObject({
      cause: "full",
      text: `the file system of ${mount} is full: 0 B of 4 MiB are free`,
    });
  });

  it("has no inodes left is full", () => {
    mounted("size=64m,nr_inodes=16");
    files(15);
    expect(found()).toMatchObject({
      cause: "full",
      text: `the file system of ${mount} has none of its 16 inodes left`,
    });
  });

  it("has less room than a write that was refused is full; with room again it is not", () => {
    mounted("size=200m");
    host.write("/fake/journal", "failed to preallocate: no space left on device\n");
    expect(found()).toMatchObject({ cause: "ends" });
    writeFileSync(host.path(`${mount}/filler`), Buffer.alloc(180 << 20));
    expect(found()).toMatchObject({ cause: "full", text: expect.stringContaining("20 MiB of 200 MiB are free") });
  });
});
