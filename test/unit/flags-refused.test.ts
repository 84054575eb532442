/** Flags of a configuration: what is accepted is what the program gets, and what security forbids is not accepted in any spelling. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Component, components } from "../../components/control-plane/flags";
import { environmentFile, lines } from "../../components/machine/host-files";
import { knownFlags } from "../../config/flags";
import { defaultReleases } from "../../config/releases";
import { clusterOf, hostsOf, problemsOf } from "../support/plans";

const knobs = {
  "kube-apiserver": "apiserver",
  "kube-controller-manager": "controllerManager",
  "kube-scheduler": "scheduler",
} as const;

type Flags = Readonly<Record<string, string | number | boolean>>;

const small = { platform: "lab", ephemeral: true, zones: ["a"], etcd: { shards: { main: { members: 1 } } } };
const withFlags = (component: Component, flags: Flags) => ({
  ...small,
  masters: { count: 1, flags: { [knobs[component]]: flags } },
});
const problems = (component: Component, flags: Flags) => problemsOf(withFlags(component, flags));

/** The file of flags on the first master. */
function flagsFile(component: Component, flags: Flags): string {
  const [master] = hostsOf(clusterOf("test", withFlags(component, flags)).plan, "masters");
  return master?.machine.files[`/etc/kubernetes/${component}.flags`]?.content ?? "";
}

