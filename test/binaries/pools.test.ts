/**
 * What pools need of a running API server: it takes the policies, says the CPUs that a pool promises for the nodes of that pool, whoever
 * writes them, and lets pods of protected nodes stay longer.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CertificatePlan, ObjectPlan } from "../../components/plan/types";
import { nodeCertificates } from "../../components/pools/certificates";
import { planWithPools } from "../unit/pool-samples";
import { ask as askAs } from "./support/client";
import { RunningCluster } from "./support/cluster";
import { productionPlan } from "./support/plans";
import { byDefault } from "./support/versions";

const kubernetes = byDefault("kubernetes");
const etcd = byDefault("etcd");
const objects = planWithPools({
  batch: { count: 1, cpuOvercommit: 1.25 },
  special: { count: 1, protected: true },
}).objects.filter(({ kind }) => kind.startsWith("MutatingAdmission"));

/** A node as its kubelet registers it: 48 CPUs, of which 0.11 are kept for the node's own programs. */
const node = (name: string, pool: string) => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name, labels: { "kilonode.io/pool": pool } },
  status: { capacity: { cpu: "48", memory: "64Gi" }, allocatable: { cpu: "47890m", memory: "63Gi" } },
});
/** 48 x 1.25 - what the plan keeps for the node's programs: 16 cores by the model. */
const overcommitted = "59890m";

if (typeof kubernetes === "string" || typeof etcd === "string")
  test("pools at an API server", ({ skip }) =>
    skip([kubernetes, etcd].find((one) => typeof one === "string") as string));
