/** One object on the server: applied, deleted until it is gone. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ResourceCall } from "../../provider/provider";
import { isObject, type Values } from "../../values/value";
import { ApiError, type Client } from "./client";
import { metadata, nameOf, pathOf } from "./kinds";

/** As the real provider: how long to wait for an object to be gone. */
const TIMEOUT_S = 600;

const CONFLICT_HELP =
  "another manager owns a field that this resource sets: leave the field to it, or take the field from it with kubectl apply --server-side --force-conflicts";

export class ObjectStore {
  readonly #path: string;
  readonly #what: string;

  constructor(
    private readonly client: Client,
    private readonly call: ResourceCall,
    private readonly object: Values,
    readonly fieldManager: string,
  ) {
    this.#path = pathOf(call.type, object);
    this.#what = `${object.kind} ${nameOf(object)}`;
  }

  /** An object that is there already is an error, unless it is this resource's own, from a run that was interrupted. */
  async create(): Promise<Values> {
    const there = await this.#get();
    if (there !== undefined) {
      if (!this.#isOwn(there)) {
        throw new Error(
          `${this.#what} already exists in the cluster and is not this resource's. Give it another name, or remove it`,
        );
      }
      this.call.log("info", `${this.#what} exists from an earlier run that did not end; it is applied again`);
    }
    return this.apply();
  }

  async apply(): Promise<Values> {
    try {
      return await this.client.send({
        method: "PATCH",
        path: this.#path,
        query: { fieldManager: this.fieldManager, fieldValidation: "Strict", force: "false" },
        body: this.object,
        contentType: "application/apply-patch+yaml", // JSON is YAML.
        signal: this.call.signal,
      });
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 409 || error.reason !== "Conflict") throw error;
      throw new Error(`${error.message}\n${CONFLICT_HELP}`);
    }
  }

  async delete(): Promise<void> {
    const before = await this.#get();
    if (before === undefined) return;
    const body = { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy: "Background" };
    await unlessGone(this.client.send({ method: "DELETE", path: this.#path, body, signal: this.call.signal }));
    await this.#gone(metadata(before).uid);
  }

  /** True when this resource's field manager has applied the object before. */
  #isOwn(live: Values): boolean {
    const { managedFields } = metadata(live);
    const managers = Array.isArray(managedFields) ? managedFields.filter(isObject) : [];
    return managers.some(({ manager, operation }) => manager === this.fieldManager && operation === "Apply");
  }

  #get(): Promise<Values | undefined> {
    return unlessGone(this.client.send({ method: "GET", path: this.#path, signal: this.call.signal }));
  }

  /** Others may hold a deleted object with finalizers. */
  async #gone(uid: Values[string] | undefined): Promise<void> {
    const until = Date.now() + TIMEOUT_S * 1000;
    let said = "";
    for (let pause = 100; ; pause = Math.min(pause * 1.5, 2_000)) {
      const live = await this.#get();
      if (live === undefined || metadata(live).uid !== uid) return;
      const { finalizers } = metadata(live);
      const held = Array.isArray(finalizers) && finalizers.length > 0 ? ` (finalizers: ${finalizers.join(", ")})` : "";
      const waiting = `${this.#what} to be gone: it still exists${held}`;
      if (waiting !== said) this.call.log("info", `waiting for ${waiting}`);
      said = waiting;
      if (Date.now() + pause > until) throw new Error(`waited ${TIMEOUT_S} s for ${waiting}`);
      await sleep(pause, undefined, { signal: this.call.signal });
    }
  }
}

async function unlessGone(answer: Promise<Values>): Promise<Values | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}
