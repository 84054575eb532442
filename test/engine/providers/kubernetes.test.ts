import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type DiffResult, type Provider, UNKNOWN, type Values } from "../../../engine";
import { providers } from "../../../engine/rehearsal";
import { ApiServer } from "./apiserver";
import { call, check, create } from "./support";

const ROLE = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole";
const BINDING = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding";
const server = new ApiServer();
let provider: Provider;

async function connected(config: Values = {}): Promise<Provider> {
  const made = providers("kubernetes");
  await made.configure?.({ kubeconfig: server.kubeconfig(), enableServerSideApply: "true", ...config });
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

const role = (name: string, verb = "get", metadata: Values = {}): Values => ({
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRole",
  metadata: { name, ...metadata },
  rules: [{ verbs: [verb] }],
});
const binding = (name: string, to: string): Values => ({
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRoleBinding",
  metadata: { name },
  roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: to },
});
const at = (name: string) => `/apis/rbac.authorization.k8s.io/v1/clusterroles/${name}`;

describe("objects", () => {
  it("are created by server-side apply", async () => {
    const made = await create(provider, call(ROLE, "one"), { ...role("one"), aggregationRule: null });
    expect(made.id).toBe("one");
    const apply = server.seen.find(({ method }) => method === "PATCH");
    expect(apply?.query.get("fieldManager")).toMatch(/^pulumi-kubernetes-[0-9a-f]{8}$/);
    expect(apply?.query.get("fieldValidation")).toBe("Strict");
    expect(apply?.query.get("force")).toBe("false");
    expect(apply?.body).toEqual(role("one"));
    expect(server.requests()).toEqual([`GET ${at("one")}`, `PATCH ${at("one")}`]);
    // What the real provider needs to take the state over.
    expect(made.outputs).toMatchObject({
      rules: [{ verbs: ["get"] }],
      metadata: { uid: "uid-1" },
      __inputs: role("one"),
      __initialApiVersion: "rbac.authorization.k8s.io/v1",
      __fieldManager: apply?.query.get("fieldManager"),
    });
    expect(JSON.stringify(made.outputs)).not.toContain("managedFields");
    expect(provider.secretOutputs?.(ROLE)).toEqual(["__inputs"]);
  });

  it("have names with characters that a path does not", async () => {
    await create(provider, call(ROLE), role("kilonode:kubelet-client"));
    expect(server.requests()).toContain(`PATCH ${at("kilonode%3Akubelet-client")}`);
  });

  it("are in their namespace, where their kind has one, and another namespace is another object", async () => {
    const type = "kubernetes:rbac.authorization.k8s.io/v1:Role";
    const inside = (namespace: string) => ({ ...role("r", "get", { namespace }), kind: "Role" });
    const { id, inputs, outputs } = await create(provider, call(type), inside("a"));
    expect(id).toBe("a/r");
    expect(server.requests()).toContain("PATCH /apis/rbac.authorization.k8s.io/v1/namespaces/a/roles/r");
    const moved = await provider.diff?.(call(type), id, inputs, outputs, inside("b"), []);
    expect(moved).toMatchObject({ replaces: ["metadata"], deleteBeforeReplace: false });
    await expect(create(provider, call(type), { ...role("r"), kind: "Role" })).rejects.toThrow(
      "metadata.namespace is missing",
    );
  });

  it("are updated and deleted", async () => {
    const { id, inputs, outputs } = await create(provider, call(ROLE), role("two"));
    const next = await check(provider, call(ROLE), inputs, role("two", "list"));
    const updated = await provider.update?.(call(ROLE), id, inputs, outputs, next);
    expect(updated?.outputs).toMatchObject({
      rules: [{ verbs: ["list"] }],
      __fieldManager: outputs.__fieldManager,
    });
    server.requests();
    await provider.delete?.(call(ROLE), id, next, updated?.outputs ?? {});
    expect(server.requests()).toEqual([`GET ${at("two")}`, `DELETE ${at("two")}`, `GET ${at("two")}`]);
    await provider.delete?.(call(ROLE), id, next, updated?.outputs ?? {});
    expect(server.requests()).toEqual([`GET ${at("two")}`]);
  });

  it("are waited for while finalizers hold them", async () => {
    const { id, inputs, outputs } = await create(
      provider,
      call(ROLE),
      role("held", "get", { finalizers: ["example.org/keep"] }),
    );
    const log = call(ROLE);
    const deleted = provider.delete?.(log, id, inputs, outputs);
    await expect
      .poll(() => log.logged[0]?.message)
      .toBe("waiting for ClusterRole held to be gone: it still exists (finalizers: example.org/keep)");
    server.objects.delete(at("held"));
    await deleted;
  });

  it("that exist already are refused, unless they are left from an interrupted run", async () => {
    await create(provider, call(ROLE, "mine"), role("there"));
    await expect(create(provider, call(ROLE, "other"), role("there"))).rejects.toThrow(
      "ClusterRole there already exists in the cluster and is not this resource's",
    );
    const again = call(ROLE, "mine");
    await create(provider, again, role("there"));
    expect(again.logged[0]?.message).toContain("exists from an earlier run");
  });
});

