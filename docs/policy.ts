/** Renders docs/policy.md from the rules of the policy pack. */
import type { Rule } from "../policy/rule";
import { families } from "../policy/rules";

const head = `# Policy

<!-- Rendered from policy/rules: \`npm run golden\`. -->

The rules that a cluster is held to, whatever program has planned it: they judge resources, not the program's own plan, so they bite when a
change of the program opens a port. \`policy/\` is a pack of Pulumi's (CrossGuard); each family of rules is a file of \`policy/rules/\`.

- **mandatory**: a preview fails, with all that was found; an update stops before the resource is touched.
- **advisory**: it is said, and nothing fails.

## Running it

\`kilonode preview\` and \`kilonode up\` run it by themselves, with both engines; \`--json\` has what was found under \`policy\`. With Pulumi alone:

\`\`\`sh
pulumi preview -s prod-a --policy-pack policy
pulumi up -s prod-a --policy-pack policy
\`\`\`

It needs no account of Pulumi's service, and no installation of its own: it uses the project's packages. \`kilonode destroy\` does not run it.

## When a rule judges

| rules on | see | judge |
|---|---|---|
| a resource | its inputs | in a preview and in an update, before it is touched |
| the stack | all resources that there will be, as last known | at the end of a preview, where nothing mandatory was found before; in an update when all is done, so a preview is what protects |
| steps | what a preview would do | in \`kilonode preview\` alone |

Pulumi shows a pack what there will be and not what goes. So rules on deletions and replacements (marked *steps*) are asked by \`kilonode
preview\` itself, of its own steps, and speak the same words; \`pulumi preview\` does not have them. What they are about is protected in the
state besides ([deletion-protection](#deletion-protection)), so that Pulumi refuses it.

What a preview does not know yet is judged as soon as it is: the content of a host (rules on etcd's settings, flags, versions, the host's own firewall)
once the host has its certificates, a policy of IAM once what it names has an ARN. In an update that is before either is put in place.

## Changing severities

In the stack's file, where a reviewer sees it; both engines read it there, and a name that is no rule's is an error:

\`\`\`yaml
config:
  policy:severities: {etcd-quota: advisory, required-tags: disabled}
\`\`\`

\`\`\`sh
pulumi config set --path 'policy:severities.etcd-quota' advisory -s prod-a
\`\`\`

## Adding a rule

A rule is an object in a file of \`policy/rules/\`: its name, severity, words, and a function from resources to problems. It knows nothing of
\`components/\`; what it needs of the world it has itself, with the source, but for what instance types have (config/instances.ts), which
would drift if it stood twice. test/unit/policy.test.ts wants each rule to bite once where something is planted, and to be silent on every stack of the repository.
`;

const cell = (text: string) => text.replaceAll("|", "\\|");

const row = ({ asks, kind, name, remedy, severity, why }: Rule) =>
  `| <a id="${name}"></a>\`${name}\` | ${severity} | ${kind === "resource" ? "a resource" : kind === "stack" ? "the stack" : "*steps*"} | ${cell(asks)} | ${cell(why)} | ${cell(remedy)} |`;

export function renderPolicy(): string {
  const tables = Object.entries(families).map(
    ([family, rules]) =>
      `\n## ${family}\n\n| rule | severity | judges | what | why | what to do |\n|---|---|---|---|---|---|\n${rules.map(row).join("\n")}\n`,
  );
  return `${head}${tables.join("")}`;
}
