/** Renders docs/changes.md from the decisions of the configuration and of the platforms. */
import { platforms } from "../components/platform/registry";
import { type KeyChange, keyChanges } from "../config/changes";

const head = `# What a cluster that exists does about a change

<!-- Rendered from config/changes.ts and the platforms' own knobs: \`npm run golden\`. -->

\`kilonode preview\` and \`kilonode up\` compare the configuration with what the cluster was made with. What it cannot become is refused
before anything is touched, with the way that there is; a plain \`pulumi up\` stops at the resource \`commitments\`.

- **taken**: \`up\` makes the change, every gate kept;
- **guided**: some steps are taken, any other is refused with the steps that lead there;
- **refused**: it is for a new cluster. An ephemeral stack gets one by \`kilonode recreate\`.

| key | a change is | because |
|---|---|---|
`;

export function renderChanges(): string {
  const own = Object.entries(platforms).flatMap(([name, { knobs }]) =>
    Object.entries(knobs.changes).map(([key, change]): [string, KeyChange] => [`${name}.${key}`, change]),
  );
  const rows = [...Object.entries(keyChanges), ...own].map(
    ([key, { to, why }]) => `| \`${key.replaceAll("*", "<name>")}\` | ${to} | ${why} |`,
  );
  return `${head}${rows.join("\n")}\n`;
}
