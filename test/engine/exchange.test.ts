/** States that the real engine wrote are taken as they are: secrets, ciphertexts, `stack import`. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ResourceState, StateFile } from "../../engine";
import { providers, Rehearsal } from "../../engine/rehearsal";
import { Crypter } from "../../engine/state/crypter";
import { open, seal } from "../../engine/state/snapshot";
import { type Lab, lab, Thing } from "./support/fake";
import { CONFORMANCE } from "./support/recordings";

const recorded = (name: string): StateFile =>
  JSON.parse(readFileSync(path.join(CONFORMANCE, "secrets", "recorded", name), "utf8")) as StateFile;

let l: Lab;
beforeEach(() => {
  l = lab();
});
afterEach(() => l.remove());

/** Texts of secrets, however they are marked, with the path to each. */
function secretsIn(value: unknown, at = ""): [string, string][] {
  if (typeof value !== "object" || value === null) return [];
  const object = value as Record<string, unknown>;
  if (object["4dabf18193072939515e22adb298388d"] === "1b47061264138c4ac30d75fd1eb44270") {
    return [[at, typeof object.plaintext === "string" ? object.plaintext : JSON.stringify(object.value)]];
  }
  return Object.entries(object).flatMap(([key, entry]) => secretsIn(entry, `${at}/${key}`));
}

describe("a state of the real engine", () => {
  const raw = recorded("02-up.raw.json");
  const resources = raw.deployment.resources as ResourceState[];
  const salt = raw.deployment.secrets_providers?.state?.salt;

  it("has its secrets opened and sealed again with the same ciphertexts", () => {
    const crypter = new Crypter("rehearsal", salt, "the recording");
    const opened = resources.map((resource) => open(crypter, resource));
    const wanted = recorded("02-up.decrypted.json").deployment.resources;
    expect(opened.flatMap((resource) => secretsIn(resource))).toEqual(
      wanted?.flatMap((resource) => secretsIn(resource)),
    );
    expect(opened.map((resource) => seal(crypter, resource))).toEqual(resources);
  });

  it("is imported, previewed without a change, and exported as it was", async () => {
    const stack = new Rehearsal({
      projectDir: path.join(CONFORMANCE, "secrets"),
      stack: "dev",
      stateFile: l.stateFile,
      passphrase: "rehearsal",
      providers,
      config: { token: { secret: "first-secret" } },
      runtime: { nodeArgs: ["--import", "tsx"], typescript: false },
    });
    await stack.import(raw);
    expect(stack.export().deployment.resources).toEqual(resources);
    const preview = await stack.preview();
    expect(preview.changes).toEqual({ same: 4 });
    expect(stack.outputs()).toMatchObject({ markedOut: "[secret]" });
    expect(stack.outputs({ showSecrets: true })).toMatchObject({
      markedOut: "token is first-secret",
      nested: { list: [1, { deep: "deep secret" }] },
    });
  });

  it("is refused with another passphrase or for another stack", async () => {
    const stack = (name: string, passphrase: string): Rehearsal =>
      new Rehearsal({
        projectDir: path.join(CONFORMANCE, "secrets"),
        stack: name,
        stateFile: l.stateFile,
        passphrase,
        providers,
      });
    await expect(stack("dev", "wrong").import(raw)).rejects.toThrow(/the passphrase is not the one/);
    await expect(stack("prod", "rehearsal").import(raw)).rejects.toThrow(/not of stack "prod"/);
  });
});

describe("configuration", () => {
  it("comes from Pulumi.yaml, the stack's file and memory, secrets decrypted", async () => {
    const crypter = new Crypter("rehearsal", undefined, "test");
    const ciphertext = crypter.encrypt("from-file");
    const nested = crypter.encrypt("deep");
    const project = path.join(l.folder, "project");
    writeFileSync(
      path.join(project, "Pulumi.yaml"),
      "name: fake\nruntime: nodejs\nconfig:\n  fallback: { value: 5 }\n  shared: a\n",
    );
    writeFileSync(
      path.join(project, "Pulumi.dev.yaml"),
      `encryptionsalt: ${crypter.salt}\nconfig:\n  fake:shared: b\n  fake:token: { secure: "${ciphertext}" }\n  fake:list: [1, { secure: "${nested}" }]\n`,
    );
    const program = () => {
      const config = new pulumi.Config();
      return {
        fallback: config.requireNumber("fallback"),
        shared: config.require("shared"),
        token: config.requireSecret("token"),
        list: config.requireSecretObject("list"),
        memory: config.requireObject("memory"),
        thing: new Thing("a").result,
      };
    };
    const stack = l.stack(program, { config: { memory: { object: { a: [true] } } } });
    expect((await stack.up()).outputs).toEqual({
      fallback: 5,
      shared: "b",
      token: "[secret]",
      list: "[secret]",
      memory: { a: [true] },
      thing: "a ",
    });
    expect(stack.outputs({ showSecrets: true })).toMatchObject({ token: "from-file", list: [1, "deep"] });
    await expect(l.stack(program, { passphrase: "wrong" }).preview()).rejects.toThrow(/the passphrase is not the one/);
  });
});
