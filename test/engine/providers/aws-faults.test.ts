/** What goes wrong in the pretended AWS, and what the program's stack is after it. */
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SimulatedProvider } from "../../../engine/providers/aws";
import type { Told } from "../../../engine/providers/aws/operations";
import { type Fault, type Plan, readPlan } from "../../../engine/providers/aws/plan";
import { Account, T } from "../support/aws-account";
import { orphans, removeOrphans, stackOn } from "../support/aws-crash";
import { type Lab, lab, opsOf } from "../support/fake";

let l: Lab;
let account: Account;
beforeEach(() => {
  l = lab();
  account = new Account();
});
afterEach(() => {
  l.remove();
  account.close();
});

const stack = (faults: readonly Fault[] = [], told: Told[] = []) =>
  stackOn(l.folder, { plan: { faults }, onOperation: (one) => told.push(one) });
const SAME = { same: 8 };
const messages = (result: { diagnostics: readonly { message: string }[] }) =>
  result.diagnostics.map(({ message }) => message).join("\n");

describe("faults", () => {
  it("that the provider rides out: throttling, a lost answer, a late look", async () => {
    const told: Told[] = [];
    const up = await stack(
      [
        { on: "create * net", fault: "throttle", calls: 3 },
        { on: "create aws:ec2/networkInterface:* a", fault: "lost" },
        { on: "create aws:ec2/instance:Instance a", fault: "lag", reads: 2 },
      ],
      told,
    ).up();
    expect(messages(up)).toBe("");
    expect(told.filter(({ calls }) => calls).map(({ name, type, calls }) => [type, name, calls])).toEqual([
      [T.vpc, "net", 4],
      [T.networkInterface, "a", 2],
      [T.instance, "a", 3],
    ]);
    expect(orphans(l.folder)).toEqual([]);
    expect((await stack().preview()).changes).toEqual(SAME);
  });

  it("a lost answer of a call without a token: made twice, or taken for another's", async () => {
    await stack([{ on: "create * net", fault: "lost" }]).up();
    expect(orphans(l.folder)).toHaveLength(1);
    const n = await account.network();
    account.open({ faults: [{ fault: "lost" }] });
    await expect(account.make(T.group, { vpcId: n.vpc.id, name: "again" })).rejects.toThrow("InvalidGroup.Duplicate");
  });

  it("more throttling than the provider has patience for", async () => {
    const up = await stack([{ on: "create * net", fault: "throttle", calls: 25 }]).up();
    expect(messages(up)).toContain("creating EC2 Vpc: operation error EC2: CreateVpc, api error RequestLimitExceeded");
    expect((await stack().up()).result).toBe("succeeded");
  });

  it("a thing that others do not see yet: asked for again where the real provider does, refused where not", async () => {
    const n = await account.network();
    account.open({
      faults: [
        { on: `create ${T.profile} *`, fault: "lag", references: 2 },
        { on: `create ${T.group} *`, fault: "lag", references: 1 },
      ],
    });
    const profile = await account.make(T.profile, { name: "host" });
    await account.host(n.subnet.id, { iamInstanceProfile: profile.id });
    expect(account.told.at(-1)).toMatchObject({ type: T.instance, calls: 3 });
    const group = await account.make(T.group, { vpcId: n.vpc.id, name: "late" });
    const card = { subnetId: n.subnet.id, securityGroups: [group.id] };
    await expect(account.make(T.networkInterface, card)).rejects.toThrow("InvalidGroup.NotFound");
    await account.make(T.networkInterface, card);
  });

  it("no capacity in a zone, as often as planned; a missing permission", async () => {
    const plan: Plan = {
      faults: [
        { fault: "no-capacity", zone: "us-east-1a", times: 2 },
        {
          on: "create aws:ebs/volume:Volume *",
          fault: "refuse",
          code: "UnauthorizedOperation",
          reason: "You are not authorized to perform this operation.",
        },
      ],
    };
    const up = () => stackOn(l.folder, { plan }).up();
    for (const _ of [1, 2])
      expect(messages(await up())).toContain(
        "api error InsufficientInstanceCapacity: We currently do not have sufficient m6i.large capacity in the Availability Zone you requested (us-east-1a)",
      );
    expect(messages(await up())).toContain(
      "creating EC2 Volume: operation error EC2: CreateVolume, api error UnauthorizedOperation",
    );
    expect((await up()).changes).toEqual({ same: 6, create: 2 });
  });

  it("made, but never ready: kept in the state, and brought right by the next run", async () => {
    const up = await stack([{ on: "create aws:ec2/instance:Instance a", fault: "half" }]).up();
    expect(messages(up)).toContain("to be ready: timeout while waiting for state");
    expect(orphans(l.folder)).toEqual([]);
    const again = await stack().up();
    expect(opsOf(again)).toContain("update a");
    expect((await stack().preview()).changes).toEqual(SAME);
  });

  it("an instance that ends behind our back: nobody is told, a look finds it gone", async () => {
    await stack().up();
    const told: Told[] = [];
    const live = new SimulatedProvider({
      file: `${l.stateFile}.aws`,
      onOperation: (one) => told.push(one),
      plan: { faults: [{ at: 8, fault: "terminate", instance: "a" }] },
    });
    const [id = ""] = live.cloud.all(T.instance).map((one) => one.id);
    expect(await live.read(account.at(T.instance, "a"), id)).toBeUndefined();
    expect(live.cloud.remembered(T.instance)[0]?.outputs.instanceState).toBe("terminated");
    expect(told.map(({ operation, verb, name }) => `${operation} ${verb} ${name}`)).toEqual([
      "8 terminate a",
      "8 read a",
    ]);
    // What was attached to it is free.
    expect(live.cloud.all(T.attachment)).toEqual([]);
    expect((await stack().destroy()).result).toBe("succeeded");
    expect(orphans(l.folder)).toEqual([]);
  });
});