describe("failures", () => {
  it("carry the server's message and the field", async () => {
    const causes = [{ field: "rules[0].verbs", message: "must be shorter" }];
    server.hook = ({ method }) =>
      method === "PATCH"
        ? { status: 422, body: { reason: "Invalid", message: 'ClusterRole "x" is invalid', details: { causes } } }
        : undefined;
    await expect(create(provider, call(ROLE), role("x"))).rejects.toThrow(
      `PATCH ${at("x")}: ClusterRole "x" is invalid\n  rules[0].verbs: must be shorter`,
    );
    server.hook = ({ method }) =>
      method === "PATCH"
        ? { status: 409, body: { reason: "Conflict", message: 'conflict with "kubectl": .rules' } }
        : undefined;
    await expect(create(provider, call(ROLE), role("x"))).rejects.toThrow(
      /conflict with "kubectl": .rules\n.*--force-conflicts/,
    );
  });

  it("of an overloaded server are waited out, as long as it says", async () => {
    const answers = [
      { status: 429, headers: { "retry-after": "1" } },
      { status: 503, body: { message: "starting" } },
    ];
    server.hook = ({ method }) => (method === "PATCH" ? answers.shift() : undefined);
    const began = Date.now();
    await create(provider, call(ROLE), role("slow"));
    expect(Date.now() - began).toBeGreaterThanOrEqual(1000);
  });

  it("of a server that is started again are waited out", async () => {
    await server.stop();
    const running = create(provider, call(ROLE), role("again"));
    setTimeout(() => void server.start(), 500);
    expect((await running).id).toBe("again");
  });

  it("end with the run", async () => {
    const interrupt = new AbortController();
    server.hook = () => ({ status: 503 });
    const waiting = create(provider, call(ROLE, "it", { signal: interrupt.signal }), role("x"));
    setTimeout(() => interrupt.abort(), 100);
    await expect(waiting).rejects.toThrow(/abort/i);
  });
});

describe("connections", () => {
  it("are few", async () => {
    const own = await connected();
    const before = server.connections;
    await Promise.all(Array.from({ length: 100 }, (_, i) => create(own, call(ROLE), role(`many-${i}`))));
    expect(server.connections - before).toBeLessThanOrEqual(16);
    await own.close?.();
  });
});

