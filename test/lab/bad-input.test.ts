/**
 * What a user gets wrong, through the real `kilonode up`: each is refused with what is wrong, what was got and what to do, the
 * right exit code and nothing touched. None needs a cluster.
 */
import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { finished, project, type Ran, TestStack } from "../../bench/lib/stack";
import { defaultCacheDir } from "../../toolchain/cache";
import { inLab } from "./support/lab";

const prefix = "kn-badinput";
const run = (command: string) => execFileSync("bash", ["-ec", command], { encoding: "utf8" });

let stack: TestStack;
let scratch: string;

/** Everything that an `up` of the stack may leave: on the machine, of its state, in its own scratch folder. */
function touched(): string[] {
  return [
    run(`ip -o link | grep -F ' ${prefix}' || true`),
    run(`ip netns list | grep -E '^${prefix}' || true`),
    run(`grep -F '/${prefix}/' /proc/mounts || true`),
    run(`ls -d /var/lib/kilonode/lab/${prefix} 2>/dev/null || true`),
    ...readdirSync(stack.stateDir),
  ].filter((text) => text !== "");
}

/** Runs `up` with these variables, without a passphrase in them: it is made, and removed again. */
function up(env: NodeJS.ProcessEnv = {}, before: readonly string[] = []): Promise<Ran> {
  const { PULUMI_CONFIG_PASSPHRASE: _, PULUMI_CONFIG_PASSPHRASE_FILE: __, ...inherited } = stack.env;
  const [program = "", ...args] = [...before, process.execPath, join(project, "cli/kilonode.mjs"), "up", stack.name];
  const stdio = ["ignore", "pipe", "pipe"] as const;
  return finished(spawn(program, args, { cwd: project, env: { ...inherited, ...env }, stdio: [...stdio] }));
}

function expectRefused({ code, stdout, stderr }: Ran, expected: number, ...texts: readonly (string | RegExp)[]): void {
  const said = `${stdout}\n${stderr}`;
  for (const text of texts) expect(said).toMatch(text);
  expect(said).not.toMatch(/^\s+at .*:\d+|unhandled exception/m);
  expect(code, said).toBe(expected);
  expect(touched()).toEqual([]);
}

/** A small disk at a folder of its own while the work runs. */
async function withSmallDisk(mebibytes: number, work: (dir: string) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(scratch, "disk-"));
  run(`mount -t tmpfs -o size=${mebibytes}m ${prefix} ${dir}`);
  try {
    await work(dir);
    expect(readdirSync(dir)).toEqual([]);
  } finally {
    run(`umount ${dir}`);
  }
}

