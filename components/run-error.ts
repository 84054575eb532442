/** The bridge from the project's errors to Pulumi's. */
import * as pulumi from "@pulumi/pulumi";
import { UserError } from "../config/errors";

/** What a program or an `apply` throws instead of `error`: the SDK shows a stack trace with every error but this. */
export function runError(error: unknown): unknown {
  return error instanceof UserError ? new pulumi.RunError(error.message) : error;
}
