/** The engine's kubernetes provider against a real API server: nothing here needs a controller or a node, hence the background deletions. */
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
const MAP = "kubernetes:core/v1:ConfigMap";
const CRD = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition";
const THING = "kubernetes:rehearsal.example.org/v1:Thing";
const background = { "pulumi.com/deletionPropagationPolicy": "background" };
const map = (name: string, data: Values, annotations: Values = background): Values => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, annotations },
  data,
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
      await provider.configure?.({ kubeconfig, enableConfigMapMutable: "true" });
    });
    afterAll(async () => {
      await provider?.close?.();
      await cluster.stop();
    });

    it("creates, refuses, updates, reads and deletes", async () => {
      const at = call(MAP, "one");
      const { id, inputs, outputs } = await create(provider, at, map("rehearsal-one", { a: "1" }));
      expect(id).toBe("default/rehearsal-one");
      await expect(create(provider, call(MAP, "other"), map("rehearsal-one", {}))).rejects.toThrow("already exists");
      await create(provider, at, inputs);
      const next = await check(provider, at, inputs, map("rehearsal-one", { b: "2" }));
      const updated = await provider.update?.(at, id, inputs, outputs, next);
      expect(updated?.outputs.data).toEqual({ b: "2" });
      expect((await provider.read?.(at, id, next, updated?.outputs ?? {}))?.inputs).toEqual(next);
      await provider.delete?.(at, id, next, updated?.outputs ?? {});
      expect(await provider.read?.(at, id, next, {})).toBeUndefined();
    });

    it("says what is wrong with an object", async () => {
      const unknown = { ...map("rehearsal-wrong", {}), dota: {} };
      await expect(create(provider, call(MAP), unknown)).rejects.toThrow(/\.dota/);
      await expect(create(provider, call(MAP), map("Not_A_Name", {}))).rejects.toThrow("metadata.name");
    });

    it("creates an object of a kind that was defined just before", async () => {
      const schema = { type: "object", x_kubernetes_preserve_unknown_fields: true };
      const definition = await create(provider, call(CRD), {
        apiVersion: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        metadata: { name: "things.rehearsal.example.org", annotations: background },
        spec: {
          group: "rehearsal.example.org",
          scope: "Cluster",
          names: { plural: "things", kind: "Thing" },
          versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema } }],
        },
      });
      const metadata = { name: "one", annotations: background };
      const thing = await create(provider, call(THING), {
        apiVersion: "rehearsal.example.org/v1",
        kind: "Thing",
        metadata,
      });
      expect(thing.id).toBe("one");
      await provider.delete?.(call(THING), thing.id, thing.inputs, thing.outputs);
      await provider.delete?.(call(CRD), definition.id, definition.inputs, definition.outputs);
    });
  });
