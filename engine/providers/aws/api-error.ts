/** What an AWS API refuses, by the code that it answers with, in the words of the real provider's messages. */
export class ApiError extends Error {
  constructor(
    readonly code: string,
    readonly reason: string,
    /** The real provider asks again. */
    readonly retried = false,
  ) {
    super(`api error ${code}: ${reason}`);
  }
}

export function refuse(code: string, reason: string): never {
  throw new ApiError(code, reason);
}
