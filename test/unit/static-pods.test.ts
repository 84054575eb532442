/** Static pods of the control plane: what each has of its host, and as whom it runs. */
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { plan } from "../../components/plan/plan";
import type { HostPlan } from "../../components/plan/types";
import { clusterOf, hostsOf, rawOf } from "../support/plans";

const digest = (digit: string) => `sha256:${digit.repeat(64)}`;
const imageDigests = {
  "kube-apiserver": digest("a"),
  "kube-controller-manager": digest("b"),
  "kube-scheduler": digest("c"),
};

function masterOf(change: Record<string, unknown> = {}): HostPlan {
  const { spec, platform } = clusterOf("lab-small", { ...rawOf("lab-small"), ...change });
  const [master] = hostsOf(plan(spec, { ...platform.facts(spec), runtimes: ["static-pod"] }), "masters");
  if (!master) throw new Error("no master");
  return master;
}

interface Pod {
  readonly spec: {
    readonly securityContext: Readonly<Record<string, unknown>>;
    readonly containers: readonly [
      {
        readonly image: string;
        readonly command: readonly string[];
        readonly securityContext: unknown;
        readonly volumeMounts: readonly {
          readonly name: string;
          readonly mountPath: string;
          readonly readOnly: boolean;
        }[];
      },
    ];
    readonly volumes: readonly {
      readonly name: string;
      readonly hostPath: { readonly path: string; readonly type: string };
    }[];
  };
}

describe.each(Object.keys(imageDigests))("the pod of %s", (name) => {
  const master = masterOf({ toolchain: { imageDigests } });
  const { files, users, services } = master.machine;
  const pod = parse(files[`/etc/kubernetes/manifests/${name}.yaml`]?.content ?? "") as Pod;
  const [container] = pod.spec.containers;
  const paths = pod.spec.volumes.map(({ hostPath }) => hostPath.path);

  test("has files of its own, each alone, and no folder of configuration", () => {
    const folders = pod.spec.volumes.filter(({ hostPath }) => hostPath.type !== "File");
    expect(folders.map(({ hostPath }) => hostPath)).toEqual(
      name === "kube-apiserver" ? [{ path: "/var/log/kubernetes", type: "Directory" }] : [],
    );
    expect(container.volumeMounts.map(({ mountPath }) => mountPath)).toEqual(paths);
    expect(container.volumeMounts.filter(({ readOnly }) => !readOnly)).toHaveLength(folders.length);
    expect(new Set(pod.spec.volumes.map((volume) => volume.name)).size).toBe(paths.length);
    for (const volume of pod.spec.volumes) expect(volume.name).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
    const keys = paths.filter((path) => path.endsWith(".key"));
    expect(keys.length).toBeGreaterThan(0);
    const others = { "kube-apiserver": /scheduler|manager/, "kube-scheduler": /apiserver|manager|encryption/ }[name];
    for (const path of paths) expect(path).not.toMatch(others ?? /apiserver|scheduler|encryption|service-account/);
  });

  test("finds what its flags and its kubeconfig name, and may read it", () => {
    const owners = {
      ...Object.fromEntries(Object.entries(files).map(([path, file]) => [path, file])),
      ...Object.fromEntries(Object.keys(master.pem).map((path) => [path, { mode: "0644", owner: "root:root" }])),
      ...master.secrets,
      ...Object.fromEntries(
        master.certificates.flatMap(({ certPath, keyPath, owner }) => [
          [certPath, { mode: "0644", owner: "root:root" }],
          [keyPath, { mode: "0400", owner }],
        ]),
      ),
    };
    const config = [...container.command, ...paths.map((path) => files[path]?.content ?? "")].join("\n");
    const named = [...config.matchAll(/\/etc\/kubernetes\/[\w./-]+/g)].map(([path]) => path);
    expect(paths).toEqual(expect.arrayContaining(named));
    for (const path of paths.filter((one) => one.startsWith("/etc/"))) {
      const { mode = "", owner = "nobody planned it" } = owners[path] ?? {};
      expect(`${path} ${mode} ${owner}`).toMatch(new RegExp(`0644 root:root$|0400 ${name}:${name}$`));
    }
    if (name === "kube-apiserver")
      expect(master.machine.directories["/var/log/kubernetes"]?.owner).toBe(`${name}:${name}`);
  });

  test("runs as its own user, without rights, from the image of the digest", () => {
    const uid = users[name]?.uid;
    expect(pod.spec.securityContext).toEqual({
      runAsNonRoot: true,
      runAsUser: uid,
      runAsGroup: uid,
      seccompProfile: { type: "RuntimeDefault" },
    });
    expect(Object.values(users).filter((user) => user.uid === uid)).toHaveLength(1);
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"], ...(name === "kube-apiserver" && { add: ["NET_BIND_SERVICE"] }) },
    });
    const { [name as keyof typeof imageDigests]: sum } = imageDigests;
    expect(container.image).toBe(`registry.k8s.io/${name}:v1.37.2@${sum}`);
  });

  test("is made anew when any of its files has other content: a mounted file stays the old one", () => {
    expect(services[name]).toMatchObject({ restartOn: paths.filter((path) => path !== "/var/log/kubernetes") });
  });
});

test("a cluster of worth wants the digest of each image; units have users of any number", () => {
  const toolchain = { imageDigests: { "kube-scheduler": digest("c") } };
  expect(() => masterOf({ ephemeral: false, zones: ["a", "b", "c"], etcd: undefined, toolchain })).toThrow(
    /^the configuration of stack lab-small has 2 errors; nothing was touched\n.*toolchain.imageDigests.kube-apiserver: missing: a tag can be given to another image; take the digest of registry.k8s.io\/kube-apiserver:v1.37.2 .*\n.*kube-controller-manager: missing/,
  );
  expect(masterOf().machine.files["/etc/kubernetes/manifests/kube-scheduler.yaml"]?.content).toContain(
    "image: registry.k8s.io/kube-scheduler:v1.37.2\n",
  );
  const [master] = hostsOf(clusterOf("lab-small", rawOf("lab-small")).plan, "masters");
  expect(master?.machine.users["kube-scheduler"]).toEqual({ home: "/nonexistent" });
});
