/** What a killed run has left on the pretended account: what is removed, what is left alone, what is told of. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { clearLeftovers as clear } from "../../../cli/run/leftovers";
import { clearLeftovers, toldOf } from "../../../components/platform/aws/leftovers";
import type { LeftoversRun } from "../../../components/platform/module";
import { type AwsApi, serveAws } from "../../../engine/rehearsal";
import { clusterOf, rawOf } from "../../support/plans";
import { Account, type Made, T } from "../support/aws-account";

const owner = "0123456789abcdef";
const { spec } = clusterOf("test", rawOf("test"));
const tags = (name: string, more: object = {}) => ({ Name: name, "kilonode:owner": owner, ...more });
const begun = (type: string, name: string, own = name) => ({ type, name, inputs: { tags: { Name: own } } });

let account: Account;
let api: AwsApi;
let subnet: Made;
beforeEach(async () => {
  account = new Account();
  ({ subnet } = await account.network());
  api = await serveAws({ cloud: account.provider.cloud });
  const environment = {
    ...api.variables,
    AWS_ACCESS_KEY_ID: "AKIAEXAMPLE",
    AWS_SECRET_ACCESS_KEY: "example",
    AWS_EC2_METADATA_DISABLED: "true",
  };
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await api.close();
  account.close();
});

const run = (more: Partial<LeftoversRun>): Promise<string[]> =>
  clearLeftovers({ spec, owner, begun: [], known: new Set(), ...more });
const there = () => account.provider.cloud.everything.map(({ id }) => id);
const host = (name: string, more: object = {}) =>
  account.host(subnet.id, { disableApiTermination: true, forceDestroy: true, tags: tags(name, more) });
const card = (name: string) => account.make(T.networkInterface, { subnetId: subnet.id, tags: tags(name) });

describe("of what a killed run was making", () => {
  it("an instance and an interface that no state knows are removed, protected or not", async () => {
    const [lost, free] = [await host("h1"), await card("h2")];
    const lines = await run({ begun: [begun(T.instance, "h1"), begun(T.networkInterface, "h2")] });
    expect(lines).toEqual([
      `h1: removed ${lost.id}, which a killed run has made and never written down`,
      `h2: removed ${free.id}, which a killed run has made and never written down`,
    ]);
    expect(there()).not.toContain(lost.id);
    expect(there()).not.toContain(free.id);
  });

  it("what the state knows, what has another owner or another name, and what is in use stays", async () => {
    const known = await host("h1");
    const foreign = await account.host(subnet.id, { tags: { Name: "h1", "kilonode:owner": "other" } });
    const other = await host("h3");
    const used = await card("h1");
    const behind = await account.make(T.instance, {
      ami: "ami-0123456789abcdef0",
      instanceType: "m6i.large",
      primaryNetworkInterface: { networkInterfaceId: used.id },
    });
    const all = [begun(T.instance, "h1"), begun(T.networkInterface, "h1")];
    expect(await run({ begun: all, known: new Set([known.id]) })).toEqual([]);
    for (const { id } of [known, foreign, other, used, behind]) expect(there()).toContain(id);
  });

  it("an instance whose key was read may hold data: it is told of and stays", async () => {
    const served = await host("h1", { "kilonode:host-key": "ssh-ed25519 AAAA" });
    expect(await run({ begun: [begun(T.instance, "h1")] })).toEqual([
      `h1: ${served.id} is in no state, and may hold data: its key was read once. Look at it before you terminate it`,
    ]);
    expect(there()).toContain(served.id);
  });

  it("a volume stays, and is told of with all that a person has to look for", async () => {
    const volume = await account.make(T.volume, { availabilityZone: "us-east-1a", size: 10, tags: tags("h1-wal") });
    const lines = await run({
      begun: [
        begun(T.volume, "h1-wal"),
        begun(T.role, "test-etcd"),
        begun(T.bucketPolicy, "test"),
        begun("tls:x", "k"),
      ],
    });
    expect(lines).toEqual(
      toldOf([begun(T.volume, "h1-wal"), begun(T.role, "test-etcd")], { owner, region: "eu-central-1" }),
    );
    expect(lines.join()).toContain("made Volume h1-wal, Role test-etcd. Should AWS have one already");
    expect(lines.join()).toContain(
      "`aws resourcegroupstaggingapi get-resources --region eu-central-1 --tag-filters Key=kilonode:owner,Values=0123456789abcdef Key=Name,Values=h1-wal,test-etcd`",
    );
    expect(there()).toContain(volume.id);
  });

  it("AWS's refusal ends the run before anything else is touched", async () => {
    vi.stubEnv("AWS_ENDPOINT_URL_EC2", `${api.variables.AWS_ENDPOINT_URL_EC2}x`);
    await expect(run({ begun: [begun(T.instance, "h1")] })).rejects.toThrow(
      /could not be removed: .* see docs\/aws\.md#after-a-crash/,
    );
  });
});

describe("the command", () => {
  const urn = (type: string, name: string) => `urn:pulumi:test::kilonode::${type}::${name}`;
  const deployment = {
    resources: [{ urn: urn(T.instance, "h0"), custom: true, type: T.instance, id: "i-0" }],
    pending_operations: [
      {
        type: "creating",
        resource: { urn: urn(T.instance, "h1"), custom: true, type: T.instance, inputs: { ami: "a" } },
      },
      { type: "deleting", resource: { urn: urn(T.instance, "h2"), custom: true, type: T.instance, id: "i-2" } },
    ],
  };
  const made = {
    urn: urn("random:index/randomBytes:RandomBytes", "owner"),
    type: "random:index/randomBytes:RandomBytes",
  };
  type Engine = Parameters<typeof clear>[1];
  const engine = (more: Partial<Engine> = {}): Engine => ({
    exists: async () => true,
    export: async () => ({ deployment }),
    state: async () => ({ resources: [{ ...made, outputs: { hex: owner } }], pending: [] }),
    ...more,
  });
  const asked = async (one: Engine) => {
    const runs: LeftoversRun[] = [];
    const said: string[] = [];
    const clearLeftovers = async (given: LeftoversRun) => {
      runs.push(given);
      return ["a line"];
    };
    await clear({ platform: { clearLeftovers }, spec }, one, (line) => said.push(line));
    return { runs, said };
  };

  it("hands over what was being created, and all ids that the state knows", async () => {
    const { runs, said } = await asked(engine());
    expect(runs).toEqual([
      { spec, owner, begun: [{ type: T.instance, name: "h1", inputs: { ami: "a" } }], known: new Set(["i-0", "i-2"]) },
    ]);
    expect(said).toEqual(["a line"]);
  });

  it.each<[string, Partial<Engine>]>([
    [
      "another run is at work",
      { state: async () => ({ resources: [], pending: [], unfinished: { action: "up", how: "running", what: [] } }) },
    ],
    ["nothing has an owner yet", { state: async () => ({ resources: [], pending: [] }) }],
    ["nothing was being created", { export: async () => ({ deployment: { resources: [] } }) }],
    ["there is no state", { exists: async () => false }],
  ])("asks for nothing when %s", async (_what, more) => {
    expect(await asked(engine(more))).toEqual({ runs: [], said: [] });
  });
});
