/** Hosts on AWS: what is asked for, what tells one machine from another, and that nothing is replaced outside of its turn. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { turnsOf } from "../../components/plan/turns";
import { type Generation, hostResources } from "../../components/platform/aws/hosts";
import { fingerprintOf, machineOf, volumesTextOf } from "../../components/platform/aws/machine";
import { awsParts } from "../../components/platform/aws/parts";
import { awsPlan, wholeCluster } from "../../components/platform/aws/plan";
import type { AwsResource } from "../../components/platform/aws/resource";
import {
  foundMachine,
  generationOf,
  type Judged,
  refused,
  type SeenInstance,
  unreadable,
} from "../../components/platform/aws/seen";
import type { RawConfiguration } from "../../config/read";
import { awsPlanOf, awsStacks, ofType } from "../support/aws";
import { clusterOf, hostOf, rawOf } from "../support/plans";

function partsOf(stack: string, aws: object = {}, change: RawConfiguration = {}) {
  const raw = rawOf(stack);
  const { plan, spec } = clusterOf(stack, { ...raw, ...change, aws: { ...(raw.aws as object), ...aws } });
  return awsParts(spec, plan);
}
const ebs = { disks: { type: "gp3", iops: 4000, throughputMiB: 500 } };
const asNew: Generation = { incarnation: "00000000", keep: "nothing" };

function resourcesOf(parts: ReturnType<typeof partsOf>, host: string, generation = asNew): AwsResource[] {
  return hostResources(parts, hostOf(parts.plan, host), awsPlan(parts), generation);
}

/** The text that all hosts share has a golden file of its own. */
const printed = (resources: readonly AwsResource[]) =>
  `${JSON.stringify(resources, (key, value) => (key === "userData" ? "..." : value), 1)}\n`;

describe("a host as resources", () => {
  it.each([
    ["master", "prod-a-master-1", {}],
    ["etcd-instance-store", "prod-a-etcd-main-1", {}],
    ["etcd-ebs", "prod-a-etcd-main-1", ebs],
  ])("%s is the golden one", async (name, host, knobs) => {
    await expect(printed(resourcesOf(partsOf("prod-a", knobs), host))).toMatchFileSnapshot(
      `golden/aws/host-${name}.json`,
    );
  });

  it("are few: two, and four more for volumes of EBS, one more for a master", () => {
    const count = (host: string, knobs = {}) => resourcesOf(partsOf("prod-a", knobs), host).length;
    expect([count("prod-a-etcd-main-1"), count("prod-a-etcd-main-1", ebs), count("prod-a-master-1")]).toEqual([
      2, 6, 3,
    ]);
  });

  it("keep their data where the stack is not ephemeral, and are protected against a slip", () => {
    const of = (stack: string) =>
      resourcesOf(partsOf(stack, ebs), `${stack}-etcd-main-1`).map(({ args, options, type }) => [
        type,
        options.protect ?? false,
        (args as { disableApiTermination?: boolean }).disableApiTermination,
      ]);
    expect(of("prod-a").filter(([type]) => type === "ebs/volume:Volume")).toEqual(
      Array(2).fill(["ebs/volume:Volume", true, undefined]),
    );
    expect(of("prod-a")).toContainEqual(["ec2/instance:Instance", false, true]);
    expect(of("test").every(([, kept, against]) => !kept && !against)).toBe(true);
  });

  it("tell nobody a secret, and take a token for everything", () => {
    const text = printed(resourcesOf(partsOf("prod-a"), "prod-a-master-1"));
    expect(text).toContain('"httpTokens": "required"');
    expect(text).toContain('"httpPutResponseHopLimit": 1');
    expect(text).not.toMatch(/PRIVATE KEY|password/i);
  });

  // No linter finds either of an instance: test/binaries/aws-judges/planted.ts.
  it.each(awsStacks)("have no disk in clear and no metadata without a token: %s", (stack) => {
    const instances = ofType(wholeCluster(awsPlanOf(stack)), "ec2/instance:Instance");
    expect(instances.length).toBeGreaterThan(0);
    for (const { args } of instances)
      expect(args).toMatchObject({
        rootBlockDevice: { encrypted: true, kmsKeyId: { $ref: `kms/key:Key::${stack}-disks` } },
        metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 1 },
      });
  });
});

