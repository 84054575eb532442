import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type DiffResult, PartialFailure, type Provider, UNKNOWN, type Values } from "../../../engine";
import { providers } from "../../../engine/rehearsal";
import { ApiServer } from "./apiserver";
import { call, check, create } from "./support";

const MAP = "kubernetes:core/v1:ConfigMap";
const DEPLOYMENT = "kubernetes:apps/v1:Deployment";
const server = new ApiServer();
let provider: Provider;

async function connected(config: Values = {}): Promise<Provider> {
  const made = providers("kubernetes");
  await made.configure?.({ kubeconfig: server.kubeconfig(), ...config });
  return made;
}

beforeAll(async () => {
  await server.start();
  provider = await connected();
});
afterAll(async () => {
  await provider.close?.();
  await server.remove();
});
beforeEach(() => {
  server.hook = () => undefined;
  server.objects.clear();
  server.requests();
});

const map = (name: string | undefined, data: Values = { a: "1" }, metadata: Values = {}): Values => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { ...(name === undefined ? {} : { name }), ...metadata },
  data,
});
const deployment = (name: string, metadata: Values = {}): Values => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name, ...metadata },
  spec: { replicas: 2, selector: { matchLabels: { app: "a" } } },
});
const at = (name: string) => `/api/v1/namespaces/default/configmaps/${name}`;

