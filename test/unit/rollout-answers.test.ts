/** What hosts print, read: the forms of both etcd releases, and nothing that is not as it may be. */
import { describe, expect, it } from "vitest";
import { readKeyCounts, readView } from "../../components/rollout/etcd/answers";
import { readActivation, readMachineStatus } from "../../components/rollout/hosts/answers";
import { previousResult } from "../../components/rollout/result";

const status = {
  staged: "d2",
  active: "d1",
  everActivated: true,
  restarts: ["kube-apiserver"],
  pending: ["change /etc/kubernetes/manifests/kube-apiserver.yaml"],
  services: { "kube-apiserver": { kind: "static-pod", active: "active" } },
  degradations: [],
  parts: { trust: "d1", show: "d2" },
  distrusts: false,
};

describe("the answer of machine-apply", () => {
  it("is taken with more than is needed, and reduced to what is", () => {
    const service = { kind: "static-pod", active: "active", sub: "running", since: null, restarts: 0, masked: false };
    const printed = JSON.stringify({ ...status, services: { "kube-apiserver": service }, more: 1 });
    const { kind, active, since } = service;
    expect(readMachineStatus("m1", printed)).toEqual({
      ...status,
      services: { "kube-apiserver": { kind, active, since } },
    });
    expect(readActivation("m1", '{"digest": "d2", "changed": {}, "degradations": []}')).toEqual({
      digest: "d2",
      degradations: [],
    });
  });

  it.each([
    ["nothing", "", "m1: `machine-apply status` printed no JSON: nothing"],
    ["another text", "command not found\n", 'm1: `machine-apply status` printed no JSON: "command not found"'],
    [
      "a service that is no name",
      JSON.stringify({ ...status, restarts: ["a; reboot"] }),
      "wants the name of a service",
    ],
    [
      "a kind that there is not",
      JSON.stringify({ ...status, services: { x: { kind: "y", active: "" } } }),
      "services.x.kind",
    ],
    ["no services", JSON.stringify({ ...status, services: undefined }), "services"],
    ["a list without end", JSON.stringify({ ...status, pending: Array(10_001).fill("") }), "pending"],
  ])("is refused when it is %s", (_what, printed, message) => {
    expect(() => readMachineStatus("m1", printed)).toThrow(message);
  });
});

describe("a member's view of its shard", () => {
  const learner = { id: "3339a551ee655e72", name: "", peerUrl: "http://10.0.0.2:2380", learner: true };
  const leader = { id: "a0f8680c5ca4cf36", name: "m1", peerUrl: "http://10.0.0.1:2380", learner: false };
  const peers = (address: string) => `"peerURLs":["http://${address}:2380"]`;
  const m1 = `{"ID":11599135242595913526,"name":"m1",${peers("10.0.0.1")},"clientURLs":["http://10.0.0.1:2379"]}`;
  const answer = (more: string) =>
    `[{"Endpoint":"http://10.0.0.1:2379","Status":{"header":{"member_id":11599135242595913526},"leader":11599135242595913526,"raftAppliedIndex":9${more}}}]`;

  it.each([
    ["3.6", `{"ID":3691163140917386866,"name":"",${peers("10.0.0.2")},"clientURLs":null,"isLearner":true}`],
    ["3.7", `{"ID":"3691163140917386866",${peers("10.0.0.2")},"isLearner":true}`],
  ])("is read as etcdctl %s prints it, ids of 64 bits whole", (_release, m2) => {
    const view = readView("m1", `quorum\n{"header":{},"members":[${m2},${m1}]}\n${answer("")}\n`);
    expect(view).toEqual({
      quorum: true,
      members: [learner, { ...leader, clientUrl: "http://10.0.0.1:2379" }],
      endpoints: new Map([[leader.id, { leader: leader.id, appliedIndex: 9 }]]),
      alarms: [],
    });
  });

  it("holds the size of a member's database, where it tells of it", () => {
    const sizes = ',"dbSize":4096,"dbSizeInUse":1024,"dbSizeQuota":8192';
    const revised = answer(sizes).replace("11599135242595913526},", '11599135242595913526,"revision":42},');
    const { endpoints } = readView("m1", `quorum\n{"members":[${m1}]}\n${revised}`);
    expect(endpoints.get(leader.id)?.database).toEqual({
      bytes: 4096,
      inUseBytes: 1024,
      quotaBytes: 8192,
      revision: 42,
    });
    const wrong = answer(',"dbSize":-1');
    expect(() => readView("m1", `quorum\n{"members":[${m1}]}\n${wrong}`)).toThrow("dbSize");
  });

  it("counts keys, the most first, and takes nothing else for a count", () => {
    expect(readKeyCounts("m1", "2 /registry/events/\n30 /registry/pods/\n")).toEqual([
      { prefix: "/registry/pods/", keys: 30 },
      { prefix: "/registry/events/", keys: 2 },
    ]);
    expect(readKeyCounts("m1", "")).toEqual([]);
    expect(() => readKeyCounts("m1", "2 /registry/\u001b[2J\n")).toThrow("m1: `etcd-counts` printed something else");
  });

  it("holds the alarms, and members without an answer", () => {
    const errors = ',"errors":["memberID:11599135242595913526 alarm:NOSPACE "]';
    expect(readView("m1", `alone\n{"members":[${m1}]}\n${answer(errors)}`)).toMatchObject({
      quorum: false,
      alarms: [{ memberId: leader.id, type: "NOSPACE" }],
    });
    expect(readView("m1", `alone\n{"members":[${m1}]}\n`).endpoints.size).toBe(0);
  });

  it("is refused when it is none", () => {
    expect(() => readView("m1", "")).toThrow('m1: `etcd-look` printed no "quorum" and no "alone"');
    expect(() => readView("m1", 'quorum\n{"members":[{"ID":"x"}]}')).toThrow("wants a number of 64 bits");
  });
});

describe("the result of the last rollout", () => {
  it.each([
    [undefined, { completed: false }],
    [null, { completed: false }],
    [{ hosts: [] }, { completed: false }],
    ["text", { completed: false }],
    [{ group: "masters", hosts: [{ name: "m1" }] }, { completed: true }],
    [
      { hosts: [{ name: "m1" }], release: "1.37.2" },
      { completed: true, release: "1.37.2" },
    ],
    [{ hosts: [{ name: "m1" }], release: 137 }, { completed: true }],
  ])("of %j is %j", (output, result) => {
    expect(previousResult(JSON.stringify(output))).toEqual(result);
  });

  it("of what is no JSON is that none was completed", () => {
    expect(previousResult("")).toEqual({ completed: false });
    expect(previousResult("{")).toEqual({ completed: false });
  });
});
