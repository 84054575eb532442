import { describe, expect, test } from "vitest";
import { UserError } from "../../config/errors";
import { checkFlags, etcdEnvironment, mergeFlags, renderFlags } from "../../config/flags";

describe("rendering", () => {
  test("sorted by name, lists joined by commas", () => {
    expect(renderFlags({ "secure-port": 6443, "feature-gates": ["A=true", "B=false"], profiling: false })).toEqual([
      "--feature-gates=A=true,B=false",
      "--profiling=false",
      "--secure-port=6443",
    ]);
  });

  test("a flag that is read once per occurrence is repeated", () => {
    expect(renderFlags({ "service-account-key-file": ["/a.pub", "/b.pub"] })).toEqual([
      "--service-account-key-file=/a.pub",
      "--service-account-key-file=/b.pub",
    ]);
  });

  test("etcd's environment has the names that etcd reads", () => {
    expect(etcdEnvironment({ "quota-backend-bytes": 8589934592, "data-dir": "/var/lib/etcd" })).toEqual({
      ETCD_DATA_DIR: "/var/lib/etcd",
      ETCD_QUOTA_BACKEND_BYTES: "8589934592",
    });
  });
});

describe("merging", () => {
  const component = "kube-apiserver";

  test("a user's value overwrites the scale model's", () => {
    expect(mergeFlags({}, { "goaway-chance": 0.001 }, { "goaway-chance": 0.01 }, { component })).toEqual({
      "goaway-chance": 0.01,
    });
  });

  test("the plan's own value stands over the scale model's", () => {
    expect(
      mergeFlags({ "shutdown-delay-duration": "5s" }, { "shutdown-delay-duration": "10s" }, {}, { component }),
    ).toEqual({ "shutdown-delay-duration": "5s" });
  });

  test("feature gates are joined, and the later value of one gate wins", () => {
    const merged = mergeFlags(
      { "feature-gates": "A=true,B=true" },
      {},
      { "feature-gates": "B=false,C=true" },
      { component, rules: { "feature-gates": "append" } },
    );
    expect(merged["feature-gates"]).toEqual(["A=true", "B=false", "C=true"]);
  });

  test("gates of the scale model and of the plan are joined too", () => {
    expect(
      mergeFlags({ "feature-gates": ["B=true"] }, { "feature-gates": ["A=true"] }, {}, { component })["feature-gates"],
    ).toEqual(["A=true", "B=true"]);
  });

  test("a flag that the plan sets is protected unless a rule opens it", () => {
    expect(() =>
      mergeFlags({ "etcd-servers": "https://a:2379" }, {}, { "etcd-servers": "https://b:2379" }, { component }),
    ).toThrow(
      "kube-apiserver: --etcd-servers=https://b:2379: protected (the plan sets https://a:2379): other parts of the plan depend on it; remove it from the configuration",
    );
    expect(
      mergeFlags(
        { "audit-log-maxage": 30 },
        {},
        { "audit-log-maxage": 7 },
        { component, rules: { "audit-log-maxage": "overwrite" } },
      ),
    ).toEqual({ "audit-log-maxage": 7 });
  });

  test("every problem is reported at once", () => {
    const user = { "etcd-servers": "x", "--dashes": "1", unknown: "1" };
    const policy = { component, known: new Set(["etcd-servers"]), version: "kube-apiserver 1.37.2" };
    const problems = checkFlags({ "etcd-servers": "y" }, {}, user, policy);
    expect(problems).toHaveLength(3);
    expect(() => mergeFlags({ "etcd-servers": "y" }, {}, user, policy)).toThrow(UserError);
    expect(() => mergeFlags({ "etcd-servers": "y" }, {}, user, policy)).toThrow(
      /^3 flag problems\n {2}- .*\n {2}- .*\n {2}- /,
    );
  });
});
