/** The engine's kubernetes provider against a real API server. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import type { Provider, Values } from "../../engine";
import { providers } from "../../engine/rehearsal";
import { call, check, create } from "../engine/providers/support";
import { RunningCluster } from "./support/cluster";
import { productionPlan } from "./support/plans";
import { byDefault } from "./support/versions";

const kubernetes = byDefault("kubernetes");
const etcd = byDefault("etcd");
const ROLE = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole";
const role = (name: string, verb: string): Values => ({
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRole",
  metadata: { name },
  rules: [{ apiGroups: [""], resources: ["nodes"], verbs: [verb] }],
});

if (typeof kubernetes === "string" || typeof etcd === "string")
  test("the kubernetes provider", ({ skip }) =>
    skip([kubernetes, etcd].find((one) => typeof one === "string") as string));
else
  describe("the kubernetes provider on a real API server", () => {
    const cluster = new RunningCluster(productionPlan({ nodes: 1300, pods: 100_000 }), kubernetes, etcd);
    let provider: Provider;
    beforeAll(async () => {
      await cluster.start();
      provider = providers("kubernetes");
      const kubeconfig = readFileSync(cluster.kubeconfig(), "utf8");
      await provider.configure?.({ kubeconfig, enableServerSideApply: "true" });
    });
    afterAll(async () => {
      await provider?.close?.();
      await cluster.stop();
    });

    it("creates, refuses, updates and deletes", async () => {
      const at = call(ROLE, "one");
      const { id, inputs, outputs } = await create(provider, at, role("rehearsal:one", "get"));
      expect(id).toBe("rehearsal:one");
      await expect(create(provider, call(ROLE, "other"), role("rehearsal:one", "get"))).rejects.toThrow(
        "already exists",
      );
      await create(provider, at, inputs);
      const next = await check(provider, at, inputs, role("rehearsal:one", "list"));
      const updated = await provider.update?.(at, id, inputs, outputs, next);
      expect(updated?.outputs.rules).toEqual(next.rules);
      await provider.delete?.(at, id, next, updated?.outputs ?? {});
      // It is gone: another resource may take the name.
      const other = await create(provider, call(ROLE, "other"), role("rehearsal:one", "get"));
      await provider.delete?.(call(ROLE, "other"), other.id, other.inputs, other.outputs);
    });

    it("applies every object of the plan", async () => {
      for (const object of cluster.plan.objects) {
        const at = call(`kubernetes:${object.apiVersion}:${object.kind}`, object.metadata.name);
        const { id } = await create(provider, at, object as unknown as Values);
        const { name, namespace } = object.metadata;
        expect(id).toBe(namespace === undefined ? name : `${namespace}/${name}`);
      }
    });

    it("says what is wrong with an object", async () => {
      const unknown = { ...role("rehearsal:wrong", "get"), dota: {} };
      await expect(create(provider, call(ROLE), unknown)).rejects.toThrow(/\.dota/);
      const useless = {
        ...role("rehearsal:wrong", "get"),
        rules: [{ apiGroups: [""], resources: ["nodes"], verbs: [] }],
      };
      await expect(create(provider, call(ROLE), useless)).rejects.toThrow("rules[0].verbs");
    });
  });
