/** What the recordings do not show: parallelism, options, providers, invokes, failures. In-process, so that it takes a second. */
import * as pulumi from "@pulumi/pulumi";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeProvider, Group, type Lab, lab, lookup, opsOf, Thing } from "./support/fake";

let l: Lab;
beforeEach(() => {
  l = lab();
});
afterEach(() => l.remove());

const many = (count: number, opts?: pulumi.CustomResourceOptions): Thing[] =>
  Array.from({ length: count }, (_, i) => new Thing(`t${i}`, {}, opts));

describe("parallelism", () => {
  it("runs independent steps at once, up to the limit", async () => {
    l.world.delay = 20;
    const up = await l.stack(() => void many(40), { parallel: 8 }).up();
    expect(up.result).toBe("succeeded");
    expect(l.world.most).toBe(8);
  });

  it("deletes 60 hosts at once, each before what it depends on", async () => {
    await l
      .stack(() => {
        const network = new Thing("network");
        many(60, { dependsOn: [network] });
      })
      .up();
    l.world.take();
    l.world.delay = 50;
    const began = Date.now();
    expect((await l.stack(() => undefined).destroy()).changes).toEqual({ delete: 62 });
    expect(l.world.most).toBe(32);
    expect(Date.now() - began).toBeLessThan(60 * 50);
    expect(l.world.take().at(-1)).toMatch(/^delete network-/);
  });

  it("keeps dependsOn in order", async () => {
    l.world.delay = 5;
    await l
      .stack(() => {
        const a = new Thing("a");
        const b = new Thing("b", {}, { dependsOn: [a] });
        new Thing("c", {}, { dependsOn: [b] });
      })
      .up();
    expect(l.world.take()).toEqual(["create a", "create b", "create c"]);
  });
});

describe("options", () => {
  it("deletedWith skips the delete of what goes with another", async () => {
    await l
      .stack(() => {
        const host = new Thing("host");
        new Thing("file", {}, { deletedWith: host });
      })
      .up();
    l.world.take();
    expect((await l.stack(() => undefined).destroy()).changes).toEqual({ delete: 3 });
    expect(l.world.take()).toEqual(["delete host-1"]);
  });

  it("protect and excludeProtected: a destroy leaves what is protected and all that it needs, and can be run again", async () => {
    const program = () => {
      const group = new Group("kept");
      const key = new Thing("key", {}, { parent: group });
      const network = new Thing("network", {}, { parent: group });
      const helper = new Group("helper");
      const inside = new Thing("inside", {}, { parent: helper });
      new Thing("after", {}, { parent: helper, dependsOn: inside });
      new Thing("data", { value: key.result }, { parent: group, protect: true, dependsOn: helper });
      new Thing("host", { value: network.result, extra: key.result });
      new Thing("outside", {}, { dependsOn: [network] });
    };
    await l.stack(program).up();
    l.world.take();
    const again = () => l.stack(() => undefined, { excludeProtected: true });
    expect((await again().previewDestroy()).changes).toEqual({ delete: 3 });
    expect((await again().destroy()).changes).toEqual({ delete: 3 });
    expect(
      l.world
        .take()
        .map((call) => call.replace(/-\d+$/, ""))
        .sort(),
    ).toEqual(["delete host", "delete network", "delete outside"]);
    const left = again()
      .export()
      .deployment.resources?.filter(({ type }) => type.startsWith("fake:index:"));
    expect(left?.map(({ urn }) => urn.split("::").at(-1)).sort()).toEqual([
      "after",
      "data",
      "helper",
      "inside",
      "kept",
      "key",
    ]);
    expect(await again().destroy()).toMatchObject({ result: "succeeded", changes: {} });
    const plain = await l.stack(() => undefined).destroy();
    expect(plain.result).toBe("failed");
    expect(plain.diagnostics[0]?.message).toContain("because it is protected");
    expect((await l.stack(program).up()).changes).toMatchObject({ create: 3 });
  });

  it("replaceWith replaces together with another", async () => {
    const program = (key: string) => () => {
      const host = new Thing("host", { key });
      new Thing("agent", {}, { replaceWith: [host] });
    };
    await l.stack(program("1")).up();
    expect(opsOf(await l.stack(program("2")).up()).sort()).toEqual([
      "create-replacement agent",
      "create-replacement host",
      "delete-replaced agent",
      "delete-replaced host",
      "replace agent",
      "replace host",
    ]);
  });

  it("deleteBeforeReplace takes dependents along that would be replaced", async () => {
    const program = (key: string) => () => {
      const a = new Thing("a", { key, early: true });
      new Thing("b", { key: a.result, early: true });
      new Thing("c", { value: a.result });
    };
    await l.stack(program("1")).up();
    l.world.take();
    await l.stack(program("2")).up();
    expect(l.world.take().slice(0, 3)).toEqual([expect.stringMatching(/^delete b-/), "delete a-1", "create a"]);
  });

  it("replaceOnChanges and ignoreChanges act on paths", async () => {
    const program = (value: string, opts: pulumi.CustomResourceOptions) => () =>
      void new Thing("a", { value, extra: { x: value } }, opts);
    await l.stack(program("1", { replaceOnChanges: ["value"] })).up();
    expect((await l.stack(program("2", { ignoreChanges: ["value", "extra.x"] })).up()).changes).toEqual({ same: 2 });
    expect((await l.stack(program("2", { replaceOnChanges: ["value"] })).up()).changes).toEqual({
      same: 1,
      replace: 1,
    });
  });

  it("customTimeouts end a step", async () => {
    l.world.delay = 5000;
    const { result, diagnostics } = await l
      .stack(() => void new Thing("slow", {}, { customTimeouts: { create: "1s" } }))
      .up();
    expect(result).toBe("failed");
    expect(diagnostics[0]?.urn).toMatch(/slow$/);
  });

  it("aliases carry a resource and its children over to another parent", async () => {
    const program = (name: string, aliases: pulumi.Alias[]) => () => {
      const group = new Group(name, { aliases });
      new Thing(`${name}-child`, {}, { parent: group });
    };
    await l.stack(program("old", [])).up();
    l.world.take();
    expect((await l.stack(program("new", [{ name: "old" }])).up()).changes).toEqual({ same: 3 });
    expect(l.world.take()).toEqual([]);
    expect((await l.stack(program("new", [])).up()).changes).toEqual({ same: 3 });
  });
});

