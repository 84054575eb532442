/** Sessions on an SSH connection: opening one, its environment, starting and signalling its command. */
import type { Client, ClientChannel } from "ssh2";

/**
 * What is used of the library's insides (ssh2 1.17.0): its own `exec` sends the environment without asking whether the server
 * accepted it, and starts the command in any case. The real provider must know before the command starts.
 */
interface ClientInsides {
  readonly _chanMgr: { add(confirmed: OnOpen): number };
  readonly _protocol: {
    session(channel: number, window: number, packet: number): void;
    env(channel: number, name: string, value: string, wantReply: boolean): void;
    exec(channel: number, command: string, wantReply: boolean): void;
    signal(channel: number, name: string): void;
  };
}
interface ChannelInsides {
  readonly _callbacks: ((failed: boolean | Error) => void)[];
  readonly outgoing: { readonly id: number; readonly state: string };
  subtype: string;
}
type OnOpen = ((error: Error | undefined, channel?: ClientChannel) => void) & { type?: string };

/** The library's own sizes: as much as a command may print before it is read, and the largest packet. */
const WINDOW = 2 * 1024 * 1024;
const PACKET = 32 * 1024;

function insides(client: Client): ClientInsides {
  return client as unknown as ClientInsides;
}

/** Opens a session, in which nothing runs yet. */
export function openSession(client: Client): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    const opened: OnOpen = (error, channel) => {
      if (error !== undefined || channel === undefined) reject(error ?? new Error("no channel"));
      else resolve(channel);
    };
    opened.type = "session";
    const id = insides(client)._chanMgr.add(opened);
    if (id === -1) reject(new Error("no free channel"));
    else insides(client)._protocol.session(id, WINDOW, PACKET);
  });
}

function request(client: Client, channel: ClientChannel, send: (inside: ClientInsides, id: number) => void) {
  const chan = channel as unknown as ChannelInsides;
  return new Promise<boolean>((resolve, reject) => {
    if (chan.outgoing.state !== "open") {
      reject(new Error("EOF"));
      return;
    }
    chan._callbacks.push((failed) => (failed instanceof Error ? reject(failed) : resolve(!failed)));
    send(insides(client), chan.outgoing.id);
  });
}

/** Sets a variable for the session; false when the server does not accept it. */
export function setEnv(client: Client, channel: ClientChannel, name: string, value: string): Promise<boolean> {
  return request(client, channel, (inside, id) => inside._protocol.env(id, name, value, true));
}

/** Starts the command in the session. */
export async function startCommand(client: Client, channel: ClientChannel, command: string): Promise<void> {
  const started = request(client, channel, (inside, id) => inside._protocol.exec(id, command, true));
  (channel as unknown as ChannelInsides).subtype = "exec";
  if (!(await started)) throw new Error(`ssh: command ${command} failed`);
}

/**
 * Signals every command of the connection, with what it started, for an interruption.
 *
 * OpenSSH does not take SSH's own signal message in a session of root (session_signal_req, "requires privilege separation"), so
 * another session of the connection does it: all have the same server process as their parent. Once for each signal, since
 * all commands of a connection are interrupted together and some take a second SIGINT for impatience.
 */
export function signalCommands(client: Client, user: string, channel: ClientChannel, name: "INT" | "KILL"): void {
  if (user !== "root") {
    signalCommand(client, channel, name);
    return;
  }
  const sent = signalled.get(client) ?? new Set();
  signalled.set(client, sent);
  if (sent.has(name)) return;
  sent.add(name);
  const siblings = "$(cat /proc/$PPID/task/$PPID/children 2>/dev/null || ps -o pid= --ppid $PPID)";
  const script = `for p in ${siblings}; do [ "$p" = "$$" ] || kill -s ${name} -- "-$p"; done 2>/dev/null`;
  client.exec(script, (error, killer) => {
    if (error === undefined) killer.resume().on("error", () => {});
  });
}
const signalled = new WeakMap<Client, Set<string>>();

/** Signals one command. The library's own `signal` does nothing once the input has ended. */
export function signalCommand(client: Client, channel: ClientChannel, name: "INT" | "KILL"): void {
  const { outgoing } = channel as unknown as ChannelInsides;
  if (outgoing.state === "open" || outgoing.state === "eof") insides(client)._protocol.signal(outgoing.id, name);
}
