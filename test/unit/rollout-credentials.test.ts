/** Authorities change while everybody talks to everybody: at no moment does a host show what another one does not trust. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CredentialHosts, credentialsFirst } from "../../components/rollout/credentials";
import { Progress } from "../../components/rollout/gate/progress";
import { GateRefused } from "../../components/rollout/gate/refusal";
import type { MachineStatus } from "../../components/rollout/hosts/answers";
import type { ContentPart } from "../../components/rollout/hosts/hosts";
import type { PrepareSpec, RolloutSpec, WaitingSpec } from "../../components/rollout/spec";

interface Credentials {
  readonly trusts: readonly string[];
  readonly shows: string;
}

/** As machine-apply does it: see machine-credentials.test.ts. */
const union = (first: readonly string[], second: readonly string[]) => [...new Set([...first, ...second])];
const parts: Readonly<Record<ContentPart, (active: Credentials, staged: Credentials) => Credentials>> = {
  trust: (active, staged) => ({ trusts: union(active.trusts, staged.trusts), shows: active.shows }),
  show: (active, staged) => ({ trusts: union(staged.trusts, active.trusts), shows: staged.shows }),
};
const digestOf = ({ trusts, shows }: Credentials) => `${trusts.join("+")}:${shows}`;

class Hosts implements CredentialHosts {
  readonly active = new Map<string, Credentials>();
  readonly staged = new Map<string, Credentials>();
  /** How many changes of a host are left before all of it is killed. */
  left = Number.POSITIVE_INFINITY;
  readonly log: string[] = [];
  secrets: ReadonlyMap<string, number> = new Map([["key1", 3]]);

  async look({ hosts }: WaitingSpec): Promise<Map<string, MachineStatus>> {
    return new Map(hosts.map(({ name }) => [name, this.#status(name)]));
  }

  async roll({ group, hosts }: RolloutSpec, part: ContentPart): Promise<void> {
    this.log.push(`${part} ${group}`);
    for (const { name, digest } of hosts) {
      const next = parts[part](this.active.get(name)!, this.staged.get(name)!);
      expect(digestOf(next)).toBe(digest);
      this.change(name, next);
      await Promise.resolve();
    }
  }

  async secretKeys(): Promise<ReadonlyMap<string, number>> {
    return this.secrets;
  }

  progressOf = (group: string) => new Progress(group, () => undefined);

  change(host: string, next: Credentials): void {
    if (this.left-- <= 0) throw new Error("killed");
    this.active.set(host, next);
    const all = [...this.active];
    for (const [name, { shows }] of all)
      for (const [other, { trusts }] of all)
        if (!trusts.includes(shows)) throw new Error(`${other} does not trust ${name}, which shows ${shows}`);
  }

  #status(name: string): MachineStatus {
    const [active, staged] = [this.active.get(name), this.staged.get(name)!];
    const unknown = { pending: [], restarts: [], services: {}, degradations: [] };
    return {
      ...unknown,
      active: active ? digestOf(active) : null,
      staged: digestOf(staged),
      everActivated: active !== undefined,
      parts: active ? { trust: digestOf(parts.trust(active, staged)), show: digestOf(parts.show(active, staged)) } : {},
      distrusts: active?.trusts.some((one) => !staged.trusts.includes(one)) ?? false,
    };
  }
}

const groups = { "etcd-main": ["m1", "m2", "m3"], "etcd-events": ["e1"], masters: ["a1", "a2"] };
const names = Object.values(groups).flat();
const spec: PrepareSpec = {
  groups: Object.entries(groups).map(([group, hosts]) => ({
    group,
    strategy: { kind: "together" },
    hosts: hosts.map((name) => ({
      name,
      zone: "a",
      endpoint: name,
      address: name,
      user: "root",
      port: 22,
      hostKey: "",
    })),
    hostTimeoutSeconds: 1,
  })),
  backups: true,
  waves: [["etcd-main", "etcd-events"], ["masters"]],
  secrets: { group: "etcd-main", keys: ["key1"] },
};

/** The rollouts, which make all of the content live. */
async function update(hosts: Hosts): Promise<void> {
  await credentialsFirst(spec, hosts);
  for (const name of names) hosts.change(name, hosts.staged.get(name)!);
}

describe("authorities that change", () => {
  it("from one to the next, whatever is asked for and wherever it was cut short", async () => {
    const authority = fc.constantFrom("one", "two", "three");
    const wanted = fc.uniqueArray(authority, { minLength: 1, maxLength: 2 });
    const step = fc.record({ wanted, killedAfter: fc.option(fc.nat(20), { nil: undefined }) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
        const hosts = new Hosts();
        for (const name of names) hosts.active.set(name, { trusts: ["one"], shows: "one" });
        for (const { wanted: trusts, killedAfter } of steps) {
          for (const name of names) hosts.staged.set(name, { trusts, shows: trusts[0]! });
          hosts.left = killedAfter ?? Number.POSITIVE_INFINITY;
          await update(hosts).catch((error: Error) => {
            if (error.message !== "killed") throw error;
          });
        }
        hosts.left = Number.POSITIVE_INFINITY;
        await update(hosts);
        expect(hosts.active).toEqual(hosts.staged);
      }),
    );
  });

  it("touch nothing when there is nothing to trust, and take one walk when nothing ceases to be trusted", async () => {
    const walks = async (trusts: readonly string[]) => {
      const hosts = new Hosts();
      for (const name of names) {
        hosts.active.set(name, { trusts: ["one"], shows: "one" });
        hosts.staged.set(name, { trusts, shows: trusts[0]! });
      }
      await update(hosts);
      return hosts.log;
    };
    const walk = (part: string) => ["etcd-main", "etcd-events", "masters"].map((group) => `${part} ${group}`);
    expect(await walks(["one"])).toEqual([]);
    expect(await walks(["one", "two"])).toEqual(walk("trust"));
    expect(await walks(["two", "one"])).toEqual(walk("trust"));
    expect(await walks(["two"])).toEqual([...walk("trust"), ...walk("show")]);
  });

  it("do not begin while a Secret is stored under a key that goes", async () => {
    const hosts = new Hosts();
    for (const name of names) {
      hosts.active.set(name, { trusts: ["two", "one"], shows: "two" });
      hosts.staged.set(name, { trusts: ["two"], shows: "two" });
    }
    hosts.secrets = new Map([
      ["key1", 3],
      ["key2", 7],
      ["", 1],
    ]);
    const refused = update(hosts);
    await expect(refused).rejects.toThrow(GateRefused);
    await expect(refused).rejects.toThrow("7 are stored under key2");
    expect(hosts.log).toEqual([]);
  });

  it("leave out a host that was never activated: it gets all of its content at once, later", async () => {
    const hosts = new Hosts();
    for (const name of names) {
      if (name !== "m3") hosts.active.set(name, { trusts: ["one"], shows: "one" });
      hosts.staged.set(name, { trusts: ["two"], shows: "two" });
    }
    await update(hosts);
    expect(hosts.active).toEqual(hosts.staged);
  });
});
