/** Whatever changes of a lab host's inputs, the look at the lab tells: so it waits for its turn, and no change reaches two hosts of a group at once. */
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { checkedCluster } from "../../components/check";
import type { ClusterPlan } from "../../components/plan/types";
import type { LabHost, LabStatus } from "../../components/platform/lab/looks";
import { placeLab } from "../../components/platform/lab/place";
import type { PreparedLab } from "../../components/platform/lab/prepare";
import type { Placement } from "../../components/platform/module";
import { platforms } from "../../components/platform/registry";

type Environment = Readonly<Record<string, string>>;
const environments = new Map<string, Environment>();

beforeAll(async () => {
  await pulumi.runtime.setMocks({
    call: () => ({}),
    newResource: ({ name, inputs, type }) => {
      if (type === "command:local:Command") environments.set(name, inputs.environment as Environment);
      const stdout = JSON.stringify({
        address: inputs.environment?.ADDRESS?.split("/")[0],
        hostKey: "ssh-ed25519 AAAA",
      });
      return { id: name, state: { ...inputs, stdout, publicKeyOpenssh: `${inputs.algorithm} key\n` } };
    },
  });
});

const planOf = (more: object = {}): ClusterPlan =>
  checkedCluster(
    "small",
    { platform: "lab", workload: { nodes: 10, pods: 1000 }, masters: { count: 3 }, ...more },
    platforms,
  ).plan;

async function place(
  plan: ClusterPlan,
  made: { root: string; key: string; lab?: LabStatus; owner?: string },
): Promise<Placement> {
  const prepared: PreparedLab = { artifacts: new Map(), root: made.root, lab: made.lab, newIncarnation: "new" };
  const sshKey = new tls.PrivateKey("ssh", { algorithm: made.key });
  const owner = pulumi.output(made.owner ?? "me");
  return placeLab({ plan, prepared, sshKey, owner, after: sshKey });
}

/** The lab as lab-status shows it once all hosts were made with these inputs. */
async function labOf(plan: ClusterPlan, made: { root: string; key: string }, growsOnline: boolean): Promise<LabStatus> {
  const placement = await place(plan, made);
  for (const host of plan.hosts) await promise(placement.host(host, []).target);
  const hosts = plan.hosts.map(({ name, address }): LabHost => {
    const { ROOT = "", AUTHORIZED_KEY = "", VOLUMES = "", EPHEMERAL = "" } = environments.get(name) ?? {};
    const inputs = { root: ROOT, authorizedKey: AUTHORIZED_KEY, volumes: VOLUMES, ephemeral: EPHEMERAL };
    return { name, address, state: "alive", incarnation: "old", hostKey: "ssh-ed25519 AAAA", inputs };
  });
  return { network: { owner: "me" }, hosts, growsOnline, degradations: [] };
}

const promise = <T>(output: pulumi.Output<T>) =>
  new Promise<T>((resolve) => void output.apply((value) => resolve(value)));
const changeOf = (placement: Placement, host: ClusterPlan["hosts"][number]) => {
  const found = placement.found(host);
  return found.state === "running" ? found.change : found.state;
};

describe("the hosts of a lab", () => {
  it("as planned change nothing, whatever is in the operator's surroundings", async () => {
    const plan = planOf();
    const made = { root: "0123456789abcdef", key: "ED25519" };
    const lab = await labOf(plan, made, false);
    const before = new Map(environments);
    const placement = await place(plan, { ...made, lab });
    for (const host of plan.hosts) {
      expect(changeOf(placement, host)).toBe("none");
      await promise(placement.host(host, []).target);
      expect(environments.get(host.name)).toEqual({ ...before.get(host.name), INCARNATION: "old" });
    }
    expect(JSON.stringify([...environments])).not.toMatch(/"\/|HOME|cache/);
  });

  it("show every other input as a change, before any of them is touched", async () => {
    const small = planOf();
    const plans = [small, planOf({ etcd: { quotaGiB: 9 } }), planOf({ ephemeral: false, etcd: { backup: false } })];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("0123456789abcdef", "fedcba9876543210"),
        fc.constantFrom("ED25519", "RSA"),
        fc.constantFrom(...plans),
        fc.boolean(),
        async (root, key, plan, growsOnline) => {
          const lab = await labOf(small, { root: "0123456789abcdef", key: "ED25519" }, growsOnline);
          const before = new Map(environments);
          const placement = await place(plan, { root, key, lab });
          for (const host of plan.hosts) {
            const change = changeOf(placement, host);
            await promise(placement.host(host, []).target);
            const same = (env: Environment | undefined) => JSON.stringify({ ...env, INCARNATION: "" });
            const differs = same(environments.get(host.name)) !== same(before.get(host.name));
            expect(change !== "none").toBe(differs);
          }
        },
      ),
      { numRuns: 12 },
    );
  }, 300_000);

  it("of another state are refused", async () => {
    const plan = planOf();
    const made = { root: "0123456789abcdef", key: "ED25519" };
    const lab = await labOf(plan, made, false);
    await expect(place(plan, { ...made, lab, owner: "somebody" })).rejects.toThrow(
      /the lab kn-small on this machine belongs to another state \(owner me; this state is somebody\)/,
    );
  });
});
