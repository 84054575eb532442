/** How a command on a host ended, and what it printed. */
export interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export const answered = (stdout: string): Answer => ({ code: 0, stdout, stderr: "" });
export const failed = (stderr: string, code = 1): Answer => ({ code, stdout: "", stderr });
