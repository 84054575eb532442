/**
 * A resource of AWS as plain data: its type, name, arguments as its class takes them, and options. What only AWS can say (an id, an ARN)
 * stands as a reference to the resource that has it, what only a run knows (its SSH key, sums of binaries) by its name. So everything that is
 * asked of AWS can be printed, compared, and checked without it; place.ts adds nothing.
 */
import type * as pulumi from "@pulumi/pulumi";
import type { classes } from "./classes";

/** A type token without its "aws:". */
export type AwsType = keyof typeof classes;
type InstanceOf<T extends AwsType> = InstanceType<(typeof classes)[T]>;
type ArgsOf<T extends AwsType> = NonNullable<ConstructorParameters<(typeof classes)[T]>[1]>;

/** Names a resource in a plan, as the end of its URN: "ec2/vpc:Vpc::prod-a". */
export type ResourceKey = `${AwsType}::${string}`;

/** An output of another resource. */
export interface Reference {
  readonly $ref: ResourceKey;
  readonly output: string;
}
/** A text with references in it. */
export interface Joined {
  readonly $join: readonly (string | Reference)[];
}
/** A JSON text with references in it, which policies are. */
export interface JsonText {
  readonly $json: JsonValue;
}
/** A value that only a run knows. */
export interface Given {
  readonly $given: GivenName;
}
export type GivenName =
  /** Marks what one state has made: see PlacementArgs. */
  | "owner"
  /** OpenSSH public key that logs in to every host. */
  | "sshPublicKey"
  /** The file of a binary, and the key of the artifact store under which hosts ask for it: `<sha256>/<name>`. */
  | `artifactFile ${string}`
  | `artifactKey ${string}`;

export type Text = string | Reference | Joined | JsonText | Given;
export type JsonValue = boolean | number | Text | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** An argument as the class takes it, with plain values and {@link Text} for its inputs. */
type Planned<V> = V extends Promise<unknown> | pulumi.OutputInstance<unknown>
  ? never
  : V extends string
    ? V | Exclude<Text, string>
    : V extends boolean | number | undefined
      ? V
      : // An asset: a class without a member.
        [keyof V] extends [never]
        ? Given
        : V extends readonly (infer E)[]
          ? readonly Planned<E>[]
          : { readonly [K in keyof V]: Planned<V[K]> };

/** What can have tags has some: a provider's default tags are missing from diffs (pulumi/pulumi-aws#1655). */
type Tagged<A> = A extends { readonly tags?: infer Tags } ? A & { readonly tags: NonNullable<Tags> } : A;

export type PlannedArgs<T extends AwsType> = Tagged<Planned<ArgsOf<T>>>;

export interface ResourceOptions {
  readonly protect?: boolean;
  readonly retainOnDelete?: boolean;
  readonly deleteBeforeReplace?: boolean;
  readonly replaceOnChanges?: readonly string[];
  readonly ignoreChanges?: readonly string[];
  /** Beside those that its arguments refer to. */
  readonly dependsOn?: readonly ResourceKey[];
}

export interface AwsResourceOf<T extends AwsType> {
  readonly type: T;
  /** Logical name, its identity in the state: never changed. */
  readonly name: string;
  readonly args: PlannedArgs<T>;
  readonly options: ResourceOptions;
}
export type AwsResource = { [T in AwsType]: AwsResourceOf<T> }[AwsType];

export function resource<T extends AwsType>(
  type: T,
  name: string,
  args: PlannedArgs<T>,
  options: ResourceOptions = {},
): AwsResourceOf<T> {
  return { type, name, args, options };
}

export const resourceKey = (type: AwsType, name: string): ResourceKey => `${type}::${name}`;
export const keyOf = ({ type, name }: AwsResource): ResourceKey => resourceKey(type, name);

export function refTo<T extends AwsType>(
  of: AwsResourceOf<T>,
  output: Extract<keyof InstanceOf<T>, string>,
): Reference {
  return { $ref: `${of.type}::${of.name}`, output };
}

export const json = ($json: JsonValue): JsonText => ({ $json });
export const given = ($given: GivenName): Given => ({ $given });

/** A text with references in its holes. */
export const text = (parts: TemplateStringsArray, ...holes: readonly (string | Reference)[]): Joined => ({
  $join: parts.flatMap((part, index) => [part, ...holes.slice(index, index + 1)]).filter((part) => part !== ""),
});

/** Resources whose outputs the resource uses, and those that it names besides. */
export function dependenciesOf({ args, options }: AwsResource): ResourceKey[] {
  return [...new Set([...references(args).map(({ $ref }) => $ref), ...(options.dependsOn ?? [])])];
}

/** All references in a value, however deep. */
export function references(value: unknown): Reference[] {
  if (typeof value !== "object" || value === null) return [];
  return isReference(value) ? [value] : Object.values(value).flatMap(references);
}

export const isReference = (value: object): value is Reference => "$ref" in value;
export const isJoined = (value: object): value is Joined => "$join" in value;
export const isJsonText = (value: object): value is JsonText => "$json" in value;
export const isGiven = (value: object): value is Given => "$given" in value;

/**
 * Every resource after those that it depends on, else in the order given.
 * @param made what is there already
 * @throws where one is missing, is there twice, or waits for itself
 */
export function inOrder(resources: readonly AwsResource[], made: ReadonlySet<ResourceKey> = new Set()): AwsResource[] {
  const keys = resources.map(keyOf);
  const twice = keys.filter((key, index) => made.has(key) || keys.indexOf(key) !== index);
  if (twice.length > 0) throw new Error(`planned twice: ${[...new Set(twice)].join(", ")}`);
  const byKey = new Map(resources.map((one) => [keyOf(one), one]));
  const done = new Set<AwsResource>();
  const visit = (one: AwsResource, path: readonly ResourceKey[]): void => {
    const key = keyOf(one);
    if (path.includes(key)) throw new Error(`resources wait for each other: ${[...path, key].join(" -> ")}`);
    if (done.has(one)) return;
    for (const other of dependenciesOf(one).filter((dependency) => !made.has(dependency))) {
      const found = byKey.get(other);
      if (!found) throw new Error(`${key} refers to ${other}, which is not planned`);
      visit(found, [...path, key]);
    }
    done.add(one);
  };
  for (const one of resources) visit(one, []);
  return [...done];
}