describe("what is not supported", () => {
  it("in a kubeconfig is refused, since it would change where or how to log in", async () => {
    const wrong = async (kubeconfig: string | null) => create(await connected({ kubeconfig }), call(ROLE), role("x"));
    const exec = server.kubeconfig().replace("client-key-data:", "exec: {}\n      client-key-data:");
    await expect(wrong(exec)).rejects.toThrow(
      "a kubeconfig's user with exec is not supported in a rehearsal; supported: client-certificate-data, client-key-data",
    );
    const proxy = server.kubeconfig().replace("server:", "proxy-url: http://p\n      server:");
    await expect(wrong(proxy)).rejects.toThrow(
      "a kubeconfig's cluster with proxy-url is not supported in a rehearsal; supported: server, certificate-authority-data",
    );
    await expect(wrong("/no/file")).rejects.toThrow("a rehearsal reads neither files nor KUBECONFIG");
    await expect(wrong(null)).rejects.toThrow("the provider has no kubeconfig");
  });

  it("of the provider's settings is refused", async () => {
    await expect(connected({ enableServerSideApply: "false" })).rejects.toThrow(
      "provider setting enableServerSideApply: false is not supported in a rehearsal; supported: true",
    );
    await expect(connected({ renderYamlToDirectory: "out" })).rejects.toThrow(
      "provider setting renderYamlToDirectory is not supported in a rehearsal; supported: kubeconfig, clusterIdentifier, enableServerSideApply",
    );
  });

  it("among kinds is refused with those that are", async () => {
    for (const type of [
      "kubernetes:core/v1:ConfigMap",
      "kubernetes:helm.sh/v3:Release",
      "kubernetes:yaml:ConfigFile",
    ]) {
      await expect(create(provider, call(type), role("x"))).rejects.toThrow(
        `Resource type ${type} is not supported in a rehearsal; supported: ` +
          "kubernetes:admissionregistration.k8s.io/v1:MutatingAdmissionPolicy, " +
          "kubernetes:admissionregistration.k8s.io/v1:MutatingAdmissionPolicyBinding, " +
          "kubernetes:flowcontrol.apiserver.k8s.io/v1:FlowSchema, " +
          `kubernetes:flowcontrol.apiserver.k8s.io/v1:PriorityLevelConfiguration, ${ROLE}, ${BINDING}, ` +
          "kubernetes:rbac.authorization.k8s.io/v1:Role, kubernetes:rbac.authorization.k8s.io/v1:RoleBinding",
      );
    }
  });

  it("of an object is refused", async () => {
    const { metadata: _, ...nameless } = role("x");
    await expect(create(provider, call(ROLE), nameless)).rejects.toThrow(
      "metadata.name is missing: a rehearsal does not make names up",
    );
    await expect(create(provider, call(ROLE), role("x", "get", { namespace: "n" }))).rejects.toThrow(
      "metadata.namespace is set, and this kind has no namespaces",
    );
    const annotations = { "pulumi.com/patchForce": "true" };
    await expect(create(provider, call(ROLE), role("x", "get", { annotations }))).rejects.toThrow(
      'metadata.annotations["pulumi.com/patchForce"] is not supported in a rehearsal',
    );
    expect(provider.read).toBeUndefined();
  });
});

describe("previews", () => {
  it("need no cluster", async () => {
    const preview = call(ROLE, "it", { preview: true });
    const unknown = await connected({ kubeconfig: UNKNOWN });
    expect(await create(unknown, preview, role("x", UNKNOWN))).toMatchObject({
      id: "",
      outputs: { rules: [{ verbs: [UNKNOWN] }] },
    });
    await expect(create(unknown, call(ROLE), role("x"))).rejects.toThrow(
      "the kubeconfig of the provider is not known yet",
    );
    const updated = await unknown.update?.(preview, "x", role("x"), { ...role("x"), uid: "1" }, role("x", "list"));
    expect(updated?.outputs).toEqual({ ...role("x", "list"), uid: "1" });
    expect(server.requests()).toEqual([]);
  });

  it("say what changes and what has to be replaced", async () => {
    const diff = async (type: string, old: Values, now: Values) =>
      (await provider.diff?.(call(type), "id", old, old, now, [])) as DiffResult;
    expect(await diff(ROLE, role("x"), role("x"))).toEqual({ changes: false });
    expect(await diff(ROLE, role("x"), role("x", "list"))).toEqual({
      changes: true,
      detailedDiff: { "rules[0].verbs[0]": "update" },
    });
    expect(await diff(BINDING, binding("x", "a"), binding("x", "b"))).toEqual({
      changes: true,
      replaces: ["roleRef"],
      deleteBeforeReplace: true,
      detailedDiff: { "roleRef.name": "update-replace" },
    });
    expect(await diff(BINDING, binding("x", "a"), binding("y", "a"))).toEqual({
      changes: true,
      replaces: ["metadata"],
      deleteBeforeReplace: false,
      detailedDiff: { "metadata.name": "update-replace" },
    });
  });
});