inLab("bad input through `kilonode up`", () => {
  beforeAll(() => {
    stack = new TestStack("badinput");
    scratch = mkdtempSync(join(tmpdir(), "kilonode-bad-"));
    chmodSync(scratch, 0o755);
  });
  afterAll(() => {
    stack.remove();
    rmSync(scratch, { recursive: true, force: true });
  });

  describe("the machine: exit 1", () => {
    // Nobody may read root's folders: a cache and a state of his own.
    const asNobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const own = (name: string) => {
      const dir = join(scratch, name);
      mkdirSync(dir);
      run(`chown 65534:65534 ${dir}`);
      return dir;
    };
    /** A project below a folder that only root may enter cannot be tried like this. */
    const readable = () =>
      execFileSync("bash", ["-c", `${asNobody.join(" ")} test -r ${project}/package.json && echo yes || true`], {
        encoding: "utf8",
      }).includes("yes");

    it("not root", async (context) => {
      if (!readable()) context.skip(`uid 65534 may not read ${project}`);
      const env = { HOME: own("home"), KILONODE_STATE_DIR: join(own("state"), "kilonode") };
      expectRefused(
        await up(env, asNobody),
        1,
        "nothing was touched",
        "root: uid is 65534",
        "run the same command as root, for instance with sudo -E",
      );
      expect(readdirSync(join(scratch, "state"))).toEqual([]);
    });

    it("not root, with root's state", async (context) => {
      if (!readable()) context.skip(`uid 65534 may not read ${project}`);
      expectRefused(
        await up({ HOME: scratch }, asNobody),
        1,
        `the folder of the state, ${stack.stateDir}, cannot be read as uid 65534`,
        "sudo -E",
        "Nothing was touched",
      );
    });

    it("an address range that a link of the machine is in", async () => {
      run("ip link add kntaken type bridge; ip address add 198.18.127.9/24 dev kntaken; ip link set kntaken up");
      try {
        expectRefused(
          await up(),
          1,
          /198\.18\.112\.0\/20 overlaps .*198\.18\.127\.9\/24.* on kntaken of this machine/,
          "set network.hosts",
        );
      } finally {
        run("ip link delete kntaken");
      }
    });

    it("a full disk for the state", () =>
      withSmallDisk(1, async (dir) => {
        expectRefused(
          await up({ KILONODE_STATE_DIR: join(dir, "state") }),
          1,
          /the disk of the state is full: \d MiB are free in .*, the state of 10 hosts needs 36/,
          "set KILONODE_STATE_DIR",
        );
      }));

    it("a full disk for what labs share", () =>
      withSmallDisk(64, async (dir) => {
        expectRefused(
          await up({ STORE_DIR: dir }),
          1,
          `disk space: 64 MiB are free under ${dir}, needed are 1024`,
          "set STORE_DIR to a folder on a larger disk",
        );
      }));

    it("a full disk for the hosts", () =>
      withSmallDisk(64, async (dir) => {
        expectRefused(
          await up({ STATE_DIR: dir }),
          1,
          `disk space: 64 MiB are free under ${dir}, needed are`,
          "set STATE_DIR to a folder on a larger disk",
        );
      }));

    it("a cached binary with a flipped byte that cannot be made again", async (context) => {
      if (run("command -v go || true") === "") context.skip("without Go binaries are not compiled");
      const { cache, binary } = cacheWithFlippedByte();
      const before = readFileSync(binary);
      // The source is nowhere to be had.
      const env = { GOPROXY: "off", GOMODCACHE: join(scratch, "no-modules"), GOFLAGS: "-modcacherw" };
      expectRefused(
        await up({ ...env, KILONODE_CACHE_DIR: cache }),
        1,
        /kwok .* in the cache is damaged: sha256 [0-9a-f]{16}\.\.\., expected [0-9a-f]{16}\.\.\.; making it again/,
        "the Go module proxy did not give the source of kwok",
        "name another proxy with GOPROXY",
      );
      expect(readFileSync(binary).equals(before)).toBe(true);
    });
  });

  describe("the state", () => {
    it("truncated: exit 1, and it stays as it is", async () => {
      const text = '{"version": 3, "deployment": {"manifest"';
      writeFileSync(stack.stateFile, text);
      const ran = await up({ PULUMI_CONFIG_PASSPHRASE: "test" });
      expect(readFileSync(stack.stateFile, "utf8")).toBe(text);
      rmSync(stack.stateFile);
      expectRefused(ran, 1, `the state file ${stack.stateFile} is damaged`, "Nothing was done");
    });

    it("encrypted with another passphrase: exit 2, and it stays as it is", async () => {
      const salt = "v1:3ZsJ4mS4bPw=:v1:vEq3GmDNsNQhmFJp:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==";
      const text = JSON.stringify({
        version: 3,
        deployment: { manifest: {}, secrets_providers: { type: "passphrase", state: { salt } }, resources: [] },
      });
      writeFileSync(stack.stateFile, text);
      const ran = await up({ PULUMI_CONFIG_PASSPHRASE: "wrong" });
      expect(readFileSync(stack.stateFile, "utf8")).toBe(text);
      rmSync(stack.stateFile);
      expectRefused(ran, 2, "the passphrase is not the one", "set PULUMI_CONFIG_PASSPHRASE", "Nothing was changed");
    });
  });

  describe("the configuration: exit 2", () => {
    const events = { members: 1, resources: ["/events"] };
    const leases = { members: 1, resources: ["coordination.k8s.io/leases"] };
    const cases: readonly (readonly [what: string, change: Record<string, unknown>, found: string, remedy: string])[] =
      [
        ["an unknown key", { mastres: { count: 3 } }, "mastres: unknown key", "docs/configuration.md"],
        [
          "a shard of even size",
          { etcd: { shards: { main: { members: 4 }, events, leases } } },
          "etcd.shards.main.members: 4 members: an even size",
          "take 3 or 5",
        ],
        [
          "nine voters without the override",
          { etcd: { shards: { main: { members: 9 }, events, leases } } },
          "9 voters: at most 7",
          "etcd.allowMoreThanSevenVoters: true",
        ],
        [
          "a version that is none",
          { kubernetesVersion: "1.37" },
          'kubernetesVersion: "1.37" is no release of Kubernetes that can be installed',
          'written in full: "1.37.2"',
        ],
        [
          "a runtime that needs a kubelet",
          { masters: { count: 3, runtime: "static-pod" } },
          "masters.runtime: static-pod is nothing that masters on lab can run: static pods need a kubelet",
          "allowed is systemd",
        ],
        [
          "overlapping ranges",
          { network: { services: "198.18.112.0/24" } },
          "network.services: 198.18.112.0/24 overlaps network.hosts (198.18.112.0/20)",
          "choose ranges that share no address",
        ],
      ];
    it.each(cases)("%s", async (_, change, found, remedy) => {
      const before = readFileSync(stack.file);
      stack.configure(change);
      const ran = await up();
      writeFileSync(stack.file, before);
      expectRefused(ran, 2, "the configuration of stack badinput has 1 error; nothing was touched", found, remedy);
    });
  });
});

/** The machine's cache as links, and of the smallest binary a copy with one byte changed. */
function cacheWithFlippedByte(): { cache: string; binary: string } {
  const whole = defaultCacheDir(process.env);
  const cache = join(scratch, "cache");
  let binary = "";
  const link = (path: string) => {
    mkdirSync(join(cache, path), { recursive: true });
    for (const entry of readdirSync(join(whole, path), { withFileTypes: true })) {
      const name = join(path, entry.name);
      if (entry.isDirectory()) link(name);
      else if (entry.name === "kwok") {
        binary = join(cache, name);
        copyFileSync(join(whole, name), binary);
      } else if (entry.name === "manifest.json") copyFileSync(join(whole, name), join(cache, name));
      else if (path !== "artifacts") symlinkSync(join(whole, name), join(cache, name));
    }
  };
  link("artifacts");
  link("toolchain");
  const bytes = readFileSync(binary);
  bytes[1_000_000] = (bytes[1_000_000] ?? 0) ^ 0xff;
  chmodSync(binary, 0o755);
  writeFileSync(binary, bytes);
  chmodSync(binary, 0o555);
  return { cache, binary };
}
