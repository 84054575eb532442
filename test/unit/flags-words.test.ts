/** Words that every plain object answers to ("constructor"): wherever a user gives a name, they are names like any other. */
import { describe, expect, test } from "vitest";
import { prefixOf } from "../../cli/doctor/shards";
import { readSections } from "../../cli/hosts/report";
import { runScale } from "../../cli/scale";
import { readStackFile } from "../../cli/stack/configuration";
import { checkFlags, components, knownFlags, policyFor, replacementFor } from "../../config/flags";
import { instanceNamed } from "../../config/instances";
import { lookup } from "../../config/lookup";
import { explain } from "../../config/scale";
import { problemsOf } from "../support/plans";
import { scaleOf, versions } from "./scale-samples";

const words = Object.getOwnPropertyNames(Object.prototype);

test("there are such words", () => {
  expect(words).toEqual(expect.arrayContaining(["constructor", "__proto__", "toString", "valueOf"]));
});

/** An object whose own key is the word, also where an assignment would set the prototype. */
const own = (word: string, value: unknown): Record<string, unknown> => Object.fromEntries([[word, value]]);

const problems = (raw: Record<string, unknown>) => problemsOf({ platform: "lab", ...raw });

describe.each(words)("%s", (word) => {
  test("is looked up as nobody's entry, and found where somebody has written it", () => {
    expect(lookup({ a: 1 }, word)).toBeUndefined();
    expect(lookup(own(word, 1), word)).toBe(1);
  });

  test("is an unknown key in every part of the configuration", () => {
    const unknown = "unknown key; see docs/configuration.md for the keys there are";
    const asUnknown = word === "__proto__" ? "cannot be used as a name; choose another one" : unknown;
    expect(problems(own(word, 1))).toEqual([`${word}: ${unknown}`]);
    expect(problems({ etcd: own(word, 1) })).toEqual([`etcd.${word}: ${asUnknown}`]);
    expect(problems({ masters: { flags: own(word, {}) } })).toEqual([`masters.flags.${word}: ${asUnknown}`]);
    expect(problems({ workload: { bulkListerSubjects: [{ kind: "User", name: "x", ...own(word, 1) }] } })).toEqual([
      `workload.bulkListerSubjects.0.${word}: ${asUnknown}`,
    ]);
  });

  test("is no flag of any component", () => {
    const said =
      word === "constructor"
        ? "kube-apiserver 1.37.2 does not have this flag; remove it from the configuration (got 1)"
        : /usable name|used as a name/;
    const found = problems({ masters: { flags: { apiserver: own(word, 1) } } });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(said);
    for (const component of components) {
      expect(replacementFor(component, word, "1.37.2")).toBeUndefined();
      expect(knownFlags(component, component === "etcd" ? "3.7.3" : "1.37.2").has(word)).toBe(false);
      const user = own(word, "1") as Record<string, string>;
      expect(checkFlags({}, {}, user, policyFor(component, versions))).toHaveLength(1);
      // Nor is it an item that is refused for a reason.
      const items = checkFlags({}, {}, { "feature-gates": word }, policyFor(component, versions));
      expect(items.join()).not.toContain("is refused");
    }
  });

  test("names a shard only with a place of its own", () => {
    const shards = (shard: object) => ({
      etcd: {
        shards: { main: { members: 3 }, ...own(word, { members: 1, resources: ["/events"], ...shard }) },
      },
    });
    const usable = /^[a-z]+$/.test(word);
    const [found] = problems(shards({}));
    expect(found).toMatch(usable ? /constructor\.slot: missing: a shard of this name/ : /usable name|used as a name/);
    if (usable) expect(problems(shards({ slot: 5 }))).toEqual([]);
  });

  test("is no derived value, instance, resource, section or option", async () => {
    expect(() => explain(scaleOf({ nodes: 10 }), word)).toThrow(`no derived value ${word}`);
    expect(instanceNamed(word)).toBeUndefined();
    expect(prefixOf(word)).toBe("/registry//");
    expect(Object.keys(readSections(`== ${word} 0\ntext\n`))).toEqual(/^[a-z]+$/.test(word) ? [word] : []);
    const said: string[] = [];
    const output = { out: () => undefined, error: (text: string) => said.push(text) };
    const flag = `--flag=${word}/x=1`;
    expect(await runScale([`--${word}`, "1", flag, `--flag=kube-apiserver/${word}=1`], output)).toBe(2);
    expect(said.join("")).toContain(`--${word}: no such option`);
    expect(await runScale(["--master-instance", word, "--explain", word], output)).toBe(2);
    expect(said.join("")).not.toContain("native code");
  });

  test("is a key of a stack file like any other", () => {
    const { values } = readStackFile(`config:\n  kilonode:${word}: 1\n  kilonode:platform: lab\n`, "file");
    expect(Object.entries(values ?? {})).toEqual([
      [word, 1],
      ["platform", "lab"],
    ]);
  });
});
