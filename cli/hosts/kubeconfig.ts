/** Kubeconfigs for people: issued anew whenever one is asked for, and as a file. */
import { renameSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import type { IssuedKubeconfig, Role } from "../../components/pki/operator-access";
import { UserError } from "../../config/errors";
import type { CheckedStack } from "../stack/configuration";
import { kubeconfigFiles, makeStateDir } from "../stack/files";
import type { Known } from "./known";

interface Access extends Pick<Known, "access" | "accessLacks" | "operatorsBound"> {
  readonly checked: Pick<CheckedStack, "stack">;
}

/** @throws UserError with what there has to be first */
export async function issuedFor(cluster: Access, role: Role): Promise<IssuedKubeconfig> {
  const { access, checked } = cluster;
  if (!access)
    throw new UserError(`the kubeconfig of stack ${checked.stack} cannot be made yet: ${accessLack(cluster)}`);
  const { issueKubeconfig } =
    require("../../components/pki/operator-access") as typeof import("../../components/pki/operator-access");
  return await issueKubeconfig(access, role, person(), new Date());
}

/** Why the API cannot be asked as an operator yet. */
export function accessLack({ checked, accessLacks, operatorsBound }: Access): string | undefined {
  const { stack } = checked;
  if (accessLacks.length > 0)
    return `the state does not hold ${accessLacks.join(" and ")}; run \`kilonode up ${stack}\`, which goes on from what there is`;
  if (!operatorsBound)
    return `the API was not told yet what operators may do, and refuses them; run \`kilonode up ${stack}\`, or take \`kilonode kubeconfig ${stack} --break-glass\``;
  return undefined;
}

/** Who it is on this machine. */
function person(): string {
  try {
    return userInfo().username;
  } catch {
    // A container's user often has no name.
    return String(process.getuid?.() ?? "unknown");
  }
}

/** Written beside and renamed: whoever reads it at this moment sees a whole one. */
export function writeKubeconfig(stack: string, role: Role, text: string): string {
  makeStateDir();
  const file = kubeconfigFiles(stack)[role];
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, file);
  return file;
}