describe("the fingerprint of a machine", () => {
  const machine = (knobs = {}, change = {}) => {
    const parts = partsOf("staging", knobs, change);
    return machineOf(parts, hostOf(parts.plan, "staging-etcd-main-1"));
  };
  const fingerprint = (...args: Parameters<typeof machine>) => fingerprintOf(machine(...args));
  const volumes = (...args: Parameters<typeof machine>) => volumesTextOf(machine(...args));

  it("is readable, and fits into a tag", () => {
    expect(fingerprint(ebs)).toMatch(
      /^ami-[0-9a-f]+ \/ [a-z0-9]+\.[a-z0-9]+ \/ root 70 GiB \/ user-data [0-9a-f]{12} \/ volumes database and wal$/,
    );
    for (const text of [fingerprint(ebs), volumes(ebs)]) expect(text).toMatch(/^[\p{L}\p{N} _.:/=+@-]{1,256}$/u);
  });

  it("changes with what takes another instance, and with nothing else", () => {
    const was = fingerprint();
    expect(fingerprint({ image: "ami-0fffffffffffffff0" })).not.toBe(was);
    expect(fingerprint(ebs)).not.toBe(was);
    expect(fingerprint({}, { workload: { nodes: 5000, pods: 100_000 } })).not.toBe(was);
    expect(fingerprintOf({ ...machine(), userData: "#cloud-config\n" })).not.toBe(was);
    expect(fingerprint({ tags: { team: "x" }, snapshotDays: 3 })).toBe(was);
    expect(fingerprint({}, { etcd: { quotaGiB: 4, heartbeatMs: 90 } })).toBe(was);
    expect(fingerprint({ disks: { type: "io2", iops: 4000 } })).toBe(fingerprint(ebs));
  });

  it("leaves to the volumes what they become while they are in use", () => {
    expect(volumes()).toBe("");
    expect(volumes(ebs)).not.toBe(volumes({ disks: { type: "io2", iops: 4000 } }));
    expect(volumes(ebs)).not.toBe(volumes({ disks: { ...ebs.disks, throughputMiB: 600 } }));
  });
});

/** As an update would see the host that it has made. */
function made(parts: ReturnType<typeof partsOf>, name: string, change: Partial<SeenInstance> = {}): SeenInstance {
  const host = hostOf(parts.plan, name);
  const machine = machineOf(parts, host);
  return {
    id: "i-0123456789abcdef0",
    host: name,
    runs: true,
    address: host.address,
    owner: "owner",
    machine: fingerprintOf(machine),
    volumes: volumesTextOf(machine),
    incarnation: "11111111",
    sshKey: "ssh-ed25519 AAAA",
    hostKey: "ssh-ed25519 BBBB",
    ...change,
  };
}

