/**
 * The largest size's flags and flow control objects on a real etcd, kube-apiserver and kube-controller-manager, where they are in
 * the artifact cache: the servers start, take the objects, and put each kind of list where it belongs. Skipped, visibly, elsewhere.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { apiserverFlags, etcdFlags, renderFlags } from "../../config/flags";
import { scaleOf } from "./scale-samples";

const cache = join(process.env.KILONODE_CACHE_DIR ?? join(homedir(), ".cache", "kilonode"), "artifacts");
const binary = (name: string): string | undefined =>
  (existsSync(cache) ? readdirSync(cache) : [])
    .map((folder) => join(cache, folder, name))
    .find((path) => existsSync(path));
const [etcd, apiserver] = [binary("etcd"), binary("kube-apiserver")];

/** Churn far above the default, so that a level of upstream's is raised too. */
const scale = scaleOf({
  nodes: 15_000,
  churnPodsPerSecond: 2000,
  bulkListerSubjects: [{ kind: "User", name: "nightly-report" }],
});

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

describe.skipIf(!etcd || !apiserver)("on real servers", () => {
  const work = mkdtempSync(join(tmpdir(), "kilonode-server-"));
  const children: ChildProcess[] = [];
  let port = 0;

  /** One request as the administrator, or as somebody else. */
  function ask(
    method: string,
    path: string,
    options: { body?: unknown; as?: string; groups?: readonly string[] } = {},
  ): Promise<{ status: number; text: string; flowSchema: string }> {
    const impersonate = options.as
      ? { "Impersonate-User": options.as, ...(options.groups ? { "Impersonate-Group": [...options.groups] } : {}) }
      : {};
    const headers = {
      Authorization: "Bearer token",
      ...impersonate,
      ...(options.body ? { "Content-Type": "application/apply-patch+yaml" } : {}),
    };
    return new Promise((resolve, reject) => {
      const call = request(
        { host: "127.0.0.1", port, method, path, headers, rejectUnauthorized: false, timeout: 10_000 },
        (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (chunk: string) => {
            text += chunk;
          });
          response.on("end", () =>
            resolve({
              status: response.statusCode ?? 0,
              text,
              flowSchema: String(response.headers["x-kubernetes-pf-flowschema-uid"] ?? ""),
            }),
          );
        },
      );
      call.on("error", reject);
      call.end(options.body ? JSON.stringify(options.body) : undefined);
    });
  }

  const start = (path: string, args: readonly string[]) =>
    children.push(spawn(path, args, { cwd: work, stdio: "ignore" }));

  beforeAll(async () => {
    const [client, peer] = [await freePort(), await freePort()];
    port = await freePort();
    const url = (of: number) => `http://127.0.0.1:${of}`;
    execFileSync("openssl", ["genrsa", "-out", join(work, "sa.key"), "2048"], { stdio: "ignore" });
    execFileSync("openssl", ["rsa", "-in", join(work, "sa.key"), "-pubout", "-out", join(work, "sa.pub")], {
      stdio: "ignore",
    });
    writeFileSync(join(work, "tokens.csv"), "token,admin,1,system:masters\n");
    start(etcd as string, [
      ...renderFlags(etcdFlags(scale, "main")),
      "--name=one",
      "--data-dir=data",
      `--listen-client-urls=${url(client)}`,
      `--advertise-client-urls=${url(client)}`,
      `--listen-peer-urls=${url(peer)}`,
      `--initial-advertise-peer-urls=${url(peer)}`,
      `--initial-cluster=one=${url(peer)}`,
    ]);
    start(apiserver as string, [
      ...renderFlags(apiserverFlags(scale)),
      `--etcd-servers=${url(client)}`,
      `--secure-port=${port}`,
      "--bind-address=127.0.0.1",
      "--cert-dir=certs",
      "--service-account-key-file=sa.pub",
      "--service-account-signing-key-file=sa.key",
      "--service-account-issuer=https://kubernetes.default.svc",
      "--token-auth-file=tokens.csv",
      "--authorization-mode=RBAC",
      "--service-cluster-ip-range=10.96.0.0/16",
    ]);
  }, 30_000);

  afterAll(async () => {
    for (const child of children.reverse()) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      if (child.exitCode === null && child.kill("SIGKILL")) await ended;
    }
    rmSync(work, { recursive: true, maxRetries: 5 });
  });

  test("etcd and kube-apiserver start with the flags of 15,000 nodes", async () => {
    const ready = async () => (await ask("GET", "/readyz").catch(() => undefined))?.status;
    await expect.poll(ready, { timeout: 90_000, interval: 500 }).toBe(200);
  }, 100_000);

  test("kube-apiserver takes every flow control object, strictly validated", async () => {
    const objects = [...scale.flowControl.priorityLevels, ...scale.flowControl.flowSchemas];
    expect(objects.map(({ metadata }) => metadata.name)).toContain("workload-high");
    for (const object of objects) {
      const kind = object.kind === "FlowSchema" ? "flowschemas" : "prioritylevelconfigurations";
      const { status, text } = await ask(
        "PATCH",
        `/apis/flowcontrol.apiserver.k8s.io/v1/${kind}/${object.metadata.name}?fieldManager=test&force=true&fieldValidation=Strict`,
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
    await expect.poll(async () => nameOf((await ask("GET", path, as)).flowSchema), { timeout: 20_000 }).toBe(expected);
  });
});