describe("objects", () => {
  it("are created by server-side apply", async () => {
    const made = await create(provider, call(MAP, "one"), map("one"));
    expect(made.id).toBe("default/one");
    const apply = server.seen.find(({ method }) => method === "PATCH");
    expect(apply?.query.get("fieldManager")).toMatch(/^pulumi-kubernetes-[0-9a-f]{8}$/);
    expect(apply?.query.get("fieldValidation")).toBe("Strict");
    expect(apply?.query.get("force")).toBe("false");
    expect(server.requests()).toEqual(["GET /api/v1", `GET ${at("one")}`, `PATCH ${at("one")}`]);
    // What the real provider needs to take the state over.
    expect(made.outputs).toMatchObject({
      data: { a: "1" },
      metadata: { uid: "uid-1" },
      __inputs: { data: { a: "1" }, metadata: { namespace: "default" } },
      __initialApiVersion: "v1",
      __fieldManager: apply?.query.get("fieldManager"),
    });
    expect(JSON.stringify(made.outputs)).not.toContain("managedFields");
    expect(provider.secretOutputs?.("kubernetes:core/v1:Secret")).toEqual(["__inputs", "data", "stringData"]);
  });

  it("are updated, read and deleted", async () => {
    const { id, inputs, outputs } = await create(provider, call(MAP), map("two"));
    const next = await check(provider, call(MAP), inputs, map("two", { a: "2" }));
    const updated = await provider.update?.(call(MAP), id, inputs, outputs, next);
    expect(updated?.outputs).toMatchObject({ data: { a: "2" }, __fieldManager: outputs.__fieldManager });
    const live = server.objects.get(at("two")) as Values;
    server.objects.set(at("two"), { ...live, data: { a: "drift", b: "other's" } });
    const read = await provider.read?.(call(MAP), id, next, updated?.outputs ?? {});
    expect(read?.inputs).toEqual({ ...next, data: { a: "drift" } });
    expect(read?.outputs.data).toEqual({ a: "drift", b: "other's" });
    server.requests();
    await provider.delete?.(call(MAP), id, next, updated?.outputs ?? {});
    const deletion = server.seen.find(({ method }) => method === "DELETE");
    expect(deletion?.body.propagationPolicy).toBe("Foreground");
    expect(server.requests()).toEqual([`GET ${at("two")}`, `DELETE ${at("two")}`, `GET ${at("two")}`]);
    expect(await provider.read?.(call(MAP), id, next, {})).toBeUndefined();
    await provider.delete?.(call(MAP), id, next, updated?.outputs ?? {});
  });

  it("wait for finalizers when they are deleted", async () => {
    const { id, inputs, outputs } = await create(
      provider,
      call(MAP),
      map("held", {}, { finalizers: ["example.org/keep"] }),
    );
    const log = call(MAP);
    const deleted = provider.delete?.(log, id, inputs, outputs);
    await expect
      .poll(() => log.logged[0]?.message)
      .toBe("waiting for ConfigMap default/held to be gone: it still exists (finalizers: example.org/keep)");
    server.objects.delete(at("held"));
    await deleted;
    const background = map("bg", {}, { annotations: { "pulumi.com/deletionPropagationPolicy": "background" } });
    const other = await create(provider, call(MAP), background);
    server.requests();
    await provider.delete?.(call(MAP), other.id, other.inputs, other.outputs);
    expect(server.seen.find(({ method }) => method === "DELETE")?.body.propagationPolicy).toBe("Background");
  });

  it("get a name when they have none, and keep it", async () => {
    const { inputs } = await create(provider, call(MAP, "auto"), map(undefined));
    const name = (inputs.metadata as Values).name as string;
    expect(name).toMatch(/^auto-[0-9a-f]{8}$/);
    expect(inputs.metadata).toMatchObject({ annotations: { "pulumi.com/autonamed": "true" } });
    const again = await check(provider, call(MAP, "auto"), inputs, map(undefined));
    expect(again).toEqual(inputs);
  });

  it("without a namespace get the provider's, the context's, or the one called default", async () => {
    const namespace = async (config: Values, type: string, inputs: Values) => {
      const checked = await check(await connected(config), call(type), {}, inputs);
      return (checked.metadata as Values).namespace;
    };
    expect(await namespace({ namespace: "mine" }, MAP, map("x"))).toBe("mine");
    expect(await namespace({ kubeconfig: server.kubeconfig("data", "theirs") }, MAP, map("x"))).toBe("theirs");
    expect(await namespace({ namespace: "mine" }, MAP, map("x", {}, { namespace: "own" }))).toBe("own");
    const cluster = { apiVersion: "v1", kind: "Namespace", metadata: { name: "n" } };
    expect(await namespace({ namespace: "mine" }, "kubernetes:core/v1:Namespace", cluster)).toBeUndefined();
  });

  it("that exist already are refused, unless they are left from an interrupted run", async () => {
    await create(provider, call(MAP, "mine"), map("there"));
    await expect(create(provider, call(MAP, "other"), map("there"))).rejects.toThrow(
      "ConfigMap default/there already exists in the cluster and is not this resource's",
    );
    const again = call(MAP, "mine");
    await create(provider, again, map("there"));
    expect(again.logged[0]?.message).toContain("exists from an earlier run");
    const upsert = await connected({ upsertExistingObjects: "true" });
    expect((await create(upsert, call(MAP, "other"), map("there"))).id).toBe("default/there");
  });

  it("of a kind that was only just defined are tried until it is there", async () => {
    const type = "kubernetes:example.org/v1:Thing";
    const thing = { apiVersion: "example.org/v1", kind: "Thing", metadata: { name: "t" }, spec: { x_kubernetes_y: 1 } };
    setTimeout(() => {
      server.kinds["/apis/example.org/v1"] = { Thing: ["things", false] };
    }, 400);
    const made = await create(provider, call(type), thing);
    expect(made.id).toBe("t");
    // The namespace that was assumed is left out, the property's name is the server's.
    const sent = server.seen.find(({ method }) => method === "PATCH");
    expect(sent).toMatchObject({ path: "/apis/example.org/v1/things/t", body: { spec: { "x-kubernetes-y": 1 } } });
    expect(sent?.body.metadata).not.toHaveProperty("namespace");
    delete server.kinds["/apis/example.org/v1"];
    await provider.delete?.(call(type), "t", made.inputs, made.outputs);
  });
});