const ROOT = path.resolve(import.meta.dirname, "../../..");

/** Runs the program in a process that dies as planned; resolves to the signal. */
function crash(faults: readonly Fault[]): Promise<string | null> {
  const plan = path.join(l.folder, "plan.json");
  writeFileSync(plan, JSON.stringify({ faults }));
  const child = spawn(process.execPath, ["--import", "tsx", "test/engine/support/aws-crash.ts", l.folder, plan], {
    cwd: ROOT,
    stdio: "inherit",
  });
  return new Promise((resolve) => child.once("close", (_code, signal) => resolve(signal)));
}

describe("a crash", () => {
  it("before the effect of an operation leaves nothing behind", async () => {
    expect(await crash([{ at: 4, fault: "crash", when: "before" }])).toBe("SIGKILL");
    expect((await stack().up()).result).toBe("succeeded");
    expect(orphans(l.folder)).toEqual([]);
    expect((await stack().preview()).changes).toEqual(SAME);
  });

  it("after its effect leaves what was made, which has no place in the state", async () => {
    expect(await crash([{ at: 4, fault: "crash", when: "after" }])).toBe("SIGKILL");
    expect(messages(await stack().up())).toContain("api error InvalidIPAddress.InUse");
    expect(orphans(l.folder)).toHaveLength(1);
  });

  /** The disk as it is at the moment at which each operation has its effect and the engine has no answer: what a killed process leaves. */
  async function everyCrash(): Promise<string[]> {
    const folders: string[] = [];
    const keep = ({ operation }: Told) => {
      const to = path.join(l.folder, `crash-${operation}`);
      mkdirSync(to);
      for (const name of readdirSync(l.folder))
        if (name === "project" || (name.startsWith("state.json") && !name.endsWith(".lock")))
          cpSync(path.join(l.folder, name), path.join(to, name), { recursive: true });
      folders.push(to);
    };
    await stackOn(l.folder, { onOperation: keep }).up();
    return folders;
  }

  // As with the real AWS: where it would not have a thing twice, the next run says so, until the one left behind is deleted by hand.
  it("at every operation is met by the next run, which goes on or says what is in its way", async () => {
    const met: (string | undefined)[] = [];
    for (const folder of await everyCrash()) {
      const up = await stackOn(folder).up();
      expect(up.pending).toHaveLength(1);
      met.push(/api error ([\w.]+)/.exec(messages(up))?.[1]);
      // The attachment is taken as it is.
      expect(orphans(folder)).toHaveLength(met.length === 7 ? 0 : 1);
      await removeOrphans(folder);
      if (met.at(-1) !== undefined) expect((await stackOn(folder).up()).result).toBe("succeeded");
      expect((await stackOn(folder).preview()).changes).toEqual(SAME);
      expect((await stackOn(folder).destroy()).result).toBe("succeeded");
      expect(orphans(folder)).toEqual([]);
    }
    expect(met).toEqual([
      undefined,
      "InvalidSubnet.Conflict",
      undefined,
      "InvalidIPAddress.InUse",
      "InvalidNetworkInterface.InUse",
      undefined,
      undefined,
    ]);
  });
});

