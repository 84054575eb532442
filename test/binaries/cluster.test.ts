/**
 * The cluster of 1,300 nodes, running: etcd, kube-apiserver, controller manager and scheduler say which values they have. Its API
 * server also takes, in a strict dry run, the objects and static pods of every size.
 */
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { ApiClient } from "../../cli/doctor/api";
import {
  readDefaultNamespace,
  readNamespaces,
  readRights,
  readTokenSecrets,
  samplePods,
} from "../../cli/doctor/cis/ask";
import { operatorsGroup } from "../../components/objects/plan";
import { issueKubeconfig, type Role } from "../../components/pki/operator-access";
import { shardOf } from "../../config/scale";
import { problemsOf } from "../support/plans";
import { type Answer, type Ask, ask, together } from "./support/client";
import { type Component, components, RunningCluster, until } from "./support/cluster";
import { complaints, differences, flagDifferences } from "./support/compare";
import { accepted } from "./support/count";
import { warnings } from "./support/etcd";
import { firstOf, managedApi, productionPlan, sizes } from "./support/plans";
import { type Ended, Program, run } from "./support/process";
import { byDefault } from "./support/versions";

const kubernetes = byDefault("kubernetes");
const etcd = byDefault("etcd");
const etc = "/etc/kubernetes";
const nodes = 1300;

if (typeof kubernetes === "string" || typeof etcd === "string")
  test("a running cluster", ({ skip }) => skip([kubernetes, etcd].find((one) => typeof one === "string") as string));
