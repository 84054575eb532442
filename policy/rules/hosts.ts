/** Instances: what they tell others about themselves, and whether they are large enough. */
import { instanceNamed } from "../../config/instances";
import { at, type Resource, shown, textAt, unknown } from "../resource";
import type { Finding, Rule } from "../rule";
import type { Stack } from "../stack";

const instances =
  /^aws:ec2\/(instance:Instance|launchTemplate:LaunchTemplate|launchConfiguration:LaunchConfiguration)$/;

export const hostRules: readonly Rule[] = [
  {
    kind: "resource",
    name: "imdsv2",
    severity: "mandatory",
    of: instances,
    asks: "Instances give out their metadata for tokens alone (IMDSv2), and over one hop.",
    why: "Without a token whoever makes a host fetch a URL gets the credentials of its role; with more hops pods get them, too (AWS Foundational Security Best Practices, EC2.8; Amazon EKS best practices, identity).",
    remedy: 'set `metadataOptions` to `httpTokens: "required"` and `httpPutResponseHopLimit: 1`',
    judge: ({ name, props }) => {
      const {
        httpEndpoint,
        httpPutResponseHopLimit: hops = 1,
        httpTokens,
      } = (at(props, "metadataOptions") ?? {}) as Record<string, unknown>;
      if (httpEndpoint === "disabled" || props.metadataOptions === unknown) return [];
      return [
        ...(httpTokens === "required" || httpTokens === unknown
          ? []
          : [`${name} has httpTokens ${shown(httpTokens)}; "required" is allowed`]),
        ...(hops === 1 || hops === unknown ? [] : [`${name} has httpPutResponseHopLimit ${shown(hops)}; 1 is allowed`]),
      ];
    },
  },
  {
    kind: "resource",
    name: "user-data-without-secrets",
    severity: "mandatory",
    of: instances,
    asks: "No secret is in an instance's user-data.",
    why: "Everybody who may describe an instance reads it, and so does every process on it (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html).",
    remedy:
      "let the host make its keys itself, or bring the secret over the connection that is authenticated, as all content of hosts",
    judge: ({ name, props }) =>
      userDataOf(props).flatMap((text) =>
        secrets.flatMap(([what, pattern]) => (pattern.test(text) ? [`the user-data of ${name} holds ${what}`] : [])),
      ),
  },
  {
    kind: "stack",
    name: "instance-large-enough",
    severity: "mandatory",
    asks: "Members of shard main are as large as etcd's own table says for the number of nodes, those of other shards, which hold one kind of object, at least as its smallest row; all masters together are as large as upstream's one master.",
    why: "https://etcd.io/docs/v3.6/op-guide/hardware/ (no row above 3,000 nodes); kube-up's master sizes (kubernetes/kubernetes cluster/gce/config-common.sh). What a type has comes from EC2's DescribeInstanceTypes (config/instances.ts).",
    remedy: "take a larger type, or none: `kilonode scale` chooses one for the workload",
    judge: largeEnough,
  },
];

function userDataOf(props: Resource["props"]): string[] {
  return ["userData", "userDataBase64"].flatMap((key) => {
    const text = textAt(props, key);
    if (text === undefined) return [];
    const isBase64 = /^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(text);
    return [isBase64 ? Buffer.from(text, "base64").toString("utf8") : text];
  });
}

/** What it is is told; never the text itself. */
const secrets: readonly (readonly [string, RegExp])[] = [
  ["a private key", /-----BEGIN [A-Z ]*PRIVATE KEY-----/],
  ["an access key of AWS", /\b(AKIA|ASIA)[0-9A-Z]{16}\b|aws_secret_access_key/i],
  ["a bootstrap token of Kubernetes", /\b[a-z0-9]{6}\.[a-z0-9]{16}\b/],
  ["a signed token (JWT)", /\beyJ[\w-]{10,}\.eyJ/],
  // Not a variable, and not a switch such as "lock_passwd: true".
  [
    "a password or token",
    /(?<![\w-])(password|passwd|secret|token|api[_-]?key)["']?\s*[:=]\s*(?!["']?\$|true\b|false\b)\S/i,
  ],
];

type Row = readonly [nodes: number, vcpus: number, memoryGiB: number];

/** "Example hardware configurations": small, medium, large, xLarge. */
const etcdRows: readonly Row[] = [
  [50, 2, 8],
  [250, 4, 16],
  [1000, 8, 32],
  [3000, 16, 64],
];

/** Of one master; it gives no memory. */
const masterRows: readonly Row[] = [
  [5, 1, 0],
  [10, 2, 0],
  [100, 4, 0],
  [250, 8, 0],
  [500, 16, 0],
  [3000, 32, 0],
  [Number.POSITIVE_INFINITY, 64, 0],
];

const rowFor = (rows: readonly Row[], nodes: number): Row => rows.find(([most]) => nodes <= most) ?? rows.at(-1)!;

function largeEnough(resources: readonly Resource[], stack: Stack): Finding[] {
  const hosts = resources.filter(({ type }) => type === "aws:ec2/instance:Instance");
  const nodes = nodesOf(resources, stack);
  if (hosts.length === 0 || nodes === undefined) return [];
  const sized = hosts.map(({ name, props, urn }) => {
    const typeName = textAt(props, "instanceType");
    return { name, urn, typeName, type: instanceNamed(typeName ?? "") };
  });
  const strange = sized.filter(({ type }) => !type);
  const masters = sized.filter(({ name }) => /-master-\d+$/.test(name));
  const together = masters.reduce((sum, { type }) => sum + (type?.vcpus ?? 0), 0);
  const [, needed] = rowFor(masterRows, nodes);
  return [
    ...strange.map(({ name, typeName, urn }) => ({
      urn,
      problem: `${name} is of type ${shown(typeName)}, which is not in the catalogue of instances (config/instances.ts): nobody can tell whether it is large enough`,
    })),
    ...sized.flatMap(({ name, type, urn }) => {
      const shard = /-etcd-([a-z0-9]+)-\d+$/.exec(name)?.[1];
      // The table is of one etcd that holds everything.
      const [, vcpus, memoryGiB] = rowFor(etcdRows, shard === "main" ? nodes : 0);
      return !type || shard === undefined || (type.vcpus >= vcpus && type.memoryGiB >= memoryGiB)
        ? []
        : [
            {
              urn,
              problem: `${name} is ${type.name}, ${type.vcpus} vCPUs and ${type.memoryGiB} GiB; for shard ${shard} of ${nodes} nodes at least ${vcpus} and ${memoryGiB} are allowed`,
            },
          ];
    }),
    ...(masters.length === 0 || together >= needed || strange.length > 0
      ? []
      : [
          {
            problem: `all ${masters.length} masters together have ${together} vCPUs; for ${nodes} nodes at least ${needed} are allowed`,
          },
        ]),
  ];
}

/** As many as the file says, or as pools have. */
function nodesOf(resources: readonly Resource[], { nodes }: Stack): number | undefined {
  const pools = resources.filter(({ type }) => type === "aws:autoscaling/group:Group");
  const pooled = pools.reduce(
    (sum, { props }) => sum + (typeof props.desiredCapacity === "number" ? props.desiredCapacity : 0),
    0,
  );
  return nodes === undefined && pooled === 0 ? undefined : Math.max(nodes ?? 0, pooled);
}
