/** The rules of every role in a network namespace: who gets through to which port, and what survives a change of them. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Machine } from "../../components/machine/machine";
import type { HostPlan } from "../../components/plan/types";
import { planOf } from "../support/plans";

const tree = resolve("components/machine/files/usr/local");
const canMakeNamespaces = process.getuid?.() === 0 && spawnSync("ip", ["netns", "list"]).status === 0;
if (!canMakeNamespaces) console.warn("firewalls are not tested: making network namespaces wants root and iproute2");

/** A host, and all who may want something of it: one machine with an address for each of them. */
const [host, others] = [`kf${process.pid}a`, `kf${process.pid}b`];
const address = "198.18.0.250";
const callers = {
  operator: "198.18.15.254",
  "load balancer": "198.18.0.5",
  "node simulator": "198.18.0.6",
  master: "198.18.1.11",
  "a twelfth master": "198.18.2.21",
  "member of main": "198.18.2.42",
  "a later member of main, in a later zone": "198.18.3.49",
  "member of events": "198.18.1.58",
  node: "198.19.7.7",
  pod: "10.130.0.9",
  stranger: "198.18.0.200",
  "IPv6 neighbour": "fd00:db8::2",
} as const;
type Caller = keyof typeof callers;
const everybody = Object.keys(callers) as Caller[];
const listening = [22, 2379, 2380, 2381, 6443, 10250];

const plan = planOf("lab", { network: { operators: ["203.0.113.0/24"] } });
const inside = (namespace: string, ...words: string[]) =>
  execFileSync("ip", ["netns", "exec", namespace, ...words], { encoding: "utf8" });

/** What machine-apply writes for the machine. */
function rules({ firewall }: Machine): string {
  const script =
    "import json,sys\nsys.path.insert(0,sys.argv[1])\nfrom machine_apply.firewall import rules_file\n" +
    "print(rules_file({'firewall': json.load(sys.stdin)}), end='')";
  const input = JSON.stringify(firewall);
  return execFileSync("python3", ["-c", script, `${tree}/lib/kilonode`], { encoding: "utf8", input });
}

const folder = mkdtempSync(join(tmpdir(), "kilonode-firewall-"));
const config = join(folder, "firewall.nft");

function firewall(verb: "apply" | "check" | "remove") {
  const words = ["netns", "exec", host, `${tree}/sbin/host-firewall`, verb, "--config", config];
  const { status, stderr } = spawnSync("ip", words, { encoding: "utf8" });
  return { status, says: stderr.replace("host-firewall: ", "").trim() };
}

/** Every port, tried from every address at once: who got an answer. It is over when there was none for a while. */
function admitted(): Record<number, Caller[]> {
  const script = `
import json, selectors, socket, sys, time
targets, callers, ports = json.loads(sys.argv[1])
tried, waits = {}, selectors.DefaultSelector()
for name, source in callers.items():
    for port in ports:
        s = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET)
        s.bind((source, 0)); s.setblocking(False)
        s.connect_ex((targets[":" in source], port))
        waits.register(s, selectors.EVENT_WRITE, (name, port))
end, open = time.time() + 4, []
while time.time() < end and waits.get_map():
    for key, _ in waits.select(end - time.time()):
        waits.unregister(key.fileobj)
        if key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0: open.append(key.data)
        end = time.time() + 2
print(json.dumps(open))`;
  const what = JSON.stringify([[address, "fd00:db8::1"], callers, listening]);
  const open = JSON.parse(inside(others, "python3", "-c", script, what)) as [Caller, number][];
  return Object.fromEntries(
    listening
      .map((port) => [port, everybody.filter((name) => open.some(([who, to]) => who === name && to === port))] as const)
      .filter(([, names]) => names.length > 0),
  );
}

/** Listens at every port, and says what it is sent; open connections stay open. */
function listen() {
  const script = `
import selectors, socket, sys
ready = selectors.DefaultSelector()
for port in map(int, sys.argv[1:]):
    ready.register(socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64), selectors.EVENT_READ, True)
while True:
    for key, _ in ready.select():
        if key.data: ready.register(key.fileobj.accept()[0], selectors.EVENT_READ, False)
        else:
            said = key.fileobj.recv(99)
            if said: key.fileobj.sendall(said)
            else: ready.unregister(key.fileobj); key.fileobj.close()`;
  return spawn("ip", ["netns", "exec", host, "python3", "-c", script, ...listening.map(String)], { stdio: "ignore" });
}