else
  describe("pools at an API server", () => {
    const cluster = new RunningCluster(productionPlan({ nodes: 100 }), kubernetes, etcd);
    beforeAll(() => cluster.start());
    afterAll(() => cluster.stop());

    async function ask(method: string, path: string, body?: unknown, type = "application/json"): Promise<string> {
      const { status, text } = await cluster.ask("kube-apiserver", path, {
        method,
        headers: body ? { "Content-Type": type } : {},
        body,
      });
      expect([200, 201], text).toContain(status);
      return text;
    }
    const status = async (name: string) =>
      (JSON.parse(await ask("GET", `/api/v1/nodes/${name}`)) as { status: { capacity: unknown; allocatable: unknown } })
        .status;
    const report = (name: string, change: unknown) =>
      ask("PATCH", `/api/v1/nodes/${name}/status`, { status: change }, "application/strategic-merge-patch+json");

    test("it takes the policies, strictly validated", async () => {
      expect(objects).toHaveLength(4);
      for (const planned of objects) {
        // An expression that fails would be passed over, as it is planned: here it fails the request.
        const object = JSON.parse(JSON.stringify(planned).replace('"Ignore"', '"Fail"')) as ObjectPlan;
        const resource = `${object.kind.toLowerCase().replace(/y$/, "ie")}s`;
        const path = `/apis/${object.apiVersion}/${resource}/${object.metadata.name}`;
        const text = await ask(
          "PATCH",
          `${path}?fieldManager=test&force=true&fieldValidation=Strict`,
          object,
          "application/apply-patch+yaml",
        );
        expect((JSON.parse(text) as ObjectPlan & { status?: unknown }).metadata.name).toBe(object.metadata.name);
      }
    });

    test("a node of the pool has more CPUs for pods from its registration on, and the same capacity", async () => {
      let index = 0;
      // A policy is in force some moments after it was taken.
      await expect
        .poll(
          async () => {
            const name = `batch-${++index}`;
            await ask("POST", "/api/v1/nodes", node(name, "batch"));
            return (await status(name)).allocatable;
          },
          { timeout: 30_000, interval: 500 },
        )
        .toEqual({ cpu: overcommitted, memory: "63Gi" });
      expect((await status(`batch-${index}`)).capacity).toEqual({ cpu: "48", memory: "64Gi" });
    });

    test("it keeps them when the kubelet reports what the machine has, and when somebody else reports", async () => {
      await ask("POST", "/api/v1/nodes", node("kept", "batch"));
      await report("kept", { allocatable: { cpu: "47890m" } });
      expect((await status("kept")).allocatable).toMatchObject({ cpu: overcommitted });
      for (let time = 0; time < 3; time++)
        await report("kept", { conditions: [{ type: "Ready", status: time % 2 ? "True" : "Unknown" }] });
      expect((await status("kept")).allocatable).toMatchObject({ cpu: overcommitted });
      // A machine with other CPUs.
      await report("kept", { capacity: { cpu: "96" }, allocatable: { cpu: "95890m" } });
      expect((await status("kept")).allocatable).toMatchObject({ cpu: "119890m" });
    });

    test("a node of another pool, or of none, has what it says", async () => {
      await ask("POST", "/api/v1/nodes", node("other", "workers"));
      await report("other", { allocatable: { cpu: "47000m" } });
      expect((await status("other")).allocatable).toMatchObject({ cpu: "47" });
    });

    interface Toleration {
      readonly key: string;
      readonly tolerationSeconds?: number;
      readonly effect?: string;
    }
    let made = 0;
    async function podWith(tolerations: readonly object[]): Promise<Toleration[]> {
      const pod = {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: `pod-${++made}`, namespace: "default" },
        spec: { tolerations, automountServiceAccountToken: false, containers: [{ name: "c", image: "a.example/b:1" }] },
      };
      const path = "/api/v1/namespaces/default/pods?dryRun=All";
      return (JSON.parse(await ask("POST", path, pod)) as { spec: { tolerations: Toleration[] } }).spec.tolerations;
    }
    const seconds = (tolerations: readonly Toleration[]) =>
      Object.fromEntries(tolerations.map(({ key, tolerationSeconds }) => [key.split("/")[1], tolerationSeconds]));
    const mine = { key: "kilonode.io/protected", operator: "Exists" };

    test("a pod for protected nodes stays an hour on one that does not answer, any other 5 minutes", async () => {
      await ask("POST", "/api/v1/namespaces/default/serviceaccounts", {
        apiVersion: "v1",
        kind: "ServiceAccount",
        metadata: { name: "default" },
      });
      await expect
        .poll(async () => seconds(await podWith([mine])), { timeout: 30_000, interval: 500 })
        .toEqual({ protected: undefined, "not-ready": 3600, unreachable: 3600 });
      expect((await podWith([mine])).map(({ effect }) => effect)).toEqual([undefined, "NoExecute", "NoExecute"]);
      expect(seconds(await podWith([{ key: "other", operator: "Exists" }]))).toMatchObject({
        "not-ready": 300,
        unreachable: 300,
      });
      expect(seconds(await podWith([]))).toEqual({ "not-ready": 300, unreachable: 300 });
    });

    test("one that says its own seconds has these", async () => {
      const own = {
        key: "node.kubernetes.io/unreachable",
        operator: "Exists",
        effect: "NoExecute",
        tolerationSeconds: 10,
      };
      expect(seconds(await podWith([mine, own]))).toEqual({
        protected: undefined,
        unreachable: 10,
        "not-ready": 3600,
      });
    });

    test("a node's certificate lets it register itself, and no other, and read no Secret of its own choice", async () => {
      const place = { name: "own", zone: "a", address: "192.0.2.1", endpoint: "192.0.2.1" };
      const [, { commonName, organization = "" }] = nodeCertificates(place) as [CertificatePlan, CertificatePlan];
      const pair = await cluster.client(commonName, organization);
      const asNode = async (method: string, path: string, body?: unknown) =>
        (
          await askAs(`${cluster.url("kube-apiserver")}${path}`, pair, {
            method,
            headers: body ? { "Content-Type": "application/json" } : {},
            body,
          })
        ).status;
      // Authorization learns of a new cluster's roles some moments after the first answer.
      await expect.poll(() => asNode("POST", "/api/v1/nodes", node("own", "workers")), { timeout: 30_000 }).toBe(201);
      expect(await asNode("GET", "/api/v1/nodes/own")).toBe(200);
      expect(await asNode("POST", "/api/v1/nodes", node("stranger", "workers"))).toBe(403);
      expect(await asNode("GET", "/api/v1/secrets")).toBe(403);
      const labelled = {
        ...node("own", "workers"),
        metadata: { name: "own", labels: { "node-restriction.kubernetes.io/x": "" } },
      };
      expect(await asNode("PUT", "/api/v1/nodes/own", labelled)).not.toBe(200);
    });
  });