describe("what was seen of a host", () => {
  const parts = partsOf("test", ebs);
  const host = hostOf(parts.plan, "test-etcd-main-1");
  const judged = (change?: Partial<SeenInstance>, sshKey = "ssh-ed25519 AAAA"): Judged => ({
    host,
    machine: machineOf(parts, host),
    seen: change && made(parts, host.name, change),
    sshKey,
  });
  const target = { user: "root", port: 22, name: host.name, address: host.address, hostKey: "ssh-ed25519 BBBB" };
  const running = (change: string, knowsKey = true) => ({ state: "running", target, knowsKey, change });

  it.each<[string, Judged, object, Generation]>([
    ["not there", judged(), { state: "absent" }, { incarnation: "new", keep: "nothing" }],
    ["stopped", judged({ runs: false }), { state: "absent" }, { incarnation: "new", keep: "nothing" }],
    [
      "begun, and cut short",
      judged({ hostKey: undefined }),
      { state: "absent" },
      { incarnation: "11111111", keep: "instance" },
    ],
    ["as planned", judged({}), running("none"), { incarnation: "11111111", keep: "instance" }],
    ["of another image", judged({ machine: "old" }), running("a restart"), { incarnation: "new", keep: "nothing" }],
    [
      "with other volumes",
      judged({ volumes: "old" }),
      running("while it runs"),
      { incarnation: "11111111", keep: "instance" },
    ],
    [
      "with another SSH key",
      judged({}, "ssh-ed25519 CCCC"),
      running("while it runs", false),
      { incarnation: "11111111", keep: "instance" },
    ],
  ])("%s", (_, one, found, generation) => {
    expect(foundMachine(one)).toEqual(found);
    expect(generationOf(one, false, "new")).toEqual(generation);
  });

  it("stays as it is, tags and volumes too, while it waits for another update", () => {
    const one = judged({ machine: "old" });
    const generation = generationOf(one, true, "new");
    expect(generation).toEqual({ incarnation: "11111111", keep: "all" });
    const resources = hostResources(parts, host, awsPlan(parts), generation);
    const instance = resources.find(({ type }) => type === "ec2/instance:Instance");
    expect(instance?.options.ignoreChanges).toEqual(
      expect.arrayContaining(["ami", "instanceType", "userData", "tags"]),
    );
  });

  it("is refused when it is somebody else's, somewhere else, or there twice", () => {
    const other = made(parts, "test-etcd-main-2");
    expect(refused(parts.plan, [made(parts, host.name), other], "owner")).toEqual([]);
    expect(refused(parts.plan, [made(parts, host.name), { ...other, owner: "other" }], "owner")).toEqual([
      expect.stringMatching(
        /1 of the instances .* belong to another state: test-etcd-main-2 is i-0123456789abcdef0, of owner other; this state is owner/,
      ),
    ]);
    expect(refused(parts.plan, [other], undefined)[0]).toMatch(/this state has made nothing yet/);
    expect(refused(parts.plan, [{ ...other, address: "10.0.0.1" }], "owner")[0]).toMatch(
      /has the address 10\.0\.0\.1, not/,
    );
    expect(refused(parts.plan, [other, { ...other, id: "i-02" }], "owner")[0]).toMatch(
      /is i-0123456789abcdef0, and i-02 as well/,
    );
  });

  it("is refused when it is to be replaced and nobody can ask what is on it", () => {
    expect(unreadable([judged({ hostKey: undefined }), judged({ machine: "old" }), judged()])).toEqual([]);
    expect(unreadable([judged({ hostKey: undefined, machine: "old" })])[0]).toMatch(/tag kilonode:host-key is missing/);
  });
});

/** What the class would answer to another value of it with another instance, or with a stop. */
const replacing = ["ami", "instanceType", "userData", "placementGroup", "primaryNetworkInterface", "rootBlockDevice"];

describe("whatever changes, and whatever was seen", () => {
  const was = partsOf("test");
  const changes = [
    partsOf("test"),
    partsOf("test", { image: "ami-0fffffffffffffff0" }),
    partsOf("test", ebs),
    partsOf("test", {}, { workload: { nodes: 5000, pods: 100_000 } }),
    partsOf("test", { tags: { team: "x" } }),
  ].map((parts) => ({ parts, around: awsPlan(parts) }));
  const seenAs = fc.constantFrom<Partial<SeenInstance> | undefined>(
    {},
    undefined,
    { runs: false },
    { machine: "of long ago" },
    { volumes: "other" },
    { sshKey: "other" },
  );

  it("an instance that runs is replaced in its turn alone, or not at all", () => {
    const names = was.plan.hosts.map(({ name }) => name);
    const seenOfAll = fc.array(seenAs, { minLength: names.length, maxLength: names.length });
    fc.assert(
      fc.property(fc.constantFrom(...changes), seenOfAll, fc.boolean(), ({ around, parts }, seen, waits) => {
        const all = new Map(
          parts.plan.hosts.map((host, index) => {
            const as = seen[index];
            const one = as && made(was, host.name, as);
            return [
              host.name,
              { host, machine: machineOf(parts, host), seen: one, sshKey: "ssh-ed25519 AAAA" },
            ] as const;
          }),
        );
        const judgedOf = (name: string) => all.get(name) as Judged;
        const turns = parts.plan.groups.flatMap((group) =>
          turnsOf(group, parts.plan.hosts, (name) => {
            const found = foundMachine(judgedOf(name));
            return found.state === "running" && found.change !== "none";
          }).map(({ name }) => name),
        );
        for (const host of parts.plan.hosts) {
          const judged = judgedOf(host.name);
          const found = foundMachine(judged);
          if (found.state !== "running") continue;
          const asItIs = waits && found.change === "a restart";
          const generation = generationOf(judged, asItIs, "new");
          const resources = hostResources(parts, host, around, generation);
          const instance = resources.find(({ type }) => type === "ec2/instance:Instance");
          const ignored = instance?.options.ignoreChanges ?? [];
          const mayReplace = !replacing.every((one) => ignored.includes(one)) || generation.incarnation === "new";
          if (mayReplace) {
            expect(found.change).toBe("a restart");
            expect(turns).toContain(host.name);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});