/** The arguments that run-with-flags makes of it. */
function argumentsOf(file: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), "kilonode-flags-"));
  try {
    writeFileSync(join(folder, "flags"), file);
    writeFileSync(join(folder, "show"), "#!/bin/sh\nprintf '%s\\0' \"$@\"\n", { mode: 0o700 });
    const script = resolve("components/machine/files/usr/local/lib/kilonode/run-with-flags");
    const { stdout } = spawnSync(script, [join(folder, "show"), join(folder, "flags")], { encoding: "utf8" });
    return stdout.split("\0").slice(0, -1);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("a value is one line: none brings a flag of its own", () => {
  const value = "1h\n--anonymous-auth=true\n--authorization-mode=AlwaysAllow";
  expect(problems("kube-apiserver", { "event-ttl": value })).toEqual([
    `masters.flags.apiserver.event-ttl: wants one line without control characters: a host reads its files line by line (got ${JSON.stringify(value)})`,
  ]);
  expect(argumentsOf(flagsFile("kube-apiserver", { "event-ttl": "2h" }))).toContain("--event-ttl=2h");
});

test("a text anywhere in a configuration is one line, and every other error is told beside it", () => {
  expect(
    problemsOf({
      ...small,
      zones: ["a\n"],
      network: { pods: "10.128.0.0/9\r" },
      pools: {
        p: {
          count: "x",
          labels: { "a\nb": "c", d: "e\0" },
          taints: [
            { key: "k\u2028", effect: "NoSchedule" },
            { key: "k\n", effect: "x" },
          ],
        },
      },
    }).map((line) => line.replace(/ a host reads.*/s, "")),
  ).toEqual([
    "zones.0: wants one line without control characters:",
    "network.pods: wants one line without control characters:",
    "pools.p.labels: wants one line without control characters:",
    "pools.p.labels.d: wants one line without control characters:",
    "pools.p.taints.0.key: wants one line without control characters:",
    "pools.p.taints.1.key: wants one line without control characters:",
    'pools.p.count: Invalid input: expected number, received string (got "x")',
  ]);
});

test("what renders a file that is read by lines takes no value of several", () => {
  expect(lines`a ${1}\n${["b", "c"]}\n`).toBe("a 1\nb\nc\n");
  expect(() => lines`a ${"b\n    stats socket /run/x"}`).toThrow("one line");
  expect(() => lines`${["--a=b", "--c=d\n--e=f"]}`).toThrow("one line");
  expect(() => environmentFile({ A: "b\nLD_PRELOAD=c" })).toThrow("one line");
  // Both systemd and a shell that reads the file take it back as it was.
  const value = String.raw`a\b "c" $HOME ${"`"}d${"`"} #e`;
  const { content } = environmentFile({ A: value, B: "plain:/1,2" });
  expect(content).toContain("\nB=plain:/1,2\n");
  const read = spawnSync("sh", ["-c", `set -eu\n${content}printf %s "$A"`], { encoding: "utf8", env: {} });
  expect(read.stdout).toBe(value);
});

test("what security forbids is refused all at once, with why and what to do", () => {
  const found = problems("kube-apiserver", {
    "token-auth-file": "/t",
    "authorization-config": "/a",
    "authorization-mode": "AlwaysAllow",
    "anonymous-auth": true,
    "basic-auth-file": "/b",
    "insecure-port": 8080,
    "disable-admission-plugins": "NodeRestriction",
    "enable-admission-plugins": "AlwaysAdmit,NamespaceExists",
    "feature-gates": "WatchList=f",
    v: 8,
  });
  expect(found.map((line) => line.replace("masters.flags.apiserver.", ""))).toEqual([
    "token-auth-file: refused: its tokens are in clear on every master, never end, and are taken back by a restart only; give people OIDC (--oidc-issuer-url) or certificates, programs service accounts (got /t)",
    "authorization-config: refused: it takes the place of --authorization-mode=Node,RBAC, which binds a node to its own objects and everyone to their roles; say who may do what with roles (got /a)",
    expect.stringMatching(/^authorization-mode: protected \(the plan sets Node,RBAC\)/),
    expect.stringMatching(/^anonymous-auth: protected \(the plan sets false\)/),
    "basic-auth-file: kube-apiserver 1.37.2 does not have this flag; removed: passwords in clear; use OIDC (--oidc-issuer-url) or certificates (got /b)",
    "insecure-port: kube-apiserver 1.37.2 does not have this flag; removed: everything is answered at --secure-port, with authentication (got 8080)",
    "disable-admission-plugins: NodeRestriction is refused: the plan enables it; remove the item (got NodeRestriction)",
    "enable-admission-plugins: AlwaysAdmit is refused: it admits everything, and checks nothing; remove the item (got AlwaysAdmit,NamespaceExists)",
    'feature-gates: "WatchList=f" is no item of this list: wants Name=true or Name=false, without blanks and quotes (got WatchList=f)',
    'v: "8" is no item of this list: wants 0 to 7: from 8 on requests are logged with their bodies, Secrets among them (got 8)',
  ]);
});

// What follows says by itself, and as Go reads it, what no accepted configuration may do.

const forbiddenFlags = [
  "admission-control",
  "admission-control-config-file",
  "anonymous-auth",
  "authorization-always-allow-paths",
  "authorization-config",
  "authorization-mode",
  "authorization-policy-file",
  "authorization-webhook-config-file",
  "audit-policy-file",
  "bind-address",
  "client-ca-file",
  "contention-profiling",
  "cors-allowed-origins",
  "debug-socket-path",
  "encryption-provider-config",
  "kubelet-certificate-authority",
  "service-account-lookup",
  "tls-min-version",
  "token-auth-file",
];
const forbiddenPlugins = {
  enable: ["AlwaysAdmit", "AlwaysDeny"],
  disable: ["NodeRestriction", "PodSecurity", "ServiceAccount"],
};
const forbiddenGates = {
  WatchList: false,
  WatchBookmark: false,
  AllBeta: false,
  AllAlpha: true,
  UnauthenticatedHTTP2DOSMitigation: false,
};

/** pflag: underscores are dashes, a list's items are those of a line of CSV. */
const asFlag = (name: string) => name.replaceAll("_", "-");
const asItems = (value: string) =>
  value.split(",").map((item) =>
    item
      .trim()
      .replace(/^"(.*)"$/, "$1")
      .trim(),
  );
/** component-base: `component:Name=value`, blanks around each, the value by strconv.ParseBool. */
function asGate(item: string): [string, boolean | undefined] {
  const [name = "", value = ""] = item
    .slice(item.indexOf(":") + 1)
    .split("=")
    .map((part) => part.trim());
  if (/^(1|t|T|TRUE|true|True)$/.test(value)) return [name, true];
  return [name, /^(0|f|F|FALSE|false|False)$/.test(value) ? false : undefined];
}

const spelled = (text: string) =>
  fc
    .tuple(fc.constantFrom("", " ", "\t", '"'), fc.constantFrom("", " ", '"'), fc.boolean())
    .map(([before, after, lower]) => `${before}${lower ? text.toLowerCase() : text}${after}`);
const falseWords = ["false", "False", "FALSE", "f", "F", "0"];
const trueWords = ["true", "True", "TRUE", "t", "T", "1"];
const gateItem = fc
  .tuple(
    fc.constantFrom(...Object.entries(forbiddenGates)),
    fc.constantFrom("", "kube:", " kube : "),
    fc.constantFrom("=", " = "),
  )
  .chain(([[name, value], prefix, equals]) =>
    fc.constantFrom(...(value ? trueWords : falseWords)).chain((word) => spelled(`${prefix}${name}${equals}${word}`)),
  );
const items = (item: fc.Arbitrary<string>, sound: string) =>
  fc.array(fc.oneof(item, fc.constant(sound)), { minLength: 1, maxLength: 3 }).map((all) => all.join(","));
const plugin = (names: readonly string[]) => fc.constantFrom(...names).chain(spelled);
const anyValue = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc
    .tuple(
      fc.constantFrom("1h", "", "x"),
      fc.constantFrom("\n", "\r", "\r\n", "\u0085", "\0"),
      fc.constantFrom(...forbiddenFlags),
    )
    .map(([value, end, flag]) => `${value}${end}--${flag}=true`),
  fc.integer(),
  fc.boolean(),
  fc.constantFrom("true", "2h", "a,b", "# x", "\\"),
);
const name = (component: Component) =>
  fc
    .oneof(
      fc.constantFrom(...knownFlags(component, defaultReleases.kubernetes)),
      fc.constantFrom(...forbiddenFlags),
      fc.string({ maxLength: 8 }),
    )
    .chain((flag) =>
      fc.constantFrom(flag, flag, flag.replaceAll("-", "_"), flag.toUpperCase(), `--${flag}`, ` ${flag}`),
    );