/** A ping of an address from another. */
const echo = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
s.bind((sys.argv[1], 0)); s.settimeout(20)
s.sendto(bytes.fromhex("0800f7ff00000000"), (sys.argv[2], 0))
while s.recv(99)[20] != 0: pass
print("echo reply")`;

const hostOfRole = (role: HostPlan["role"]) => plan.hosts.find((one) => one.role === role) as HostPlan;

describe.runIf(canMakeNamespaces)("a host's firewall", () => {
  let listener: ReturnType<typeof listen>;

  beforeAll(() => {
    for (const namespace of [host, others]) execFileSync("ip", ["netns", "add", namespace]);
    execFileSync("ip", ["-n", host, "link", "add", "up0", "type", "veth", "peer", "name", "up0", "netns", others]);
    for (const namespace of [host, others]) {
      const own: readonly string[] = namespace === host ? [address, "fd00:db8::1"] : Object.values(callers);
      execFileSync("ip", ["-n", namespace, "-batch", "-"], {
        input: [
          "link set lo up",
          "link set up0 up",
          ...own.map((one) => `addr add ${one}${one.includes(":") ? "/64 nodad" : "/32"} dev up0`),
          "route add 0.0.0.0/0 dev up0",
        ]
          .map((line) => `${line}\n`)
          .join(""),
      });
    }
    listener = listen();
    for (let tries = 0; tries < 20 && admitted()[22]?.length !== everybody.length; tries++);
  });

  afterAll(() => {
    listener?.kill();
    for (const namespace of [host, others]) spawnSync("ip", ["netns", "del", namespace]);
    rmSync(folder, { recursive: true });
  });

  const apiClients: Caller[] = [
    "operator",
    "load balancer",
    "node simulator",
    "master",
    "a twelfth master",
    "node",
    "pod",
  ];

  test.for<[HostPlan["role"], Record<number, Caller[]>]>([
    [
      "etcd",
      {
        22: ["operator"],
        2379: ["master", "a twelfth master", "member of main", "a later member of main, in a later zone"],
        2380: ["member of main", "a later member of main, in a later zone"],
      },
    ],
    ["master", { 22: ["operator"], 6443: apiClients }],
    ["load-balancer", { 22: ["operator"], 6443: apiClients }],
    ["node-simulator", { 22: ["operator"] }],
  ])("of the role %s lets in who needs it, and nobody else", ([role, expected]) => {
    firewall("remove");
    expect(admitted()).toEqual(Object.fromEntries(listening.map((port) => [port, everybody])));
    writeFileSync(config, rules(hostOfRole(role).machine));
    expect(firewall("check")).toEqual({ status: 3, says: "the rules are not loaded" });
    expect(firewall("apply")).toEqual({ status: 0, says: "" });
    expect(admitted()).toEqual(expected);
    expect(firewall("check")).toEqual({ status: 0, says: "" });
    // From the host itself, and pings.
    inside(host, "bash", "-c", `: </dev/tcp/${address}/2381`);
    expect(inside(others, "python3", "-c", echo, callers.stranger, address)).toBe("echo reply\n");
  });

  test("leaves open connections and held clients alone, and is loaded whole or not at all", () => {
    writeFileSync(config, rules(hostOfRole("etcd").machine));
    firewall("remove");
    const script = `
import socket, subprocess, sys
s = socket.create_connection((sys.argv[1], 2379), source_address=(sys.argv[2], 0), timeout=20)
subprocess.run(sys.argv[3:], check=True)
s.sendall(b"still here"); print(s.recv(99).decode())`;
    const apply = ["ip", "netns", "exec", host, `${tree}/sbin/host-firewall`, "apply", "--config", config];
    // `ip netns exec` from within one works all the same: it enters the other.
    expect(inside(others, "python3", "-c", script, address, callers.stranger, ...apply)).toBe("still here\n");
    expect(admitted()[2379]).not.toContain("stranger");

    inside(
      host,
      `${tree}/lib/kilonode/hold-clients`,
      "hold",
      "2379",
      "600000",
      callers.operator,
      "http://127.0.0.1:1/",
    );
    expect(admitted()[2379]).toBeUndefined();
    firewall("apply");
    expect(admitted()[2379]).toBeUndefined();
    inside(host, `${tree}/lib/kilonode/hold-clients`, "release");
    expect(admitted()[2379]).toContain("master");

    writeFileSync(config, `${rules(hostOfRole("master").machine)}no rule\n`);
    expect(firewall("apply")).toMatchObject({ status: 1, says: expect.stringContaining("syntax error") });
    expect(admitted()[2379]).toContain("master");
  });

  test("shows what somebody has changed, and is as planned when it is loaded again", () => {
    writeFileSync(config, rules(hostOfRole("etcd").machine));
    firewall("apply");
    inside(host, "nft", "insert rule inet kilonode_firewall input tcp dport 2380 accept");
    expect(firewall("check")).toEqual({ status: 3, says: 'the rules differ: has "tcp dport 2380 accept"' });
    expect(admitted()[2380]).toContain("stranger");
    firewall("apply");
    expect(firewall("check").status).toBe(0);
    inside(host, "nft", "flush ruleset");
    expect(firewall("check")).toEqual({ status: 3, says: "the rules are not loaded" });
  });
});
