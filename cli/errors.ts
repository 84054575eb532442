/** How the command ends, and errors that are meant for a person. */
export const exitCodes = { done: 0, failed: 1, badConfiguration: 2, gateRefused: 3, interrupted: 130 } as const;

/** What the user reads without a stack trace; anything else that is thrown is a bug and shows where it comes from. */
export class CliError extends Error {
  constructor(
    message: string,
    readonly exitCode: number = exitCodes.failed,
  ) {
    super(message);
    this.name = "CliError";
  }
}

/** Errors of other parts that say all a user needs, by name: importing their classes would load half of the project. */
const spoken = new Set(["ConfigurationError", "ToolchainError", "SshError", "MachineNotReady"]);

export function exitCodeOf(error: unknown): number {
  if (error instanceof CliError) return error.exitCode;
  return error instanceof Error && error.name === "ConfigurationError" ? exitCodes.badConfiguration : exitCodes.failed;
}

/** The text for the standard error. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isSystem = "code" in error && typeof error.code === "string" && "syscall" in error;
  return error instanceof CliError || spoken.has(error.name) || isSystem
    ? error.message
    : (error.stack ?? error.message);
}
