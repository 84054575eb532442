/**
 * The `command` package over pretended hosts: commands on hosts go to them, and the program's own programs (rollouts, turns, gates, the
 * reading of a host key) run in this process, from the same code, by a clock that nobody waits for. Everything else is the real provider.
 */
import { SshConnection } from "../../../../components/access/ssh";
import type { HostTarget } from "../../../../components/access/target";
import { checkGates } from "../../../../components/rollout/check";
import { credentialsFirst, RemoteCredentials } from "../../../../components/rollout/credentials";
import { Progress } from "../../../../components/rollout/gate/progress";
import { leaveGroup, rolloutGroup } from "../../../../components/rollout/group";
import { RemoteHosts } from "../../../../components/rollout/hosts/remote";
import { previousResult, resultOf } from "../../../../components/rollout/result";
import { readCheck, readLeave, readPrepare, readSpec, readTurn } from "../../../../components/rollout/schema";
import { takeTurn } from "../../../../components/rollout/turn";
import type { Provider, ResourceCall, Values } from "../../../../engine";
import { commandProvider } from "../../../../engine/providers/command";
import type { PretendedHosts } from "./hosts";

let hosts: PretendedHosts | undefined;
let time = 0;
const lines: string[] = [];

/** From here on all SSH of this process leads to these hosts, and rollouts do not wait. */
export function useHosts(pretended: PretendedHosts): void {
  hosts = pretended;
  SshConnection.prototype.run = async function (words) {
    return pretended.run(this.target, (this as unknown as { privateKey: string }).privateKey, words);
  };
  RemoteHosts.prototype.now = () => time;
  RemoteHosts.prototype.sleep = async (milliseconds) => {
    time += milliseconds;
    await new Promise((resolve) => setImmediate(resolve));
  };
}

/** What rollouts have said since it was asked last. */
export const said = (): string[] => lines.splice(0);

type Run = (call: ResourceCall, command: string, inputs: Values, previous: Values) => Promise<string> | undefined;

/** @param real by which everything else is done */
export function pretendedCommands(real: Provider = commandProvider()): Provider {
  const made = async (call: ResourceCall, command: unknown, inputs: Values, previous: Values) => {
    const running = typeof command === "string" ? runOf(call)(call, command, inputs, previous) : undefined;
    return running && { ...inputs, stdout: await running, stderr: "" };
  };
  return {
    check: (...args) => real.check?.(...args) as ReturnType<NonNullable<Provider["check"]>>,
    diff: (...args) => real.diff?.(...args) as ReturnType<NonNullable<Provider["diff"]>>,
    secretOutputs: (type) => real.secretOutputs?.(type) ?? [],
    close: async () => real.close?.(),
    async create(call, inputs) {
      const outputs = call.preview ? undefined : await made(call, inputs.create, inputs, {});
      return outputs ? { id: `${call.name}-made`, outputs } : real.create(call, inputs);
    },
    async update(call, id, oldInputs, oldOutputs, inputs) {
      const command = inputs.update ?? inputs.create;
      const outputs = call.preview ? undefined : await made(call, command, inputs, oldOutputs);
      if (outputs) return { outputs };
      return real.update?.(call, id, oldInputs, oldOutputs, inputs) as Promise<{ outputs: Values }>;
    },
    async delete(call, id, inputs, outputs) {
      if (!(await made(call, outputs.delete, outputs, outputs))) await real.delete?.(call, id, inputs, outputs);
    },
  };
}

const runOf = ({ type }: ResourceCall): Run => (type === "command:remote:Command" ? onHost : here);

const onHost: Run = async (_call, command, { connection, stdin }) => {
  const { host, hostKey, port, privateKey, user } = connection as Record<string, string>;
  const target = { address: host, hostKey, port: Number(port), user } as Omit<HostTarget, "name">;
  const words = [...command.matchAll(/(?:[^\s']|'[^']*')+/g)].map(([word]) => word.replaceAll("'", ""));
  const { code, stderr, stdout } = await pretended().run(target, privateKey ?? "", words, String(stdin ?? ""));
  if (code !== 0) throw new Error(`${command.slice(0, 200)}: exit ${code}: ${stderr}`);
  return stdout;
};

const here: Run = (call, command, inputs, previous) => {
  const environment = (inputs.environment ?? {}) as Record<string, string>;
  if (command.endsWith("exec read-host-key")) return readHostKey(environment);
  const [, verb] = /exec rollout ?(\w*)$/.exec(command) ?? [];
  if (verb === undefined) return undefined;
  return roll(verb, environment, String(inputs.stdin), previous.stdout as string | undefined, call.signal);
};

async function readHostKey({ ADDRESS: address, INSTANCE: instance = "" }: Record<string, string>): Promise<string> {
  return JSON.stringify({ instance, address, hostKey: pretended().showKey(instance) });
}

/** As main.ts of rollouts. */
async function roll(
  verb: string,
  { KILONODE_ROLLOUT: text = "", KILONODE_STAGED: staged }: Record<string, string>,
  key: string,
  previous: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const progressOf = (group: string) =>
    new Progress(
      group,
      (line) => lines.push(`${group}: ${line}`),
      () => signal.aborted,
    );
  switch (verb) {
    case "check":
      await checkGates(readCheck(text, staged), key, progressOf);
      return "";
    case "prepare": {
      const spec = readPrepare(text, staged);
      await checkGates(spec, key, progressOf);
      await credentialsFirst(spec, new RemoteCredentials(key, progressOf));
      return "";
    }
    case "turn": {
      const turn = readTurn(text, staged);
      await takeTurn(turn, key, progressOf(turn.group));
      return "";
    }
    case "leave": {
      const spec = readLeave(text);
      await leaveGroup(spec, key, progressOf(spec.group));
      return "";
    }
  }
  const spec = readSpec(text, staged);
  return `${JSON.stringify(resultOf(spec, await rolloutGroup(spec, key, progressOf(spec.group), previousResult(previous))))}\n`;
}

function pretended(): PretendedHosts {
  if (!hosts) throw new Error("no hosts are pretended");
  return hosts;
}