describe("providers", () => {
  it("gives explicit providers their configuration, and children their parents' provider", async () => {
    await l
      .stack(() => {
        const provider = new FakeProvider("east", { region: "east" });
        const group = new Group("g", { providers: [provider] });
        new Thing("inherits", {}, { parent: group });
        new Thing("default");
      })
      .up();
    expect(l.world.seen.map(({ config }) => config.region ?? null).sort()).toEqual(["east", null]);
  });

  it("goes on in a preview when a provider's configuration is not known yet", async () => {
    const program = () => {
      const cluster = new Thing("cluster");
      new Thing("inside", {}, { provider: new FakeProvider("k", { kubeconfig: cluster.result }) });
    };
    expect((await l.stack(program).preview()).changes).toEqual({ create: 4 });
    expect((await l.stack(program).up()).changes).toEqual({ create: 4 });
    expect((await l.stack(program).preview()).changes).toEqual({ same: 4 });
  });
});

describe("invokes", () => {
  it("runs them in previews, and not with unknown arguments", async () => {
    const program = () => {
      const a = new Thing("a", { value: lookup({ value: "x" }).apply(({ echo }) => echo) });
      return { echo: lookup({ value: a.result }) };
    };
    await l.stack(program).preview();
    expect(l.world.take()).toEqual(["invoke fake:index:lookup"]);
    expect((await l.stack(program).up()).outputs).toEqual({ echo: { echo: "a x" } });
  });

  it("keeps what comes from a secret secret", async () => {
    const stack = l.stack(async () => ({ echo: lookup({ value: pulumi.secret("s3cret") }) }));
    expect((await stack.up()).outputs).toEqual({ echo: "[secret]" });
    expect(stack.outputs({ showSecrets: true })).toEqual({ echo: { echo: "s3cret" } });
  });
});

describe("failures", () => {
  it("lets work in flight end and begins nothing new; the next run does the rest", async () => {
    l.world.delay = 30;
    l.world.failing.add("create bad");
    const program = () => {
      const bad = new Thing("bad");
      new Thing("beside");
      new Thing("after", {}, { dependsOn: [bad] });
    };
    const { result, steps } = await l.stack(program).up();
    expect(result).toBe("failed");
    expect(steps.find(({ name }) => name === "bad")).toMatchObject({ status: "failed", error: "create bad failed" });
    expect(l.world.take()).toEqual(["create beside"]);
    l.world.failing.clear();
    expect((await l.stack(program).up()).result).toBe("succeeded");
    expect(l.world.take()).toEqual(["create bad", "create after"]);
  });

  it("interrupts by the signal, saves, and resumes", async () => {
    l.world.delay = 10_000;
    const controller = new AbortController();
    const program = () => {
      const a = new Thing("a");
      new Thing("b", {}, { dependsOn: [a] });
    };
    const onEvent = (event: { type: string }): void => {
      if (event.type === "pre" && l.world.running > 0) controller.abort();
    };
    setTimeout(() => controller.abort(), 1000);
    const { result } = await l.stack(program, { signal: controller.signal, onEvent }).up();
    expect(result).toBe("interrupted");
    l.world.delay = 0;
    expect((await l.stack(program).up()).result).toBe("succeeded");
    expect(l.world.take()).toEqual(["create a", "create b"]);
  });

  it("deletes nothing when the program fails", async () => {
    await l.stack(() => void new Thing("a")).up();
    l.world.take();
    const { result, diagnostics } = await l
      .stack(() => {
        throw new Error("a bug");
      })
      .up();
    expect(result).toBe("failed");
    expect(diagnostics.map(({ message }) => message).join()).toContain("a bug");
    expect(l.world.take()).toEqual([]);
  });

  it.each([
    ["import", (): unknown => new Thing("a", {}, { import: "id" }), /import/],
    ["transforms", (): unknown => new Thing("a", {}, { transforms: [() => undefined] }), /transforms|callback/i],
    ["StackReference", (): unknown => new pulumi.StackReference("x"), /StackReference/],
    ["two of the same name", (): unknown => [new Thing("a"), new Thing("a")], /Duplicate resource URN/],
  ])("refuses %s with an error that says so", async (_name, program, message) => {
    const { result, diagnostics } = await l.stack(() => void program()).up();
    expect(result).toBe("failed");
    expect(diagnostics.map((diagnostic) => diagnostic.message).join("\n")).toMatch(message);
  });
});

describe("secrets", () => {
  it("seals them in the state, keeps ciphertexts of unchanged ones, and redacts results", async () => {
    const program = (other: string) => () =>
      void new Thing("a", { token: pulumi.secret("s3cret"), other, hidden: "h" });
    const first = await l.stack(program("1")).up();
    expect(JSON.stringify(first)).not.toContain("s3cret");
    const sealed = JSON.stringify(l.stack(program("1")).export());
    expect(sealed).not.toContain("s3cret");
    const ciphertexts = sealed.match(/v1:[^"]+/g);
    await l.stack(program("2")).up();
    const again = JSON.stringify(l.stack(program("2")).export());
    expect(again.match(/v1:[^"]+/g)).toEqual(ciphertexts);
  });
});
