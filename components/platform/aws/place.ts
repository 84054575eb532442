/** Makes planned resources: their order, and values in the place of references. What is asked of AWS stands in the plan alone. */
import * as pulumi from "@pulumi/pulumi";
import { classes } from "./classes";
import {
  type AwsResource,
  type AwsType,
  type GivenName,
  inOrder,
  isGiven,
  isJoined,
  isJsonText,
  isReference,
  keyOf,
  type Reference,
  type ResourceKey,
} from "./resource";

export type GivenValues = (name: GivenName) => pulumi.Input<unknown>;

type AnyClass = new (name: string, args: object, options: pulumi.CustomResourceOptions) => pulumi.CustomResource;

/** What is made so far, so that more of it can refer to that. */
export class Placer {
  readonly #made = new Map<ResourceKey, pulumi.CustomResource>();

  /** @param options of every resource: its parent and provider */
  constructor(
    private readonly given: GivenValues,
    private readonly options: pulumi.CustomResourceOptions,
  ) {}

  /** @param after what all of them wait for */
  place(resources: readonly AwsResource[], after: readonly pulumi.Resource[]): pulumi.Resource[] {
    return inOrder(resources, new Set(this.#made.keys())).map((planned) => {
      const { dependsOn = [], ignoreChanges = [], replaceOnChanges = [], ...options } = planned.options;
      // A preview orders nothing, and records nothing.
      const kept = options.protect === true && !pulumi.runtime.isDryRun();
      const args = this.#value(planned.args) as object;
      const made = new (classOf(planned.type))(planned.name, kept ? waiting(args, after) : args, {
        ...this.options,
        ...options,
        ignoreChanges: [...ignoreChanges],
        replaceOnChanges: [...replaceOnChanges],
        dependsOn: [...(kept ? [] : after), ...dependsOn.map((key) => this.made(key))],
      });
      this.#made.set(keyOf(planned), made);
      return made;
    });
  }

  made(key: ResourceKey): pulumi.CustomResource {
    const made = this.#made.get(key);
    if (!made) throw new Error(`${key} is not made`);
    return made;
  }

  #value(planned: unknown): unknown {
    if (typeof planned !== "object" || planned === null) return planned;
    if (isReference(planned)) return this.#output(planned);
    if (isGiven(planned)) return this.given(planned.$given);
    if (isJoined(planned)) return pulumi.concat(...planned.$join.map((part) => this.#value(part) as string));
    if (isJsonText(planned)) return pulumi.jsonStringify(this.#value(planned.$json));
    if (Array.isArray(planned)) return planned.map((item) => this.#value(item));
    return Object.fromEntries(Object.entries(planned).map(([key, value]) => [key, this.#value(value)]));
  }

  #output({ $ref, output }: Reference): unknown {
    return Reflect.get(this.made($ref), output);
  }
}

/**
 * What outlives a destroy waits as the rest does, and is not recorded as needing what it waits for: that would be kept with it
 * (docs/decisions/0010), and with the end of the cluster kept, its members would leave one by one.
 */
function waiting(args: object, after: readonly pulumi.Resource[]): object {
  const done = new Promise<void>((resolve) => void pulumi.all(after.map(({ urn }) => urn)).apply(() => resolve()));
  const [first, ...others] = Object.entries(args);
  return first ? Object.fromEntries([[first[0], pulumi.output(done.then(() => first[1]))], ...others]) : args;
}

const classOf = (type: AwsType) => classes[type] as unknown as AnyClass;
