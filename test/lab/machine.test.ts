import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const program = resolve("components/machine/files/usr/local/sbin/traffic-classes");
const canMakeNamespaces = process.getuid?.() === 0 && spawnSync("ip", ["netns", "list"]).status === 0;

const [near, far] = [`kt${process.pid}a`, `kt${process.pid}b`];
const inside = (namespace: string, ...words: string[]): string =>
  execFileSync("ip", ["netns", "exec", namespace, ...words], { encoding: "utf8" });

/** Whether the kernel has a queue or filter, tried on the link itself. */
function kernelHas(...words: string[]): boolean {
  const tried = spawnSync("ip", [
    "netns",
    "exec",
    near,
    "tc",
    "qdisc",
    "add",
    "dev",
    "up0",
    "root",
    "handle",
    "7:",
    ...words,
  ]);
  spawnSync("ip", ["netns", "exec", near, "tc", "qdisc", "del", "dev", "up0", "root"]);
  return tried.status === 0;
}

if (!canMakeNamespaces)
  console.warn("traffic classes are not tested: making network namespaces wants root and iproute2");

describe.runIf(canMakeNamespaces)("traffic classes on a real link", () => {
  const folder = mkdtempSync(join(tmpdir(), "kilonode-traffic-"));
  const config = join(folder, "traffic-classes");
  const plan = "# etcd\nband 1 2380 2381 # peers\nband 2 2379 # clients\n";

  function traffic(verb: string, path = process.env.PATH, ...more: string[]) {
    const env = { ...process.env, PATH: path };
    const words = ["netns", "exec", near, program, verb, "--config", config, ...more];
    return spawnSync("ip", words, { encoding: "utf8", env });
  }

  beforeAll(() => {
    writeFileSync(config, plan);
    for (const namespace of [near, far]) execFileSync("ip", ["netns", "add", namespace]);
    execFileSync("ip", ["-n", near, "link", "add", "up0", "type", "veth", "peer", "name", "up0", "netns", far]);
    for (const [index, namespace] of [near, far].entries()) {
      const ip = (...words: string[]) => execFileSync("ip", ["-n", namespace, ...words]);
      ip("link", "set", "lo", "up");
      ip("addr", "add", `198.51.100.${index + 1}/24`, "dev", "up0");
      ip("addr", "add", `fd00:db8::${index + 1}/64`, "dev", "up0", "nodad");
      ip("link", "set", "up0", "up");
    }
    execFileSync("ip", ["-n", near, "route", "add", "default", "via", "198.51.100.2"]);
    untilAnswered("198.51.100.2", "fd00:db8::2");
  });

  /** A link drops what is sent before the kernel has seen its carrier, which a busy machine does late. */
  function untilAnswered(...addresses: string[]): void {
    const script =
      "import socket,sys,time\n" +
      "end=time.time()+30\n" +
      "for a in sys.argv[1:]:\n" +
      "  while True:\n" +
      "    s=socket.socket(socket.AF_INET6 if ':' in a else socket.AF_INET); s.settimeout(1)\n" +
      "    try: s.connect((a,9))\n" +
      "    except ConnectionRefusedError: break\n" +
      "    except OSError:\n" +
      "      if time.time()>end: raise\n";
    inside(near, "python3", "-IS", "-c", script, ...addresses);
  }

  afterAll(() => {
    for (const namespace of [near, far]) spawnSync("ip", ["netns", "del", namespace]);
    rmSync(folder, { recursive: true });
  });

  /** Packets that each band has sent. */
  function sent(): number[] {
    const text = inside(near, "tc", "-s", "class", "show", "dev", "up0");
    return [1, 2, 3].map((band) =>
      Number(text.match(new RegExp(`class \\w+ 1:${band} [^]*?Sent \\d+ bytes (\\d+) pkt`))?.[1] ?? Number.NaN),
    );
  }

  /** What a connection attempt from or to a port adds to each band. */
  function bandsOf(address: string, to: number, from = 0): number[] {
    const before = sent();
    const script =
      "import socket,sys; a,to,frm=sys.argv[1],int(sys.argv[2]),int(sys.argv[3])\n" +
      "s=socket.socket(socket.AF_INET6 if ':' in a else socket.AF_INET); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n" +
      "s.bind(('',frm)); s.settimeout(1); s.connect_ex((a,to))";
    inside(near, "python3", "-IS", "-c", script, address, String(to), String(from));
    return sent().map((count, index) => (count > before[index]! ? 1 : 0));
  }

  /** Neighbour discovery and the like go to the third band at any time: only the first two are told apart. */
  function expectSorting(): void {
    for (const address of ["198.51.100.2", "fd00:db8::2"]) {
      expect(bandsOf(address, 2380).slice(0, 2)).toEqual([1, 0]);
      expect(bandsOf(address, 2381).slice(0, 2)).toEqual([1, 0]);
      expect(bandsOf(address, 2379).slice(0, 2)).toEqual([0, 1]);
      expect(bandsOf(address, 6443)).toEqual([0, 0, 1]);
      expect(bandsOf(address, 6443, 2380).slice(0, 2)).toEqual([1, 0]); // an answer of this host's own port
      expect(bandsOf(address, 2380, 2379).slice(0, 2)).toEqual([1, 0]); // the first line that matches wins
    }
  }

  test("each port goes to its band, both families, both directions, and applying again changes nothing", () => {
    const expectedForm = kernelHas("prio") ? "prio+u32" : "htb+u32";
    expect(traffic("check").status).toBe(3);
    const applied = traffic("apply");
    expect([applied.stderr, applied.status]).toEqual(["", 0]);
    const form = traffic("form").stdout.trim();
    console.info(`traffic classes: this kernel gives ${form}`);
    expect(form).toBe(expectedForm);
    expect(traffic("check")).toMatchObject({ status: 0, stdout: `up0: as planned (${form})\n` });
    expectSorting();
    const before = sent();
    expect(traffic("apply").stdout).toBe(`up0: as planned already (${form})\n`);
    expect(sent()[0]).toBeGreaterThanOrEqual(before[0]!); // the counters were not set back
  });

  test("htb gives the same bands where prio is missing", () => {
    // A rate asks for htb: prio cannot limit.
    expect(traffic("apply", undefined, "--rate", "100mbit").status).toBe(0);
    expect(traffic("form").stdout).toBe("htb+u32\n");
    expectSorting();
  });

  test("nft sorts where u32 is missing", (context) => {
    if (spawnSync("nft", ["--version"]).status !== 0) return context.skip("nft is not installed");
    const bin = mkdtempSync(join(tmpdir(), "kilonode-no-u32-"));
    const real = execFileSync("bash", ["-c", "type -P tc"], { encoding: "utf8" }).trim();
    const without = `#!/bin/bash\nif [[ $1 == -batch ]]; then batch=$(cat); [[ $batch != *u32* ]] || exit 1; exec ${real} "$@" <<<"$batch"; fi\nexec ${real} "$@"\n`;
    writeFileSync(join(bin, "tc"), without, { mode: 0o755 });
    const path = `${bin}:${process.env.PATH}`;
    traffic("remove");
    expect(traffic("apply", path).status).toBe(0);
    expect(traffic("form").stdout).toMatch(/^(prio|htb)\+nft\n$/);
    expect(traffic("check").status).toBe(0);
    expectSorting();
    rmSync(bin, { recursive: true });
  });

  test("what somebody changed is told and put right; a link that goes down and up keeps its classes", () => {
    traffic("remove");
    traffic("apply");
    const form = traffic("form").stdout.trim();
    inside(near, "tc", "filter", "del", "dev", "up0", "parent", "1:", "pref", "101");
    expect(traffic("check")).toMatchObject({
      status: 3,
      stderr: expect.stringContaining(`missing: ip6 0 1 dport 2380\n`),
    });
    expect(traffic("apply").status).toBe(0);

    execFileSync("ip", ["-n", near, "link", "set", "up0", "down"]);
    execFileSync("ip", ["-n", near, "link", "set", "up0", "up"]);
    execFileSync("ip", ["-n", near, "route", "add", "default", "via", "198.51.100.2"]);
    expect(traffic("check")).toMatchObject({ status: 0, stdout: `up0: as planned (${form})\n` });

    inside(near, "tc", "qdisc", "del", "dev", "up0", "root");
    expect(traffic("check")).toMatchObject({ status: 3, stderr: "traffic-classes: up0 has no traffic classes\n" });
    expect(traffic("apply").status).toBe(0);

    writeFileSync(config, "band 1 2380\n");
    expect(traffic("check").status).toBe(3);
    expect(traffic("apply").status).toBe(0);
    expect(traffic("check").status).toBe(0);
    expect(traffic("remove").status).toBe(0);
    expect(inside(near, "tc", "qdisc", "show", "dev", "up0")).not.toMatch(/prio|htb/);
  });

  test("peers get through while clients fill the link", () => {
    writeFileSync(config, plan);
    // 20 Mbit/s, a flood to 2379, and a round trip to 2380 every 50 ms: slow without classes, quick with them.
    const server =
      "import socket,threading\n" +
      "def echo(c):\n  while (d := c.recv(65536)): c.sendall(d[:1]) if c.getsockname()[1] == 2380 else None\n" +
      "def serve(p):\n  s=socket.create_server(('',p))\n  while True: threading.Thread(target=echo,args=(s.accept()[0],),daemon=True).start()\n" +
      "threading.Thread(target=serve,args=(2379,),daemon=True).start(); serve(2380)\n";
    const client =
      "import socket,threading,time\n" +
      "def flood():\n  c=socket.create_connection(('198.51.100.2',2379))\n  while True: c.sendall(b'x'*65536)\n" +
      "[threading.Thread(target=flood,daemon=True).start() for _ in range(4)]; time.sleep(2)\n" +
      "c=socket.create_connection(('198.51.100.2',2380)); c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1); worst=[]\n" +
      "for _ in range(40):\n  t=time.monotonic(); c.sendall(b'beat'); c.recv(1); worst.append(time.monotonic()-t); time.sleep(0.05)\n" +
      "print(round(sorted(worst)[len(worst)//2]*1000,1))\n";
    const measure = (): number => {
      const run = `ip netns exec ${far} timeout 20 python3 -IS -c "$1" & server=$!; sleep 0.7; ip netns exec ${near} timeout 15 python3 -IS -c "$2"; kill $server; wait`;
      return Number(execFileSync("bash", ["-c", run, "bash", server, client], { encoding: "utf8" }));
    };
    traffic("remove");
    const rate = ["--rate", "20mbit"];
    expect(traffic("apply", undefined, ...rate).status).toBe(0);
    const withClasses = measure();
    for (const family of ["ip", "ipv6"]) {
      const prefs = family === "ip" ? ["100", "102"] : ["101", "103"];
      for (const pref of prefs) inside(near, "tc", "filter", "del", "dev", "up0", "parent", "1:", "pref", pref);
    }
    const withoutClasses = measure();
    console.info(
      `round trip of a peer under a flood of clients: ${withClasses} ms with classes, ${withoutClasses} ms without`,
    );
    expect(withClasses * 3).toBeLessThan(withoutClasses);
  });
});
