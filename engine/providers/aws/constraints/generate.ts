/**
 * Writes table.json: what AWS's own models of its APIs (botocore's service-2.json) say of the inputs that a rehearsal knows.
 *
 *   pip download --no-deps botocore==1.44.8
 *   npx tsx engine/providers/aws/constraints/generate.ts botocore-1.44.8-py3-none-any.whl
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { rows } from "../rows";
import type { Constraint } from "./constraint";
import { calls, GENERAL } from "./members";

interface Shape {
  readonly type: string;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly min?: number;
  readonly max?: number;
  readonly members?: Readonly<Record<string, { readonly shape: string }>>;
  readonly member?: { readonly shape: string };
}
interface Model {
  readonly operations: Readonly<Record<string, { readonly input: { readonly shape: string } }>>;
  readonly shapes: Readonly<Record<string, Shape>>;
}

/** Members of structures are looked at so deep. */
const DEPTH = 4;

/** Patterns that say nothing. */
const ANYTHING = /^\^?(\[\\s\\S\]|\.)\*|^\[\\u0020-\\uD7FF/;

const enums: Record<string, string> = {};
const wheel = process.argv[2] ?? "";
const [, version = ""] = /botocore-([\d.]+)-/.exec(wheel) ?? [];
const inWheel = (name: string): Buffer =>
  execFileSync(
    "python3",
    ["-c", "import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))", wheel, name],
    {
      maxBuffer: 2 ** 28,
    },
  );

const VERSIONS: Readonly<Record<string, string>> = {
  autoscaling: "2011-01-01",
  ec2: "2016-11-15",
  elbv2: "2015-12-01",
  iam: "2010-05-08",
  kms: "2014-11-01",
  route53: "2013-04-01",
  s3: "2006-03-01",
};
const models = new Map<string, Model>();
function modelOf(service: string): Model {
  const known = models.get(service);
  if (known !== undefined) return known;
  const text = gunzipSync(inWheel(`botocore/data/${service}/${VERSIONS[service]}/service-2.json.gz`)).toString();
  const model = JSON.parse(text) as Model;
  models.set(service, model);
  return model;
}

const lower = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);
const upper = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

/** What is in a list, however deep. */
function itemOf(model: Model, name: string): string {
  const { type, member } = model.shapes[name] as Shape;
  return type === "list" && member !== undefined ? itemOf(model, member.shape) : name;
}

function shapeAt(model: Model, operation: string, member: string): string | undefined {
  let shape: string | undefined = model.operations[operation]?.input.shape;
  for (const part of member.split(".")) {
    if (shape === undefined) return undefined;
    shape = model.shapes[itemOf(model, shape)]?.members?.[part]?.shape;
  }
  return shape;
}

function constraintOf(model: Model, name: string): Omit<Constraint, "member"> | undefined {
  const shape = model.shapes[itemOf(model, name)] as Shape;
  if (shape.type === "structure" || shape.type === "boolean" || shape.type === "blob") return undefined;
  const { pattern, min, max } = shape;
  if (shape.enum !== undefined) enums[itemOf(model, name)] = shape.enum.join(" ");
  const found = {
    ...(shape.enum && { enum: itemOf(model, name) }),
    ...(pattern && !ANYTHING.test(pattern) && { pattern }),
    ...(min !== undefined && min > 0 && { min }),
    ...(max !== undefined && { max }),
  };
  return Object.keys(found).length === 0 ? undefined : { kind: shape.type === "string" ? "text" : "number", ...found };
}

type Found = Record<string, string | Constraint>;

function collect(found: Found, model: Model, at: string, member: string, shape: string, depth = 0): void {
  const constraint = constraintOf(model, shape);
  if (depth === 0 || constraint !== undefined)
    found[at] ??= constraint === undefined ? member : { member, ...constraint };
  if (depth === DEPTH) return;
  for (const [name, { shape: inner }] of Object.entries(model.shapes[itemOf(model, shape)]?.members ?? {}))
    collect(found, model, `${at}.${lower(name)}`, `${member}.${name}`, inner, depth + 1);
}

const inputs: Record<string, Found> = {};
for (const [type, row] of Object.entries(rows)) {
  const { call, members = {} } = calls[type] ?? {};
  if (call === undefined) throw new Error(`members.ts has no call for ${type}`);
  const found: Found = {};
  const explicit = Object.entries(members).flatMap(([name, to]) => (to === undefined ? [] : [[name, to] as const]));
  const implied = [...row.required, ...row.optional].flatMap((name) =>
    name in members || GENERAL.includes(name) ? [] : [[name, upper(name)] as const],
  );
  for (const [name, to] of [...explicit, ...implied]) {
    const [service, operation, member] = typeof to === "string" ? [...call, to] : to;
    const model = modelOf(service as string);
    const shape = shapeAt(model, operation as string, member as string);
    if (shape === undefined) throw new Error(`${type}: ${name} is not ${service} ${operation} ${member}`);
    collect(found, model, name, `${service} ${operation} ${member}`, shape);
  }
  inputs[type] = Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
}

const { partitions: all } = JSON.parse(inWheel("botocore/data/partitions.json").toString()) as {
  partitions: { id: string; regions: Record<string, unknown> }[];
};
const partitions = Object.fromEntries(
  all.map(({ id, regions }) => [id, Object.keys(regions).filter((name) => !name.endsWith("-global"))]),
);
const table = {
  source: `botocore ${version}, generated on ${new Date().toISOString().slice(0, 10)} by generate.ts`,
  partitions,
  enums,
  inputs,
};
const file = path.join(import.meta.dirname, "table.json");
writeFileSync(file, `${JSON.stringify(table, undefined, 2)}\n`);
console.log(`${file}: ${readFileSync(file).length} bytes`);