describe("readiness", () => {
  const path = "/apis/apps/v1/namespaces/default/deployments/d";
  const status = (more: Values) => {
    const live = server.objects.get(path) as Values;
    server.objects.set(path, { ...live, status: { observedGeneration: 1, ...more } });
  };

  it("of a Deployment is its rollout", async () => {
    const log = call(DEPLOYMENT);
    const running = create(provider, log, deployment("d"));
    await expect.poll(() => log.logged.at(-1)?.message).toContain("the change has not been seen by the controller");
    status({ updatedReplicas: 1 });
    await expect.poll(() => log.logged.at(-1)?.message).toContain("1 of 2 replicas are updated");
    status({ updatedReplicas: 2, replicas: 2, availableReplicas: 2 });
    expect((await running).outputs.status).toMatchObject({ availableReplicas: 2 });
  });

  it("fails with the controller's message, and ends in time", async () => {
    const running = create(provider, call(DEPLOYMENT), deployment("d"));
    running.catch(() => {});
    await expect.poll(() => server.objects.has(path)).toBe(true);
    const conditions = [
      { type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded", message: "too slow" },
      { type: "ReplicaFailure", status: "True", message: "quota exceeded" },
    ];
    status({ conditions });
    // It stays in the state, and the next run updates it.
    const failure = await running.catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(PartialFailure);
    expect(failure).toMatchObject({
      message: "Deployment default/d was applied, but does not become ready: quota exceeded",
      id: "default/d",
      outputs: { __initialApiVersion: "apps/v1", status: { conditions } },
    });
    server.objects.clear();
    const short = deployment("d", { annotations: { "pulumi.com/timeoutSeconds": "0" } });
    await expect(create(provider, call(DEPLOYMENT), short)).rejects.toThrow(
      "waited 0 s for Deployment default/d to be ready",
    );
    const interrupt = new AbortController();
    server.objects.clear();
    const waiting = create(provider, call(DEPLOYMENT, "it", { signal: interrupt.signal }), deployment("d"));
    setTimeout(() => interrupt.abort(), 100);
    await expect(waiting).rejects.toThrow(/abort/i);
  });

  it("is not waited for when it should not be", async () => {
    await create(provider, call(DEPLOYMENT), deployment("d", { annotations: { "pulumi.com/skipAwait": "true" } }));
  });
});

describe("failures", () => {
  it("carry the server's message and the field", async () => {
    const causes = [{ field: "data.a", message: "must be shorter" }];
    server.hook = ({ method }) =>
      method === "PATCH"
        ? { status: 422, body: { reason: "Invalid", message: 'ConfigMap "x" is invalid', details: { causes } } }
        : undefined;
    await expect(create(provider, call(MAP), map("x"))).rejects.toThrow(
      `PATCH ${at("x")}: ConfigMap "x" is invalid\n  data.a: must be shorter`,
    );
    server.hook = ({ method }) =>
      method === "PATCH"
        ? { status: 409, body: { reason: "Conflict", message: 'conflict with "kubectl": .data.a' } }
        : undefined;
    await expect(create(provider, call(MAP), map("x"))).rejects.toThrow(
      /conflict with "kubectl": .data.a\n.*patchForce/,
    );
  });

  it("of an overloaded server are waited out, as long as it says", async () => {
    const answers = [
      { status: 429, headers: { "retry-after": "1" } },
      { status: 503, body: { message: "starting" } },
    ];
    server.hook = ({ method }) => (method === "PATCH" ? answers.shift() : undefined);
    const began = Date.now();
    await create(provider, call(MAP), map("slow"));
    expect(Date.now() - began).toBeGreaterThanOrEqual(1000);
  });

  it("of a server that is started again are waited out", async () => {
    await server.stop();
    const running = create(provider, call(MAP), map("again"));
    setTimeout(() => void server.start(), 500);
    expect((await running).id).toBe("default/again");
  });

  it("of a missing namespace are tried again", async () => {
    let tries = 0;
    server.hook = ({ method }) =>
      method === "PATCH" && ++tries < 2
        ? {
            status: 404,
            body: { reason: "NotFound", message: 'namespaces "n" not found', details: { kind: "namespaces" } },
          }
        : undefined;
    await create(provider, call(MAP), map("x", {}, { namespace: "n" }));
    expect(tries).toBe(2);
  });
});

describe("connections", () => {
  it("take certificates from files, and are few", async () => {
    const dir = mkdtempSync(join(tmpdir(), "kubeconfig-"));
    writeFileSync(join(dir, "config"), server.kubeconfig("files"));
    const own = await connected({ kubeconfig: join(dir, "config") });
    const before = server.connections;
    await Promise.all(Array.from({ length: 100 }, (_, i) => create(own, call(MAP), map(`many-${i}`))));
    expect(server.connections - before).toBeLessThanOrEqual(16);
    await own.close?.();
    rmSync(dir, { recursive: true });
  });

  it("refuse logins that need another program", async () => {
    const exec = server.kubeconfig().replace("client-key-data:", "exec: {}\n      client-key-data:");
    await expect(create(await connected({ kubeconfig: exec }), call(MAP), map("x"))).rejects.toThrow(
      "a program that logs in",
    );
    await expect(create(await connected({ kubeconfig: "/no/file" }), call(MAP), map("x"))).rejects.toThrow(
      "does not exist",
    );
  });
});

describe("previews", () => {
  it("need no cluster", async () => {
    const at = call(MAP, "it", { preview: true });
    const unknown = await connected({ kubeconfig: UNKNOWN });
    expect(await create(unknown, at, map("x", { a: UNKNOWN }))).toMatchObject({
      id: "",
      outputs: { data: { a: UNKNOWN } },
    });
    const gone = await connected({ kubeconfig: server.kubeconfig().replace(/127.0.0.1:\d+/, "127.0.0.1:1") });
    const type = "kubernetes:example.org/v1:Thing";
    const thing = { apiVersion: "example.org/v1", kind: "Thing", metadata: { name: "t" } };
    expect((await create(gone, call(type, "it", { preview: true }), thing)).outputs).toEqual(thing);
    await expect(create(unknown, call(MAP), map("x"))).rejects.toThrow(
      "the kubeconfig of the provider is not known yet",
    );
    expect(server.requests()).toEqual([]);
  });

  it("say what changes and what has to be replaced", async () => {
    const diff = async (old: Values, now: Values, from = provider) =>
      (await from.diff?.(call(MAP), "id", old, old, now, [])) as DiffResult;
    expect(await diff(map("x", {}, { namespace: "default" }), map("x", {}))).toEqual({ changes: false });
    expect(await diff(map("x", { a: "1" }), map("x", { a: "2" }))).toEqual({
      changes: true,
      replaces: ["data"],
      deleteBeforeReplace: true,
      detailedDiff: { "data.a": "update-replace" },
    });
    expect(
      await diff(map("x", { a: "1" }), map("x", { a: "2" }), await connected({ enableConfigMapMutable: "true" })),
    ).toEqual({
      changes: true,
      detailedDiff: { "data.a": "update" },
    });
    const labelled = map("x", {}, { labels: { "app.kubernetes.io/name": "b" } });
    expect((await diff(map("x", {}, { labels: { "app.kubernetes.io/name": "a" } }), labelled)).detailedDiff).toEqual({
      'metadata.labels["app.kubernetes.io/name"]': "update",
    });
    expect(await diff(map("x"), map("y"))).toMatchObject({ replaces: ["metadata"], deleteBeforeReplace: false });
    const other = { ...deployment("d"), spec: { replicas: 3, selector: { matchLabels: { app: "b" } } } };
    expect((await diff(deployment("d"), other)).detailedDiff).toEqual({
      "spec.replicas": "update",
      "spec.selector.matchLabels.app": "update-replace",
    });
  });

  it("refuse what is not an object", async () => {
    const refused = (type: string, inputs: Values = {}) => expect(create(provider, call(type), inputs)).rejects;
    await refused("kubernetes:core/v1:ConfigMapList").toThrow("the objects of a list have to be created one by one");
    await refused("kubernetes:core/v1:ConfigMapPatch", map("x")).toThrow("patches of objects are not");
    await refused("kubernetes:helm.sh/v3:Release").toThrow("not charts and sets of manifests");
    await refused("kubernetes:yaml/v2:ConfigGroup").toThrow("not charts and sets of manifests");
    await expect(connected({ enableServerSideApply: "false" })).rejects.toThrow(
      "enableServerSideApply: false is not supported",
    );
  });
});
