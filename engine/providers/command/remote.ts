/**
 * `command:remote:Command`: a command on another machine, over SSH.
 *
 * Follows provider/pkg/provider/remote/commandOutputs.go of pulumi-command 1.2.1. On interruption the remote command is
 * signalled, which the real plugin does not do: it goes away and leaves the command to itself.
 */
import type { ClientChannel } from "ssh2";
import type { Values } from "../../values/value";
import { readConnection } from "./connection";
import { goQuote } from "./go-quote";
import { type Caller, previousOutput, stringMap } from "./local";
import { type Logging, Output, type Printed } from "./output";
import { openSession, setEnv, signalCommand, signalCommands, startCommand } from "./session";
import type { ConnectionPool, Lease } from "./ssh";

/** After an interruption a command has this long to end by itself. */
const GRACE_MS = 10_000;
/** What holds a stopped command's output open after this is not waited for. */
const DRAIN_MS = 1_000;

/** A session on a connection that answers: one that was kept and has died in the meantime is dialled again. */
export async function session<T>(
  pool: ConnectionPool,
  caller: Caller,
  properties: Values,
  open: (lease: Lease) => Promise<T>,
): Promise<{ lease: Lease; opened: T }> {
  const connection = readConnection(properties.connection);
  for (;;) {
    const lease = await pool.lease(connection, caller);
    let timer: NodeJS.Timeout | undefined;
    try {
      const opening = open(lease);
      const late = new Promise<never>((_, reject) => {
        const seconds = connection.perDialTimeout || 15;
        timer = setTimeout(() => reject(new Error(`no session within ${seconds} s`)), seconds * 1000);
      });
      return { lease, opened: await Promise.race([opening, late]) };
    } catch (error) {
      lease.release(true);
      caller.signal.throwIfAborted();
      if (!lease.reused) throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** What to write into the log when a variable is refused; the line breaks are those of the real provider. */
function refused(name: string): string {
  return (
    `Unable to set '${name}'. This only works if your SSH server is configured to accept\n` +
    "\tthese variables via AcceptEnv. Alternatively, if a Bash-like shell runs the command on the remote host, you could\n" +
    "\tprefix the command itself with the variables in the form 'VAR=value command'"
  );
}

async function sendEnvironment(
  caller: Caller,
  lease: Lease,
  channel: ClientChannel,
  properties: Values,
  previous: Values,
) {
  const required = Object.entries(stringMap(properties.environment));
  const optional = Object.entries(previousOutput(properties, previous));
  // All at once: the answers come in the order of the questions, one round trip in all.
  const accepted = await Promise.all(
    [...required, ...optional].map(([name, value]) => setEnv(lease.client, channel, name, value)),
  );
  for (const [i, [name]] of required.entries()) {
    if (accepted[i]) continue;
    caller.log("error", refused(name));
    throw new Error(`could not set environment variable ${goQuote(name)}: ssh: setenv failed`);
  }
  for (const [i, [name]] of optional.entries()) {
    if (!accepted[required.length + i]) caller.log("warning", refused(name));
  }
}

const SIGNALS: Record<string, number> = { HUP: 1, INT: 2, QUIT: 3, ABRT: 6, KILL: 9, SEGV: 11, PIPE: 13, TERM: 15 };

/** How Go's SSH package names a command's end. */
function endText(code: number | null | undefined, signal: string | undefined): string | undefined {
  if (code === 0) return undefined;
  if (typeof code === "number") return `Process exited with status ${code}`;
  if (signal === undefined) return "wait: remote command exited without exit status or exit signal";
  const name = signal.replace(/^SIG/, "");
  return `Process exited with status ${128 + (SIGNALS[name] ?? 0)} from signal ${name}`;
}

/** Runs `command` with the settings of a resource and the output of its previous run. */
export async function runRemote(
  pool: ConnectionPool,
  caller: Caller,
  command: string,
  properties: Values,
  previous: Values,
): Promise<Printed> {
  const { user } = readConnection(properties.connection);
  const { lease, opened: channel } = await session(pool, caller, properties, ({ client }) => openSession(client));
  const timers: NodeJS.Timeout[] = [];
  const after = (ms: number, act: () => void) => timers.push(setTimeout(act, ms));
  let stopping = false;
  let abandon = () => {};
  const stop = () => {
    if (stopping) return;
    stopping = true;
    signalCommands(lease.client, user, channel, "INT");
    after(GRACE_MS, () => {
      signalCommands(lease.client, user, channel, "KILL");
      after(DRAIN_MS, abandon);
    });
  };
  const output = new Output(
    properties.logging as Logging | undefined,
    (text) => caller.log("info", text),
    () => {
      // Its next write fails when the channel is closed.
      signalCommand(lease.client, channel, "INT");
      channel.close();
      abandon();
    },
  );
  const ended = new Promise<string | undefined>((resolve) => {
    let end: [number | null | undefined, string | undefined] = [undefined, undefined];
    abandon = () => resolve(endText(...end) ?? "interrupted");
    channel.on("data", (chunk: Buffer) => output.add("stdout", chunk));
    channel.stderr.on("data", (chunk: Buffer) => output.add("stderr", chunk));
    channel.on("error", () => {}); // A command need not read its input; a lost connection shows as a missing status.
    channel.once("exit", (code: number | null, signal?: string) => {
      end = [code, signal];
      // What the command started may hold its output open, out of reach of a signal.
      if (stopping) after(DRAIN_MS, abandon);
    });
    channel.once("close", () => resolve(endText(...end)));
  });
  try {
    await sendEnvironment(caller, lease, channel, properties, previous);
    caller.signal.throwIfAborted();
    await startCommand(lease.client, channel, command);
    caller.signal.addEventListener("abort", stop, { once: true });
    if (caller.signal.aborted) stop();
    channel.end(typeof properties.stdin === "string" ? properties.stdin : "");
    const failure = await ended;
    return output.result(command, failure);
  } finally {
    caller.signal.removeEventListener("abort", stop);
    timers.forEach(clearTimeout);
    channel.close();
    lease.release();
  }
}
