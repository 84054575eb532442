/**
 * Activates the staged hosts of one group: `components/rollout/rollout < key`, with the SSH private key on stdin, the document of
 * spec.ts in KILONODE_ROLLOUT and what is staged in KILONODE_STAGED. Progress on stderr, one stable JSON object on stdout. `check`
 * looks at gates, and takes snapshots where the release changes; `prepare` makes credentials live after that, `turn` prepares the change of a host's machine, `leave` takes a
 * member out of its shard.
 *
 * Exit: 0 done; 1 failed; 3 a gate refused to go on; 130 stopped on request. After each of them the same command goes on
 * from what is live.
 */
import { alone, onOrphaned } from "./alone";
import { checkGates } from "./check";
import { credentialsFirst, RemoteCredentials } from "./credentials";
import { Progress } from "./gate/progress";
import { GateRefused, Interrupted } from "./gate/refusal";
import { leaveGroup, rolloutGroup } from "./group";
import { previousResult, resultOf } from "./result";
import { readCheck, readLeave, readPrepare, readSpec, readTurn } from "./schema";
import { RemoteSnapshots, snapshotsFirst } from "./snapshots";
import { takeTurn } from "./turn";

const say = (line: string) => process.stderr.write(`${line}\n`);
// When the engine was killed nobody reads on: that must not cut a step short.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);

async function main(): Promise<number> {
  let group = "rollout";
  try {
    const { text, key } = inputsOf(await readStdin());
    if (process.argv[2] === "check") {
      group = "gates";
      const spec = readCheck(text, process.env.KILONODE_STAGED);
      await checkGates(spec, key, progressOf);
      await snapshotsFirst(spec, new RemoteSnapshots(key, progressOf));
      return 0;
    }
    if (process.argv[2] === "prepare") {
      group = "gates";
      const spec = readPrepare(text, process.env.KILONODE_STAGED);
      await checkGates(spec, key, progressOf);
      await snapshotsFirst(spec, new RemoteSnapshots(key, progressOf));
      await credentialsFirst(spec, new RemoteCredentials(key, progressOf));
      return 0;
    }
    if (process.argv[2] === "turn") {
      const turn = readTurn(text, process.env.KILONODE_STAGED);
      group = turn.group;
      await alone(turn, (line) => say(`${group}: ${line}`));
      await takeTurn(turn, key, progressOf(group));
      return 0;
    }
    if (process.argv[2] === "leave") {
      const spec = readLeave(text);
      group = spec.group;
      await alone(spec, (line) => say(`${group}: ${line}`));
      await leaveGroup(spec, key, progressOf(group));
      return 0;
    }
    const spec = readSpec(text, process.env.KILONODE_STAGED);
    group = spec.group;
    await alone(spec, (line) => say(`${group}: ${line}`));
    // Pulumi's command provider hands over the output of the last completed run (addPreviousOutputInEnv).
    const previous = previousResult(process.env.PULUMI_COMMAND_STDOUT);
    const fleet = await rolloutGroup(spec, key, progressOf(group), previous);
    process.stdout.write(`${JSON.stringify(resultOf(spec, fleet))}\n`);
    return 0;
  } catch (error) {
    return explain(error, group);
  }
}

/** The first signal lets the step under way come to its end; the second one does not wait. */
function progressOf(group: string): Progress {
  const start = performance.now();
  const report = (line: string) => say(`${((performance.now() - start) / 1000).toFixed(1)}s ${group}: ${line}`);
  let stopping = false;
  const stop = () => {
    if (stopping) process.exit(130);
    stopping = true;
    report("stopping after the step under way (again to stop at once)");
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  onOrphaned(() => stopping || stop());
  return new Progress(group, report, () => stopping);
}

function explain(error: unknown, group: string): number {
  if (error instanceof GateRefused) {
    say(`GATE REFUSED: ${error.message}`);
    say(`KILONODE-GATE ${JSON.stringify(error.refusal)}`);
    return 3;
  }
  if (error instanceof Interrupted) {
    say(`${error.message}; run the same command again: it goes on from there`);
    return 130;
  }
  say(`${group}: failed: ${error instanceof Error ? error.message : String(error)}`);
  say(`${group}: what is done is kept; when the cause is gone, run the same command again: it goes on from there`);
  return 1;
}

/**
 * A member whose resource an older version made, and which leaves before that was brought up to date, has the document on stdin and the
 * key in the environment.
 */
function inputsOf(stdin: string): { readonly text: string; readonly key: string } {
  const { KILONODE_ROLLOUT: text, KILONODE_SSH_KEY: oldKey } = process.env;
  if (text === undefined && oldKey) return { text: stdin, key: oldKey };
  if (!text) throw new Error("KILONODE_ROLLOUT is not set: it holds the document of the rollout");
  if (!stdin.trim()) throw new Error("nothing is on stdin: it wants the SSH private key for the hosts");
  return { text, key: stdin };
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

// A connection that lingers must not keep the process; output is flushed first.
main()
  .then((code) => process.stdout.write("", () => process.exit(code)))
  .catch((error: unknown) => {
    say(String(error));
    process.exit(1);
  });
