/** The operator's kubeconfig as a file. */
import { renameSync, writeFileSync } from "node:fs";
import { kubeconfigFile, makeStateDir } from "../stack/files";

/** Written beside and renamed: whoever reads it at this moment sees a whole one. */
export function writeKubeconfig(stack: string, text: string): string {
  makeStateDir();
  const file = kubeconfigFile(stack);
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, file);
  return file;
}
