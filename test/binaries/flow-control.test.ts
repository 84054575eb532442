/**
 * The largest size's flow control objects on a running API server: it takes the objects, and puts each kind of list where it
 * belongs.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Workload } from "../../config/scale";
import { scaleOf } from "../unit/scale-samples";
import { RunningCluster } from "./support/cluster";
import { productionPlan } from "./support/plans";
import { byDefault } from "./support/versions";

const kubernetes = byDefault("kubernetes");
const etcd = byDefault("etcd");

const workload: Workload = { nodes: 15_000, bulkListerSubjects: [{ kind: "User", name: "nightly-report" }] };
const plan = productionPlan(workload);
const { scale } = plan;

if (typeof kubernetes === "string" || typeof etcd === "string")
  test("flow control at 15,000 nodes", ({ skip }) =>
    skip([kubernetes, etcd].find((one) => typeof one === "string") as string));
else
  describe("flow control at 15,000 nodes", () => {
    const cluster = new RunningCluster(plan, kubernetes, etcd);
    beforeAll(() => cluster.start());
    afterAll(() => cluster.stop());

    /** One request as the administrator, or as somebody else. */
    async function ask(
      method: string,
      path: string,
      options: { body?: unknown; as?: string; groups?: readonly string[] } = {},
    ): Promise<{ status: number; text: string; flowSchema: string }> {
      const { body, as, groups } = options;
      const { status, text, headers } = await cluster.ask("kube-apiserver", path, {
        method,
        headers: {
          ...(as ? { "Impersonate-User": as } : {}),
          ...(groups ? { "Impersonate-Group": groups } : {}),
          ...(body ? { "Content-Type": "application/apply-patch+yaml" } : {}),
        },
        body,
      });
      return { status, text, flowSchema: String(headers["x-kubernetes-pf-flowschema-uid"] ?? "") };
    }

    /** Churn far above what a plan is made for, so that a level of upstream's is raised too. */
    const churning = scaleOf({ ...workload, churnPodsPerSecond: 2000 }).flowControl;
    test.each([
      ["of a churn that raises a level of upstream's", churning, "&dryRun=All"],
      ["of the plan", scale.flowControl, ""],
    ] as const)("kube-apiserver takes every flow control object %s, strictly validated", async (_of, flow, dryRun) => {
      const objects = [...flow.priorityLevels, ...flow.flowSchemas];
      expect(objects.some(({ metadata }) => metadata.name === "workload-high")).toBe(flow === churning);
      for (const object of objects) {
        const kind = object.kind === "FlowSchema" ? "flowschemas" : "prioritylevelconfigurations";
        const { status, text } = await ask(
          "PATCH",
          `/apis/flowcontrol.apiserver.k8s.io/v1/${kind}/${object.metadata.name}?fieldManager=test&force=true&fieldValidation=Strict${dryRun}`,
          { body: object },
        );
        expect([200, 201], text).toContain(status);
      }
    });

    test("seats come to what the model says, and leader election and heartbeats have theirs", async () => {
      const seats = async (): Promise<Record<string, number>> =>
        Object.fromEntries(
          [
            ...(await ask("GET", "/metrics")).text.matchAll(
              /apiserver_flowcontrol_nominal_limit_seats\{priority_level="([^"]+)"\} (\d+)/g,
            ),
          ].map(([, name, value]) => [name, Number(value)]),
        );
      await expect.poll(async () => (await seats())["kilonode-cluster-lists"], { timeout: 20_000 }).toBeGreaterThan(0);
      const live = await seats();
      const total = Object.values(live).reduce((sum, value) => sum + value, 0);
      expect(Math.abs(total - scale.apiserver.totalConcurrency)).toBeLessThanOrEqual(Object.keys(live).length);
      for (const level of ["leader-election", "node-high", "system"])
        expect(live[level]).toBeGreaterThanOrEqual(scale.apiserver.levels[level]?.neededSeats ?? 0);
    });

    const pods = "/api/v1/pods";
    const inOne = "/api/v1/namespaces/default/pods";
    const account = (namespace: string) => ({
      as: `system:serviceaccount:${namespace}:x`,
      groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
    });
    test.each([
      ["somebody lists all pods", pods, { as: "somebody" }, "kilonode-cluster-lists"],
      ["somebody lists one namespace", inOne, { as: "somebody" }, "global-default"],
      ["somebody watches all pods", `${pods}?watch=1&timeoutSeconds=1`, { as: "somebody" }, "global-default"],
      ["an application lists all pods", pods, account("shop"), "kilonode-cluster-lists"],
      ["a known bulk lister lists one namespace", inOne, { as: "nightly-report" }, "kilonode-known-bulk-lists"],
      ["a controller of kube-system lists all pods", pods, account("kube-system"), "kube-system-service-accounts"],
      [
        "the scheduler lists all pods",
        pods,
        { as: "system:kube-scheduler", groups: ["system:authenticated"] },
        "kube-scheduler",
      ],
      [
        "a kubelet lists all pods",
        pods,
        { as: "system:node:one", groups: ["system:nodes", "system:authenticated"] },
        "system-nodes",
      ],
    ])("%s", async (_who, path, as, expected) => {
      const { items } = JSON.parse((await ask("GET", "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas")).text) as {
        items: { metadata: { uid: string; name: string } }[];
      };
      const nameOf = (uid: string) => items.find(({ metadata }) => metadata.uid === uid)?.metadata.name;
      await expect
        .poll(async () => nameOf((await ask("GET", path, as)).flowSchema), { timeout: 20_000 })
        .toBe(expected);
    });
  });
