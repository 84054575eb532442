import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { runScale } from "../../cli/scale";

const work = mkdtempSync(join(tmpdir(), "kilonode-scale-"));
afterAll(() => rmSync(work, { recursive: true }));

async function scale(...argv: string[]): Promise<{ code: number; out: string; error: string }> {
  const out: string[] = [];
  const error: string[] = [];
  const code = await runScale(argv, { out: (text) => out.push(text), error: (text) => error.push(text) });
  return { code, out: out.join(""), error: error.join("") };
}

describe("answers", () => {
  test("--nodes 1300 --pods 100000: masters, shards, what they cost, flags, and where it stands", async () => {
    const { code, out } = await scale("--nodes", "1300", "--pods", "100000");
    expect(code).toBe(0);
    const lines = out.split("\n").map((line) => line.trim().replace(/ {2,}/, "  "));
    expect(lines).toEqual(
      expect.arrayContaining([
        "masters  11 x c7i.8xlarge, 11,467 USD a month: the cheapest with 32 vCPU, 51.8 GiB, 0.37 Gbit/s",
        "shard main  7 x m5d.4xlarge, 4,619 USD a month: the cheapest with 16 vCPU, 64 GiB, 4 Gbit/s, 2 NVMe disks of 10 GiB",
        "shard events  5 x m5d.4xlarge, 3,300 USD a month: the cheapest with 4 vCPU, 16 GiB, 1.5 Gbit/s, 2 NVMe disks of 10 GiB",
        "shard leases  5 x m5d.4xlarge, 3,300 USD a month: the cheapest with 4 vCPU, 16 GiB, 1.5 Gbit/s, 2 NVMe disks of 10 GiB",
        "cost  22,685 USD a month: instances on demand, Linux, in us-east-1, prices of 2026-07-20; without volumes, load balancer, traffic and nodes",
      ]),
    );
    expect(out).toContain("1,500 + 500 requests in flight each");
    expect(out).not.toContain("extrapolated");
  });

  test("15,000 nodes say that they extrapolate, and warn with the source", async () => {
    const { code, out } = await scale("--nodes=15000");
    expect(code).toBe(0);
    expect(out).toContain("shard pods");
    expect(out).toContain("* extrapolated: no published figure");
    expect(out).toMatch(
      /warning workload\.nodes: 15,000 nodes: upstream tests up to 5,000.*\[https:\/\/kubernetes\.io/,
    );
  });

  test("--json holds the rendered flags by component, with the user's merged in", async () => {
    const { out } = await scale(
      "--nodes",
      "1300",
      "--json",
      "--flag",
      "kube-apiserver/goaway-chance=0.01",
      "--flag",
      "kube-controller-manager/feature-gates=Other=true",
    );
    const { flags, notices, derivations, cost } = JSON.parse(out) as {
      flags: Record<string, string[]>;
      notices: unknown[];
      derivations: object;
      cost: object;
    };
    expect(cost).toEqual({
      masters: 11_466.84,
      shards: { main: 4619.44, events: 3299.6, leases: 3299.6 },
      total: 22_685.48,
    });
    expect(derivations).toHaveProperty(["cost.total", "unit"], "USD/month");
    expect(flags["kube-apiserver"]).toContain("--max-requests-inflight=1500");
    expect(flags["kube-apiserver"]).toContain("--goaway-chance=0.01");
    expect(flags["kube-controller-manager"]).toContain(
      "--feature-gates=ControllerManagerReleaseLeaderElectionLockOnExit=true,Other=true",
    );
    expect(Object.keys(flags)).toEqual(
      expect.arrayContaining([
        "kube-scheduler",
        "kubelet",
        "kube-proxy",
        "etcd",
        "haproxy",
        "sysctls",
        "environment",
        "modules",
      ]),
    );
    expect(notices).toHaveLength(1);
    expect(derivations).toHaveProperty(["apiserver.maxRequestsInflight", "source"]);
  });

  test("--etcd-volumes takes instances without local disks; a type of the user's is named as such", async () => {
    const volumes = await scale("--nodes", "1300", "--pods", "100000", "--etcd-volumes");
    expect(volumes.out).toContain("5 x m7i.xlarge, 736 USD a month: the cheapest with 4 vCPU, 16 GiB, 1.5 Gbit/s\n");
    const own = await scale("--nodes", "1300", "--pods", "100000", "--etcd-instance", "i3en.6xlarge");
    expect(own.out).toContain("7 x i3en.6xlarge, 13,858 USD a month: as configured, for 16 vCPU");
  });

  test("--explain prints rule, source and inputs; several at once", async () => {
    const { out } = await scale(
      "--nodes",
      "1300",
      "--explain",
      "apiserver.maxRequestsInflight",
      "--explain",
      "etcd.shards.leases.writesPerSecond",
    );
    expect(out).toContain(
      "apiserver.maxRequestsInflight = 1,500 requests\n  rule:   400 (the default), 1,500 above 500 nodes",
    );
    expect(out).toContain("source: kubernetes/kubernetes cluster/gce/gci/configure-kubeapiserver.sh");
    expect(out).toContain("from workload.nodes = 1,300 nodes");
    expect(out).toContain("etcd.shards.leases.writesPerSecond = 130 writes/s");
  });

  test("--table prints every value, --help every option", async () => {
    expect((await scale("--nodes", "100", "--table")).out).toContain("controllerManager\n-----------------");
    const { code, out } = await scale("--help", "--nonsense");
    expect(code).toBe(0);
    for (const option of [
      "--pods-per-node N",
      "--memory-per-node-gib N",
      "--master-instance TEXT",
      "--explain PATH",
      "--html FILE",
    ])
      expect(out).toContain(option);
  });

  test("--html writes a page, --json over a range prints its figures", async () => {
    const file = join(work, "scale.html");
    const { code, out } = await scale("--nodes", "100..15000", "--html", file, "--at", "1300:100000", "--json");
    expect(code).toBe(0);
    const html = readFileSync(file, "utf8");
    expect(html).toContain("1,300 nodes with 100,000 pods");
    expect(html).not.toMatch(/<script|src=|<link|@import|url\(/);
    const figures = JSON.parse(out) as {
      charts: { id: string; lines: { here: number }[] }[];
      points: { nodes: number }[];
    };
    expect(figures.charts.map(({ id }) => id)).toEqual([
      "hosts",
      "cpu",
      "memory",
      "inflight",
      "qps",
      "writes",
      "database",
      "traffic",
    ]);
    expect(figures.points.map(({ nodes }) => nodes)).toEqual(
      expect.arrayContaining([100, 500, 501, 3000, 3001, 15_000]),
    );
  });
});

describe("bad input ends with 2 and every error at once", () => {
  const bad: [name: string, argv: string[], errors: RegExp[]][] = [
    [
      "zero nodes, negative pods, no such option, a word",
      ["--nodes", "0", "--pods", "-5", "--bogus", "x"],
      [/--nodes: 0 is below 1/, /--pods: -5 is below 0/, /--bogus: no such option/, /x: no such option/],
    ],
    [
      "no number, twice, missing value",
      ["--nodes", "many", "--services", "1", "--services", "2", "--pods"],
      [/--nodes: "many" is no number/, /--services: given twice/, /--pods: a value is missing/],
    ],
    [
      "more pods than the nodes hold",
      ["--nodes", "10", "--pods", "5000"],
      [/--pods: 5000 pods do not fit 10 nodes of 110 pods each \(1100\)/],
    ],
    ["more nodes than the model speaks about", ["--nodes", "20000"], [/--nodes: .*15000/]],
    [
      "unsupported versions, an unknown instance type, no nodes",
      ["--nodes", "0", "--kubernetes", "1.30.0", "--etcd", "3.5.9", "--master-instance", "t3.nano"],
      [
        /"1.30.0" is no release of Kubernetes .* there are 1.35.4, 1.36.3, 1.37.2/,
        /"3.5.9" is no release of etcd /,
        /--master-instance: t3.nano is not in the catalogue/,
        /--nodes: 0 is below 1/,
      ],
    ],
    [
      "instances that are too small",
      ["--nodes", "5000", "--master-instance", "m7i.large", "--etcd-instance", "i7ie.2xlarge"],
      [
        /masterInstance: m7i.large is too small for the masters: 2 vCPU, needs 64; 8 GiB, needs/,
        /etcdInstance: i7ie.2xlarge is too small for shard main: 8 vCPU, needs 32; 64 GiB, needs 128/,
      ],
    ],
    [
      "flags: not of this version, protected, refused gate, unknown component",
      [
        "--nodes",
        "10",
        "--flag",
        "kube-apiserver/target-ram-mb=600",
        "--flag",
        "etcd/unsafe-no-fsync=true",
        "--flag",
        "kube-apiserver/feature-gates=WatchList=false",
        "--flag",
        "dockerd/x=1",
      ],
      [
        /--target-ram-mb=600: kube-apiserver 1\.37\.2 does not have this flag; removed/,
        /--unsafe-no-fsync=true: refused: a crash would lose/,
        /WatchList=false is refused/,
        /no component dockerd/,
      ],
    ],
    [
      "no such value to explain",
      ["--nodes", "10", "--explain", "apiserver.inflight"],
      [/no derived value apiserver.inflight; did you mean .*apiserver.maxRequestsInflight/],
    ],
    ["ranges", ["--nodes", "100..20000", "--html", "x.html"], [/20000 is above 15000/]],
    [
      "a range the wrong way round, and nowhere to go",
      ["--nodes", "500..100"],
      [/500..100 ends before it begins/, /needs --html FILE or --json/],
    ],
    ["a page of one size", ["--nodes", "100", "--html", "x.html"], [/--html: needs a range/]],
    [
      "a proxy mode that does not exist",
      ["--proxy-mode", "userspace"],
      [/"userspace" is none of ipvs, nftables, iptables/],
    ],
  ];
  test.each(bad)("%s", async (_name, argv, errors) => {
    const { code, out, error } = await scale(...argv);
    expect(code).toBe(2);
    expect(out).toBe("");
    for (const expected of errors) expect(error).toMatch(expected);
    expect(error.trim().split("\n")).toHaveLength(errors.length);
    for (const line of error.trim().split("\n")) expect(line).toMatch(/^error: /);
  });
});
