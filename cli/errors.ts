/** How the command ends with an error. */
import { exitCodes, UserError } from "../config/errors";

export function exitCodeOf(error: unknown): number {
  return error instanceof UserError ? error.exitCode : exitCodes.failed;
}

/** The text for the standard error. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // A system error says enough in its message: "EACCES: permission denied, open ...".
  const isSystem = "code" in error && typeof error.code === "string" && "syscall" in error;
  return error instanceof UserError || isSystem ? error.message : (error.stack ?? error.message);
}
