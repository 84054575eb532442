/** The child processes of a run: the program, dynamic providers, policy packs. Each is a Node script of the SDK. */
import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import { createInterface } from "node:readline";
import { EngineError } from "../errors";
import { addressOf } from "./sockets";

const SOCKET = path.join(import.meta.dirname, "socket.cjs");
const ORPHAN = path.join(import.meta.dirname, "orphan.cjs");

export interface ChildOptions {
  readonly script: "run" | "dynamic-provider" | "run-policy-pack";
  readonly cwd: string;
  readonly nodeArgs: readonly string[];
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly onLine: (stream: "stdout" | "stderr", line: string) => void;
}

export interface Child {
  readonly process: ChildProcess;
  /** Exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>;
}

/** The SDK that the program itself uses, wherever it is installed. */
function scriptOf(script: string, cwd: string): string {
  const require = createRequire(path.join(cwd, "package.json"));
  try {
    return require.resolve(`@pulumi/pulumi/cmd/${script}`);
  } catch {
    throw new EngineError("project", `@pulumi/pulumi is not installed for ${cwd}; run npm ci in the project`);
  }
}

export function startChild({ script, cwd, nodeArgs, args, env, onLine }: ChildOptions): Child {
  const child = spawn(process.execPath, ["--require", SOCKET, ...nodeArgs, scriptOf(script, cwd), ...args], {
    cwd,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  createInterface({ input: child.stdout }).on("line", (line) => onLine("stdout", line));
  createInterface({ input: child.stderr }).on("line", (line) => onLine("stderr", line));
  const exited = new Promise<number | string>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(code ?? signal ?? 1));
  });
  exited.catch(() => undefined);
  return { process: child, exited };
}

export interface ServerOptions extends ChildOptions {
  /** The path that it listens on. */
  readonly socket: string;
}

/** Starts a child that listens: it prints a number, for a port, as its first line. */
export async function startServer(options: ServerOptions): Promise<Child & { readonly address: string }> {
  let child: Child | undefined;
  const messages: string[] = [];
  await new Promise<void>((resolve, reject) => {
    let known = false;
    child = startChild({
      ...options,
      nodeArgs: ["--require", ORPHAN, ...options.nodeArgs],
      env: { ...options.env, REHEARSAL_SOCKET: options.socket },
      onLine: (stream, line) => {
        if (!known && stream === "stdout" && /^\d+$/.test(line)) {
          known = true;
          resolve();
        } else {
          if (!known) messages.push(line);
          options.onLine(stream, line);
        }
      },
    });
    child.exited.then(
      (code) =>
        reject(
          new EngineError(
            "project",
            `@pulumi/pulumi/cmd/${options.script} in ${options.cwd} ended with ${code} before it was ready:\n${messages.join("\n")}`,
          ),
        ),
      reject,
    );
  });
  return { ...(child as Child), address: addressOf(options.socket) };
}

export async function stopChild(child: Child): Promise<void> {
  child.process.kill("SIGTERM");
  const timer = setTimeout(() => child.process.kill("SIGKILL"), 3000);
  await child.exited.catch(() => undefined);
  clearTimeout(timer);
}