describe("the stream of operations", () => {
  it("tells each in its order, with what was and what is, and which stop an instance", async () => {
    const operations = path.join(l.folder, "operations.jsonl");
    await stackOn(l.folder, { plan: { operations } }).up();
    const told: Told[] = [];
    await stackOn(l.folder, { plan: { operations }, onOperation: (one) => told.push(one) }, async () => undefined).up();
    const lines = readFileSync(operations, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Told);
    expect(lines.map(({ operation }) => operation)).toEqual(lines.map((_, i) => i + 1));
    expect(lines.slice(0, 7).map(({ verb, type }) => `${verb} ${type}`)).toEqual(
      [T.vpc, T.subnet, T.group, T.networkInterface, T.instance, T.volume, T.attachment].map(
        (type) => `create ${type}`,
      ),
    );
    expect(lines.slice(7).map(({ verb, type }) => `${verb} ${type}`)).toEqual(
      [T.attachment, T.volume, T.instance, T.networkInterface, T.group, T.subnet, T.vpc].map(
        (type) => `delete ${type}`,
      ),
    );
    expect(lines[0]).toMatchObject({
      name: "net",
      id: expect.stringMatching(/^vpc-/),
      after: { cidrBlock: "10.0.0.0/16" },
    });
    expect(lines.at(-1)).toMatchObject({ before: { cidrBlock: "10.0.0.0/16" } });
    expect(told).toHaveLength(7);
  });

  it("says that an instance is stopped and started, and by which code a call failed", async () => {
    const n = await account.network();
    const host = await account.host(n.subnet.id);
    await account.update(host, { ...host.inputs, instanceType: "m6i.xlarge" });
    expect(account.told.at(-1)).toMatchObject({ verb: "update", restarts: true });
    await account.update(host, { ...host.inputs, instanceType: "m6i.xlarge", tags: { a: "b" } });
    expect(account.told.at(-1)?.restarts).toBeUndefined();
    await expect(account.remove(n.vpc)).rejects.toThrow();
    expect(account.told.at(-1)).toMatchObject({ verb: "delete", error: "DependencyViolation" });
  });
});

describe("a plan", () => {
  it("that says what is not known is refused, with what is", () => {
    const file = account.write("plan.json", { quota: {}, faults: [{ fault: "flood" }] });
    expect(() => readPlan(file)).toThrow(/quota; known: account, existing.*\n.*fault flood; known: throttle, lag/s);
    expect(() => readPlan("/no/file")).toThrow("REHEARSAL_AWS: cannot read /no/file");
    expect(readPlan(undefined)).toEqual({});
    expect(readPlan(account.write("plan.json", { operations: "o.jsonl" }))).toEqual({
      operations: path.join(account.folder, "o.jsonl"),
    });
  });
});
