/** One object on the server: applying, waiting until it is ready or gone, reading. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ResourceCall } from "../../provider/provider";
import { isObject, type Values } from "../../values/value";
import { ApiError, type Client, UnreachableError } from "./client";
import { type Discovery, groupPath } from "./discovery";
import * as objects from "./objects";
import { readiness } from "./ready";

export interface Connected {
  readonly client: Client;
  readonly discovery: Discovery;
  /** For objects that name none. */
  readonly namespace: string;
}

/** As the real provider: how long to wait for an object to be ready, or gone. */
const TIMEOUT_S = 600;
/** How often a creation is tried again when the namespace that it is in is only being created. */
const NAMESPACE_TRIES = 6;

/** The object is on the server, but what was waited for did not happen. */
export class NotReadyError extends Error {
  constructor(
    message: string,
    readonly live: Values,
  ) {
    super(message);
  }
}

const CONFLICT_HELP =
  "another manager owns a field that this resource sets. Leave the field to it, or take it over with the annotation " +
  `"${objects.PATCH_FORCE}": "true"`;

export class ObjectStore {
  constructor(
    private readonly server: Connected,
    private readonly call: ResourceCall,
    private readonly object: Values,
    readonly fieldManager: string,
    private readonly force: boolean,
  ) {}

  /** An object that is there already is an error, unless it is this resource's own, from a run that was interrupted. */
  async create(upsert: boolean): Promise<Values> {
    const path = await this.#path();
    const there = upsert ? undefined : await this.#get(path);
    if (there !== undefined) {
      if (!this.#isOwn(there)) {
        throw new Error(
          `${this.#what()} already exists in the cluster and is not this resource's. Give it another name, remove it, ` +
            "or set upsertExistingObjects on the provider to take it over",
        );
      }
      this.call.log("info", `${this.#what()} exists from an earlier run that did not end; it is applied again`);
    }
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#ready(path, await this.#apply(path));
      } catch (error) {
        const missing = error instanceof ApiError && error.status === 404 && error.details.kind === "namespaces";
        if (!missing || attempt === NAMESPACE_TRIES) throw error;
        this.call.log("info", `Retry #${attempt}; creation failed: ${error.message}`);
        await sleep(250 * 2 ** attempt, undefined, { signal: this.call.signal });
      }
    }
  }

  async update(): Promise<Values> {
    const path = await this.#path();
    return this.#ready(path, await this.#apply(path));
  }

  async read(): Promise<Values | undefined> {
    const { apiVersion, kind } = this.object;
    const resource = await this.server.discovery.find(String(apiVersion), String(kind), this.call.signal, {
      wait: false,
    });
    return resource === undefined ? undefined : this.#get(await this.#path());
  }

  /** Deletes the object and, unless told otherwise, first what belongs to it; ends when it is gone. */
  async delete(unreachableIsGone: boolean): Promise<void> {
    try {
      await this.#delete();
    } catch (error) {
      if (!(error instanceof UnreachableError) || !unreachableIsGone) throw error;
      this.call.log("warning", `${error.message}; ${this.#what()} is taken for deleted (deleteUnreachable)`);
    }
  }

  async #delete(): Promise<void> {
    const { apiVersion, kind } = this.object;
    const { client, discovery } = this.server;
    const resource = await discovery.find(String(apiVersion), String(kind), this.call.signal, { wait: false });
    if (resource === undefined) return; // Its definition is gone, and the object with it.
    const path = await this.#path();
    const policy = objects.annotation(this.object, objects.PROPAGATION) ?? "foreground";
    const propagationPolicy = policy.charAt(0).toUpperCase() + policy.slice(1).toLowerCase();
    const body = { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy };
    const before = await this.#get(path);
    if (before === undefined) return;
    try {
      await client.send({ method: "DELETE", path, body, signal: this.call.signal });
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return;
      throw error;
    }
    if (objects.annotation(this.object, objects.SKIP_AWAIT) === "true") return;
    const { uid } = objects.metadata(before);
    await this.#poll("to be gone", async () => {
      const live = await this.#get(path);
      if (live === undefined || objects.metadata(live).uid !== uid) return {};
      const { finalizers } = objects.metadata(live);
      const held = Array.isArray(finalizers) && finalizers.length > 0 ? ` (finalizers: ${finalizers.join(", ")})` : "";
      return `it still exists${held}`;
    });
  }

  #what(): string {
    return `${this.object.kind} ${objects.idOf(this.object)}`;
  }

  /** True when this resource's field manager has applied the object before. */
  #isOwn(live: Values): boolean {
    const { managedFields } = objects.metadata(live);
    const managers = Array.isArray(managedFields) ? managedFields.filter(isObject) : [];
    return managers.some(({ manager, operation }) => manager === this.fieldManager && operation === "Apply");
  }

  async #path(): Promise<string> {
    const { apiVersion, kind } = this.object;
    const resource = await this.server.discovery.find(String(apiVersion), String(kind), this.call.signal);
    if (resource === undefined) {
      throw new Error(
        `the Kubernetes API server has no kind ${apiVersion}/${kind}: create its CustomResourceDefinition first`,
      );
    }
    const name = encodeURIComponent(String(objects.nameOf(this.object)));
    if (!resource.namespaced) return `${groupPath(String(apiVersion))}/${resource.plural}/${name}`;
    const namespace = encodeURIComponent(objects.namespaceOf(this.object) ?? this.server.namespace);
    return `${groupPath(String(apiVersion))}/namespaces/${namespace}/${resource.plural}/${name}`;
  }

  async #get(path: string): Promise<Values | undefined> {
    try {
      return await this.server.client.send({ method: "GET", path, signal: this.call.signal });
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  async #apply(path: string): Promise<Values> {
    const query = { fieldManager: this.fieldManager, fieldValidation: "Strict", force: String(this.force) };
    // A kind without namespaces must not name one, which may have been assumed when its definition was not there yet.
    const { namespace: _, ...rest } = objects.metadata(this.object);
    const body = path.includes("/namespaces/") ? this.object : { ...this.object, metadata: rest };
    const contentType = "application/apply-patch+yaml"; // JSON is YAML.
    try {
      return await this.server.client.send({
        method: "PATCH",
        path,
        query,
        body,
        contentType,
        signal: this.call.signal,
      });
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 409 || error.reason !== "Conflict") throw error;
      throw new Error(`${error.message}\n${CONFLICT_HELP}`);
    }
  }

  async #ready(path: string, applied: Values): Promise<Values> {
    if (objects.annotation(this.object, objects.SKIP_AWAIT) === "true") return applied;
    let live = applied;
    try {
      return await this.#poll("to be ready", async () => {
        const state = readiness(live);
        if (state === "ready") return live;
        if ("failed" in state)
          throw new Error(`${this.#what()} was applied, but does not become ready: ${state.failed}`);
        const now = await this.#get(path);
        if (now === undefined) throw new Error(`${this.#what()} was applied, and then deleted by others`);
        live = now;
        return readiness(live) === "ready" ? live : state.waiting;
      });
    } catch (error) {
      throw new NotReadyError((error as Error).message, live);
    }
  }

  /** Asks until there is an answer; a text says what is still missing. */
  async #poll(aim: string, ask: () => Promise<Values | string>): Promise<Values> {
    const seconds = Number(objects.annotation(this.object, objects.TIMEOUT_SECONDS) ?? TIMEOUT_S);
    const until = Date.now() + seconds * 1000;
    let said = "";
    for (let pause = 100; ; pause = Math.min(pause * 1.5, 2_000)) {
      const answer = await ask();
      if (typeof answer !== "string") return answer;
      if (answer !== said) this.call.log("info", `waiting for ${this.#what()} ${aim}: ${answer}`);
      said = answer;
      if (Date.now() + pause > until) throw new Error(`waited ${seconds} s for ${this.#what()} ${aim}: ${answer}`);
      await sleep(pause, undefined, { signal: this.call.signal });
    }
  }
}