else
  describe("a running cluster of 1,300 nodes", () => {
    const plan = productionPlan({ nodes, pods: 100_000 }, { loadBalancer: managedApi });
    const { scale } = plan;
    const cluster = new RunningCluster(plan, kubernetes, etcd);
    const kubectl = (...args: string[]): Promise<Ended> =>
      run(kubernetes.path("kubectl"), [`--kubeconfig=${cluster.kubeconfig()}`, ...args], { timeoutMs: 270_000 });
    const metric = async (name: Component, pattern: RegExp): Promise<number> =>
      Number(pattern.exec((await cluster.ask(name, "/metrics")).text)?.[1]);

    beforeAll(async () => {
      await cluster.start();
      for (const name of ["kube-controller-manager", "kube-scheduler"] as const) {
        const program = cluster.run(name);
        await until(program, async () => (await cluster.ask(name, "/healthz")).status === 200);
      }
      // Made by the controller manager: without it no pod is admitted.
      const account = "/api/v1/namespaces/kube-system/serviceaccounts/default";
      await until(
        cluster.programs.get("kube-controller-manager") as never,
        async () => (await cluster.ask("kube-apiserver", account)).status === 200,
      );
    });
    afterAll(() => cluster.stop());

    test.each(components)("%s has every flag (/flagz), its version (/statusz) and its memory limit", async (name) => {
      const text = { headers: { Accept: "text/plain" } };
      const flags = await cluster.ask(name, "/flagz", text);
      const theirs = flags.text.split("\n").flatMap((line) => {
        // Which separator stands between a name and its value differs from component to component.
        const [, flag, value] = /^([a-z][a-z0-9-]*)[:= ]\s*(.*)$/.exec(line) ?? [];
        return flag === undefined ? [] : [[flag, value ?? ""] as const];
      });
      expect(flagDifferences(cluster.flags(name), Object.fromEntries(theirs))).toEqual([]);
      expect((await cluster.ask(name, "/statusz", text)).text).toMatch(
        new RegExp(`Binary version\\W+${kubernetes.version}`),
      );
      const limit = /^(\d+)MiB$/.exec(cluster.master.environment(`${etc}/${name}.env`).GOMEMLIMIT ?? "")?.[1];
      expect(await metric(name, /^go_gc_gomemlimit_bytes (\S+)$/m)).toBe(Number(limit) * 2 ** 20);
    });

    test("kube-scheduler has the values of its file (/configz)", async () => {
      const { text } = await cluster.ask("kube-scheduler", "/configz");
      const { componentconfig } = JSON.parse(text) as { componentconfig: Record<string, unknown> };
      expect(differences(parse(cluster.master.text(`${etc}/scheduler.yaml`)), componentconfig)).toEqual([]);
      const { qps, burst, parallelism } = scale.scheduler;
      expect(componentconfig).toMatchObject({ clientConnection: { qps, burst }, parallelism });
    });

    test("kube-controller-manager has the values of the model (/configz)", async () => {
      const { text } = await cluster.ask("kube-controller-manager", "/configz");
      const [configuration] = Object.values(JSON.parse(text) as Record<string, unknown>);
      const { workers, ...m } = scale.controllerManager;
      expect(
        differences(
          {
            Generic: { ClientConnection: { qps: m.qps, burst: m.burst }, LeaderElection: { leaderElect: true } },
            DeploymentController: { ConcurrentDeploymentSyncs: workers.deployment },
            GarbageCollectorController: { ConcurrentGCSyncs: workers.gc },
            NamespaceController: { ConcurrentNamespaceSyncs: workers.namespace },
            EndpointSliceController: { MaxEndpointsPerSlice: m.maxEndpointsPerSlice },
            NodeLifecycleController: { NodeMonitorGracePeriod: `${m.nodeMonitorGraceSeconds}s` },
            PodGCController: { TerminatedPodGCThreshold: m.terminatedPodThreshold },
          },
          configuration,
        ),
      ).toEqual([]);
      const gate = /kubernetes_feature_enabled\{name="ControllerManagerReleaseLeaderElectionLockOnExit"[^}]*\} (\d)/;
      expect(await metric("kube-controller-manager", gate)).toBe(1);
    });

    test("every etcd member has its quota and memory limit (/metrics), and takes no setting amiss", async () => {
      for (const { name, group } of plan.shards) {
        const text = await (await fetch(`${cluster.etcd.get(name)?.metricsUrl}/metrics`)).text();
        const value = (metricName: string) => Number(new RegExp(`^${metricName} (\\S+)$`, "m").exec(text)?.[1]);
        expect(value("etcd_server_quota_backend_bytes")).toBe(shardOf(scale, name).quotaGiB * 2 ** 30);
        expect(value("go_gc_gomemlimit_bytes")).toBe(
          Math.floor(shardOf(scale, name).goMemoryLimitGiB * 1024) * 2 ** 20,
        );
        expect(warnings(cluster.programs.get(group) as never)).toEqual([]);
      }
    });

    test("leases, events and the rest are each in their shard, secrets encrypted", async () => {
      const secret = ["create", "secret", "generic", "proof", "--from-literal=a=b"];
      expect((await kubectl(...secret)).code).toBe(0);
      const keys = async (shard: string, prefix: string) => {
        const group = plan.shards.find(({ name }) => name === shard)?.group ?? "";
        const env = readFileSync(join(cluster.root, group, "etc/etcd/etcdctl.env"), "utf8")
          .trim()
          .split("\n");
        const { code, output } = await run(etcd.path("etcdctl"), ["get", "--prefix", prefix, "--limit=5"], {
          env: Object.fromEntries(env.map((line) => line.split(/=(.*)/s, 2) as [string, string])),
        });
        expect(code, output).toBe(0);
        return output;
      };
      expect(await keys("leases", "/registry/leases/")).toContain("kube-controller-manager");
      expect(await keys("main", "/registry/leases/")).toBe("");
      expect(await keys("main", "/registry/events/")).toBe("");
      expect(await keys("main", "/registry/secrets/default/proof")).toContain("k8s:enc:secretbox:v1:key1:");
      for (const { name } of plan.shards)
        accepted({ binary: `etcdctl ${etcd.version}`, nodes, files: [`${name}:/etc/etcd/etcdctl.env`] });
    });

    test("people: rights by the binding of the plan, for the hours of the certificate; what goes past that is in the audit log", async () => {
      const as = async (role: Role, now: Date) => {
        const path = join(cluster.root, `${role}-${now.getTime()}.kubeconfig`);
        const { text } = await issueKubeconfig(cluster.access, role, "alice", now);
        writeFileSync(path, text, { mode: 0o600 });
        return (...args: string[]) =>
          run(kubernetes.path("kubectl"), [`--kubeconfig=${path}`, ...args], { timeoutMs: 120_000 });
      };
      const now = new Date();
      const operator = await as("operator", now);
      const answer = () => operator("get", "nodes").then(({ output }) => output);
      const refused = 'nodes is forbidden: User "kilonode:operator:alice" cannot list resource "nodes"';
      // The server's authorizer hears of bindings a moment later.
      const soon = { timeout: 30_000, interval: 500 };
      expect(await answer()).toContain(refused);
      const binding = join(cluster.root, "operators.json");
      const planned = plan.objects.find(({ metadata }) => metadata.name === operatorsGroup);
      writeFileSync(binding, JSON.stringify(planned));
      expect((await kubectl("create", `--filename=${binding}`)).code).toBe(0);
      await expect.poll(answer, soon).toContain("No resources found");
      expect((await operator("auth", "whoami", "-o", "jsonpath={.status.userInfo.groups}")).output).toBe(
        '["kilonode:operators","system:authenticated"]',
      );
      const tooLate = await as("operator", new Date(now.getTime() - 8 * 3_600_000));
      expect((await tooLate("get", "nodes")).output).toContain("You must be logged in to the server");

      const breakGlass = await as("break-glass", now);
      expect((await breakGlass("delete", "clusterrolebinding", operatorsGroup)).code).toBe(0);
      await expect.poll(answer, soon).toContain(refused);
      // Leases are of no interest otherwise.
      expect((await breakGlass("get", "leases", "--all-namespaces")).code).toBe(0);
      const audited = () => cluster.master.text("/var/log/kubernetes/audit.log").split("\n");
      const of = (verb: string, resource: string) =>
        audited().some((line) =>
          ['"username":"kilonode:break-glass:alice"', `"verb":"${verb}"`, `"resource":"${resource}"`].every((part) =>
            line.includes(part),
          ),
        );
      await expect.poll(() => of("delete", "clusterrolebindings") && of("list", "leases"), soon).toBe(true);
    });

    test("the audit policy, the AdmissionConfiguration and the EncryptionConfiguration are in force, and broken ones are refused", async () => {
      expect(cluster.master.text("/var/log/kubernetes/audit.log")).toMatch(/"level":"Metadata".*"resource":"secrets"/);
      for (const [flag, path, sound, wrong] of [
        ["audit-policy-file", `${etc}/audit-policy.yaml`, "apiVersion: audit.k8s.io/v1", "apiVersion: audit.k8s.io/v9"],
        [
          "admission-control-config-file",
          `${etc}/admission.yaml`,
          "kind: PodSecurityConfiguration",
          "kind: noSuchKind",
        ],
        ["encryption-provider-config", `${etc}/encryption.yaml`, "- secretbox:", "- noSuchBox:"],
      ] as const) {
        const broken = join(cluster.root, `broken-${flag}`);
        const text = cluster.master.text(path);
        expect(text).toContain(sound);
        writeFileSync(broken, text.replace(sound, wrong));
        const { code, output } = await run(kubernetes.path("kube-apiserver"), [
          ...cluster.flags("kube-apiserver"),
          `--${flag}=${broken}`,
          "--secure-port=6444",
        ]);
        expect(code).toBe(1);
        expect(output).toMatch(/v9|noSuchBox|noSuchKind/);
      }
      // The audit policy is the same at every size.
      for (const size of sizes) {
        const { files } = firstOf(productionPlan(size), "masters").machine;
        const policy = `${etc}/audit-policy.yaml`;
        expect(files[policy]).toEqual(firstOf(plan, "masters").machine.files[policy]);
      }
      const files = ["admission.yaml", "audit-policy.yaml", "encryption.yaml", "controller-manager.kubeconfig"];
      accepted({
        binary: `kube-apiserver ${kubernetes.version}`,
        nodes,
        files: files.slice(0, 3).map((file) => `${etc}/${file}`),
      });
      accepted({
        binary: `kube-controller-manager ${kubernetes.version}`,
        nodes,
        files: files.slice(3).map((file) => `${etc}/${file}`),
      });
    });

    /** Asks as somebody else than the administrator. */
    const askAs = async (user: string, group: string, path: string, what: Ask = {}): Promise<Answer> =>
      ask(`${cluster.url("kube-apiserver")}${path}`, await cluster.client(user, group), what);
    const json = (body: unknown, method = "POST"): Ask => ({ method, headers: json.headers, body });
    json.headers = { "Content-Type": "application/json" };
    const leases = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";

    test("the audit log has who reads Secrets, grants rights and takes a lease, and not what nodes do all day", async () => {
      interface Event {
        readonly level: string;
        readonly stage: string;
        readonly verb: string;
        readonly requestURI: string;
        readonly requestObject?: { readonly metadata?: { readonly name?: string } };
        readonly responseObject?: unknown;
        readonly user: { readonly username: string };
      }
      const node = ["system:node:n1", "system:nodes"] as const;
      const marks = ["node-secret", "admin-secret", "scheduler-secret"].map(
        (name) => `/api/v1/namespaces/default/secrets/${name}`,
      );
      await askAs(...node, marks[0] as string);
      await askAs("administrator", "system:masters", marks[1] as string);
      await askAs("system:kube-scheduler", "none", marks[2] as string);
      await askAs(...node, "/api/v1/pods?limit=1&quiet-node");
      await askAs(...node, "/api/v1/nodes/n1/status?quiet-node", json({}, "PUT"));
      await askAs("system:kube-scheduler", "none", "/api/v1/pods?limit=1&quiet-scheduler");
      const role = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name: "watched" } };
      const roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
      expect((await cluster.ask("kube-apiserver", roles, json(role))).status).toBe(201);
      const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, stringData: { a: "in-no-log" } };
      const made = await cluster.ask("kube-apiserver", "/api/v1/namespaces/default/secrets", json(secret));
      expect(made.status).toBe(201);
      const token = {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: { audiences: ["in-no-log"] },
      };
      const account = "/api/v1/namespaces/kube-system/serviceaccounts/default/token";
      expect((await cluster.ask("kube-apiserver", account, json(token))).status).toBe(201);

      // The administrator takes the lease of the controller manager, which itself renews it every two seconds.
      const path = `${leases}/kube-controller-manager`;
      const heldBy = async (holderIdentity: string) => {
        const headers = { "Content-Type": "application/merge-patch+json" };
        const merge = { method: "PATCH", headers, body: { spec: { holderIdentity } } };
        expect((await cluster.ask("kube-apiserver", path, merge)).status).toBe(200);
      };
      const { spec } = JSON.parse((await cluster.ask("kube-apiserver", path)).text) as {
        spec: { holderIdentity: string };
      };
      await heldBy("thief");
      await askAs("system:kube-scheduler", "none", `${leases}/kube-scheduler`);

      const log = "/var/log/kubernetes/audit.log";
      await until(cluster.programs.get("kube-apiserver") as never, async () =>
        cluster.master.text(log).includes('"holderIdentity":"thief"'),
      );
      const text = cluster.master.text(log);
      // Without it the controller manager ends within seconds, and other tests here need it.
      await heldBy(spec.holderIdentity);
      const events = text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Event);
      const of = (uri: string) => events.filter(({ requestURI }) => requestURI.startsWith(uri));
      for (const uri of marks) expect(of(uri).map(({ level }) => level)).toEqual(["Metadata"]);
      expect(text).not.toContain("in-no-log");
      expect(of(account).map(({ level }) => level)).toEqual(["Metadata"]);
      const [granted] = of(roles).filter(({ verb, user }) => verb === "create" && user.username === "administrator");
      expect(granted).toMatchObject({ level: "Request", requestObject: { metadata: { name: "watched" } } });
      expect(granted?.responseObject).toBeUndefined();
      const taken = of(leases).filter(({ verb }) => verb !== "get");
      expect(taken.map(({ user, level }) => [user.username, level])).toEqual([["administrator", "Request"]]);
      expect(text).not.toMatch(/quiet-(node|scheduler)/);
      expect(events.filter(({ verb, stage }) => verb === "watch" && stage === "ResponseComplete")).toEqual([]);
    });

    test("says by which connection a request of the audit log came, while the configuration asks for it", async () => {
      const asks = { apiserver: { vmodule: "httplog=3" } };
      expect(problemsOf({ platform: "lab", masters: { flags: asks } })).toEqual([]);
      const other = cluster.url("kube-apiserver").replace(/\d+$/, "6444");
      const server = new Program(
        kubernetes.path("kube-apiserver"),
        [...cluster.flags("kube-apiserver"), "--vmodule=httplog=3", "--secure-port=6444"],
        { env: cluster.master.environment(`${etc}/kube-apiserver.env`) },
      );
      try {
        await until(server, async () => (await ask(`${other}/readyz`, cluster.admin)).status === 200);
        await ask(`${other}/api/v1/namespaces`, cluster.admin, { headers: { "Audit-ID": "the-one" } });
        await server.says(/audit-ID="the-one" srcIP="127\.0\.0\.1:\d+"/);
      } finally {
        await server.stop();
      }
    });

    test("admission refuses privileged pods, external addresses of Services, owners of others and a storm of events", async () => {
      const namespace = "/api/v1/namespaces/default";
      const create = (path: string, body: object) =>
        cluster.ask("kube-apiserver", path, json({ apiVersion: "v1", metadata: { name: "refused" }, ...body }));
      const spec = { containers: [{ name: "c", image: "i", securityContext: { privileged: true } }] };
      const pod = await create(`${namespace}/pods`, { kind: "Pod", spec });
      expect(pod).toMatchObject({
        status: 403,
        text: expect.stringContaining('violates PodSecurity \\"baseline:latest'),
      });
      const outside = { ports: [{ port: 80 }], externalIPs: ["192.0.2.1"] };
      const service = await create(`${namespace}/services`, { kind: "Service", spec: outside });
      expect(service).toMatchObject({ status: 403, text: expect.stringContaining("Use of external IPs is denied") });

      // Somebody who may write ConfigMaps, and holds the deletion of a namespace up with one.
      const role = {
        kind: "ClusterRole",
        rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["create"] }],
        metadata: { name: "writer" },
        apiVersion: "rbac.authorization.k8s.io/v1",
      };
      const binding = {
        ...role,
        kind: "ClusterRoleBinding",
        rules: undefined,
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "writer" },
        subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "writer" }],
      };
      await create("/apis/rbac.authorization.k8s.io/v1/clusterroles", role);
      await create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding);
      const owner = { apiVersion: "v1", kind: "Namespace", name: "default", uid: "u", blockOwnerDeletion: true };
      const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "m", ownerReferences: [owner] } };
      const owned = () => askAs("writer", "none", `${namespace}/configmaps`, json(map));
      await until(cluster.programs.get("kube-apiserver") as never, async () => !(await owned()).text.includes("RBAC"));
      expect(await owned()).toMatchObject({ status: 403, text: expect.stringContaining("blockOwnerDeletion") });

      const { userBurst, userQps } = scale.eventLimits;
      const involvedObject = { kind: "Pod", namespace: "default", name: "p" };
      const event = { apiVersion: "v1", kind: "Event", involvedObject, metadata: { generateName: "e" } };
      // More than the limit lets through within the time that they take.
      const storm = Array.from({ length: userBurst + 20 * userQps }, () => event);
      const pair = await cluster.client("flood", "system:masters");
      const codes = await together(`${cluster.url("kube-apiserver")}${namespace}/events`, pair, storm);
      expect(codes.get(201)).toBeGreaterThanOrEqual(userBurst);
      expect(codes.get(429)).toBeGreaterThan(0);
      // Another client still says what it has to.
      expect((await create(`${namespace}/events`, { ...event })).status).toBe(201);
    });

    /** Objects as files of one folder, given to the API server in a strict dry run. */
    async function dryRun(folder: string, files: Readonly<Record<string, string>>, verb: string[]): Promise<Ended> {
      const root = join(cluster.root, folder);
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(root, path)), { recursive: true });
        writeFileSync(join(root, path), text);
      }
      return kubectl(...verb, "--dry-run=server", "--validate=strict", "--recursive", `--filename=${root}`);
    }

    test.each(sizes)("kube-apiserver admits the static pods and objects of $nodes nodes, strictly", async (size) => {
      const planned = productionPlan(size, { runtime: "static-pod" });
      const { files } = firstOf(planned, "masters").machine;
      const pods = Object.entries(files).filter(([path]) => path.startsWith(`${etc}/manifests/`));
      expect(pods).toHaveLength(3);
      const texts = Object.fromEntries(pods.map(([path, file]) => [path, file.content]));
      const made = await dryRun(`pods-${size.nodes}`, texts, ["create"]);
      expect(made.output).not.toMatch(/warning|error/i);
      expect(made.code).toBe(0);

      const objects = planned.objects.map((object) => [
        `${object.kind}-${object.metadata.name.replaceAll(":", "-")}.json`,
        JSON.stringify(object),
      ]);
      const apply = ["apply", "--server-side", "--force-conflicts", "--field-manager=test"];
      const applied = await dryRun(`objects-${size.nodes}`, Object.fromEntries(objects), apply);
      expect(applied.output).not.toMatch(/warning|error/i);
      expect(applied.code).toBe(0);
      expect(applied.output.match(/\(server dry run\)/g)).toHaveLength(objects.length);
      accepted({
        binary: `kube-apiserver ${kubernetes.version}`,
        nodes: size.nodes,
        files: [...pods.map(([path]) => path), ...objects.map(([name]) => `objects/${name}`)],
      });
    });

    test("the strict dry run refuses a field that does not exist", async () => {
      const pod = Object.entries(firstOf(productionPlan({ nodes }, { runtime: "static-pod" }), "masters").machine.files)
        .filter(([path]) => path.endsWith("kube-scheduler.yaml"))
        .map(([, file]) => file.content.replace("hostNetwork: true", "hostNetwork: true\n  noSuchField: 1"));
      const { code, output } = await dryRun("broken", { "pod.yaml": pod[0] ?? "" }, ["create"]);
      expect(code).not.toBe(0);
      expect(output).toContain("noSuchField");
      rmSync(join(cluster.root, "broken"), { recursive: true });
    });

    test("the doctor reads from it who has which right, and what its pods are", async () => {
      const done = async (...args: string[]) => {
        const { code, output } = await kubectl(...args);
        expect({ code, output }).toEqual({ code: 0, output });
      };
      const path = join(cluster.root, "workload.yaml");
      writeFileSync(path, workload);
      await done("create", "namespace", "web");
      await done("label", "namespace", "web", "pod-security.kubernetes.io/enforce=privileged");
      await done("wait", "--for=create", "--namespace=web", "serviceaccount/default", "--timeout=240s");
      await done("create", `--filename=${path}`);
      const client = new ApiClient(readFileSync(cluster.kubeconfig(), "utf8"));
      try {
        expect(client.credential.groups).toContain("system:masters");
        const rights = await readRights(client);
        expect(rights.complete).toBe(true);
        expect(rights.roles).toContainEqual(expect.objectContaining({ name: "cluster-admin", builtIn: true }));
        expect(rights.bindings).toContainEqual({
          name: "readers",
          builtIn: false,
          role: { kind: "ClusterRole", name: "view" },
          subjects: ["User eve", "ServiceAccount web/default"],
        });
        const namespaces = await readNamespaces(client);
        expect(namespaces).toContainEqual({ name: "web", enforce: "privileged", policed: true });
        expect(namespaces).toContainEqual({ name: "default", policed: false });
        const one = { count: 1, examples: ["web/one"] };
        expect(await samplePods(client)).toEqual({
          seen: 1,
          complete: true,
          traits: {
            "default account": one,
            "mounts a token": one,
            "no seccomp profile": one,
            "no security context": one,
            "Secret in its environment": one,
          },
        });
        expect(await readTokenSecrets(client)).toEqual({ count: 1, examples: ["web/for-ever"] });
        expect(await readDefaultNamespace(client)).toEqual({ count: 1, examples: ["Service default/front"] });
      } finally {
        client.close();
      }
    });

    test("nothing that runs complains about a setting", () => {
      for (const name of components) expect(complaints(cluster.programs.get(name)?.output ?? "")).toEqual([]);
    });

    test("a platform's load balancer hears that it is ready, hangs, and is leaving while it still serves", async () => {
      const { master } = cluster;
      const path = "/usr/local/lib/kilonode/apiserver-health";
      chmodSync(master.at(path), 0o700);
      const settings = ["master", "apiserver-health"].flatMap((name) =>
        Object.entries(master.environment(`${etc}/${name}.env`)),
      );
      const env = Object.fromEntries(settings.map(([name, value]) => [name, value.replaceAll('"', "")]));
      const health = new Program(master.at(path), [], { env });
      cluster.programs.set("apiserver-health", health);
      const says = async () => (await fetch(`http://${master.plan.address}:3990/readyz`)).status;
      const said = (status: number) => until(health, async () => (await says()) === status);
      const server = cluster.programs.get("kube-apiserver") as Program;
      await said(200);
      server.signal("SIGSTOP");
      await said(503);
      server.signal("SIGCONT");
      await said(200);
      // It may ask for nothing else.
      const pair = { cert: master.text(`${etc}/pki/health.crt`), key: master.text(`${etc}/pki/health.key`) };
      const asked = (what: string) => ask(`${cluster.url("kube-apiserver")}${what}`, pair);
      expect([(await asked("/readyz")).status, (await asked("/api/v1/nodes")).status]).toEqual([200, 403]);
      server.signal("SIGTERM");
      await said(503);
      expect(health.output).toContain("not ready: it says 'HTTP/1.1 500 Internal Server Error'");
      expect((await cluster.ask("kube-apiserver", "/api/v1/namespaces/default")).status).toBe(200);
    });
  });

/** As a careless workload would be. */
const workload = `
{apiVersion: v1, kind: Secret, metadata: {name: word, namespace: web}, stringData: {word: x}}
---
apiVersion: v1
kind: Secret
metadata: {name: for-ever, namespace: web, annotations: {kubernetes.io/service-account.name: default}}
type: kubernetes.io/service-account-token
---
apiVersion: v1
kind: Pod
metadata: {name: one, namespace: web}
spec: {containers: [{name: one, image: example/one, envFrom: [{secretRef: {name: word}}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: web}
spec: {podSelector: {}}
---
{apiVersion: v1, kind: Service, metadata: {name: front, namespace: default}, spec: {ports: [{port: 80}]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: readers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects:
  - {apiGroup: rbac.authorization.k8s.io, kind: User, name: eve}
  - {kind: ServiceAccount, name: default, namespace: web}
`;