const given = fc.constantFrom(...components).chain((component) =>
  fc.record({
    component: fc.constant(component),
    flags: fc
      .tuple(
        fc.dictionary(name(component), anyValue, { maxKeys: 2 }),
        fc.option(items(gateItem, "MemoryQoS=false"), { nil: undefined }),
        fc.option(items(plugin(forbiddenPlugins.enable), "NamespaceExists"), { nil: undefined }),
        fc.option(items(plugin(forbiddenPlugins.disable), "DefaultIngressClass"), { nil: undefined }),
      )
      .map(([some, gates, enable, disable]) => ({
        ...some,
        ...(gates !== undefined && { "feature-gates": gates }),
        ...(component === "kube-apiserver" && enable !== undefined && { "enable-admission-plugins": enable }),
        ...(component === "kube-apiserver" && disable !== undefined && { "disable-admission-plugins": disable }),
      })),
  }),
);

const asMap = (file: string) =>
  new Map(
    file
      .split(/[\n\r\0\u0085]/)
      .filter((line) => line !== "")
      .map((line) => {
        expect(line).toMatch(/^--[a-z][a-z0-9-]*=/);
        return line.slice(2).split(/=(.*)/s, 2) as [string, string];
      }),
  );

test("whatever is accepted is what was asked for, and nothing that is forbidden, in any spelling", () => {
  const planned = Object.fromEntries(components.map((name) => [name, asMap(flagsFile(name, {}))]));
  let accepted = 0;
  fc.assert(
    fc.property(given, ({ component, flags }: { component: Component; flags: Flags }) => {
      if (problems(component, flags).length > 0) return;
      accepted++;
      const got = asMap(flagsFile(component, flags));
      const before = planned[component] as Map<string, string>;
      expect([...got.keys()].sort()).toEqual([...new Set([...before.keys(), ...Object.keys(flags)])].sort());
      for (const [flag, value] of got) {
        const asked = flags[flag];
        if (asked === undefined) expect(value).toBe(before.get(flag));
        else
          expect(asItems(value)).toEqual(expect.arrayContaining(asItems(String(asked)).filter((item) => item !== "")));
      }
      for (const flag of Object.keys(flags)) expect(forbiddenFlags).not.toContain(asFlag(flag));
      const list = (flag: string) => asItems(String(flags[flag] ?? ""));
      for (const plugin of forbiddenPlugins.enable) expect(list("enable-admission-plugins")).not.toContain(plugin);
      for (const plugin of forbiddenPlugins.disable) expect(list("disable-admission-plugins")).not.toContain(plugin);
      for (const item of asItems(String(flags["feature-gates"] ?? ""))) {
        const [gate, value] = asGate(item);
        for (const [forbidden, off] of Object.entries(forbiddenGates)) if (gate === forbidden) expect(value).toBe(!off);
      }
    }),
    { numRuns: 1000 },
  );
  expect(accepted).toBeGreaterThan(50);
});
