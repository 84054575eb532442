/** Rules that every unit on a host keeps: files of the tree, and what plans make for their hosts. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { planOf } from "../support/plans";

const folder = "(?:/etc|/usr/local/lib|/usr/lib)/systemd/system";
const unitFile = new RegExp(`${folder}/([^/]+\\.(?:service|timer|socket|path|mount))$`);
const dropIn = new RegExp(`${folder}/([^/]+)\\.d/[^/]+\\.conf$`);

/** Unit to the text of its file and of its drop-ins; where only drop-ins are ours, the rest comes with the system. */
const units = new Map<string, { whole: boolean; text: string }>();

function add(path: string, text: string): void {
  const [, own] = unitFile.exec(path) ?? [];
  const name = own ?? dropIn.exec(path)?.[1];
  if (name === undefined) return;
  const before = units.get(name) ?? { whole: false, text: "" };
  units.set(name, { whole: before.whole || own !== undefined, text: `${before.text}\n${text}` });
}

const tree = "components/machine/files";
for (const path of execFileSync("git", ["ls-files", tree], { encoding: "utf8" }).trim().split("\n"))
  add(path.slice(tree.length), readFileSync(path, "utf8"));
for (const { machine } of planOf("lab").hosts)
  for (const [path, { content }] of Object.entries(machine.files)) add(path, content);

const setting = (text: string, name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(text)?.[1];

describe("units", () => {
  it("are found, those that are only amended too", () => {
    expect([...units.keys()]).toEqual(
      expect.arrayContaining(["etcd.service", "traffic-classes.timer", "haproxy.service"]),
    );
  });

  it.each([...units])("%s goes on trying for ever, and does not spin", (_name, { whole, text }) => {
    expect(setting(text, "StartLimitIntervalSec")).toBe("0");
    const restarts = whole ? setting(text, "Restart") !== undefined : true;
    if (restarts) expect(setting(text, "RestartSec")).toMatch(/^([1-9]|10)s$/);
  });
});
