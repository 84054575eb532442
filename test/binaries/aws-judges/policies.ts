/**
 * Policies of roles and deployers as plain JSON, which parliament reads: an example in the place of what only AWS can say. It judges those
 * alone; policies of keys, buckets and trust, which it takes for the same, are cfn-lint's and checkov's.
 */
import type { Template, TemplateResource } from "./cloudformation";

const types = ["AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"];

/** By the logical id of their resource. */
export const policiesOf = (template: Template): [string, unknown][] =>
  Object.entries(template.Resources)
    .filter(([, { Type }]) => types.includes(Type))
    .map(([id, { Properties }]) => [id, plain(Properties.PolicyDocument, template)]);

function plain(value: unknown, template: Template): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((one) => plain(one, template));
  if ("Fn::GetAtt" in value) return arnOf(value["Fn::GetAtt"] as [string, string], template);
  if ("Fn::Sub" in value)
    return String(value["Fn::Sub"]).replace(/\$\{(\w+)\.(\w+)\}/g, (_, id, name) => arnOf([id, name], template));
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one, template)]));
}

const exampleArns: Readonly<Record<string, (properties: TemplateResource["Properties"]) => string>> = {
  "AWS::KMS::Key": () => "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000",
  "AWS::S3::Bucket": ({ BucketName }) => `arn:aws:s3:::${BucketName}`,
};

function arnOf([id, attribute]: readonly [string, string], { Resources }: Template): string {
  const found = Resources[id];
  const arn = found && exampleArns[found.Type]?.(found.Properties);
  if (attribute !== "Arn" || arn === undefined) throw new Error(`no example of ${attribute} of ${id}`);
  return arn;
}
