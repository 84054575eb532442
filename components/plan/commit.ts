/** See `commit`: the comparison of two plans as a command, so that it stops an update before anything else begins. */
import { changeProblems, committed, readCommitments } from "./commitments";

const after = readCommitments(process.env.COMMITMENTS);
if (!after) throw new Error("COMMITMENTS is not set: it holds what the cluster is to become");
// Pulumi's command provider hands over the output of the last completed run (addPreviousOutputInEnv).
const before = readCommitments(process.env.PULUMI_COMMAND_STDOUT);
const problems = before ? changeProblems(before, after) : [];
if (problems.length > 0) {
  process.stderr.write(`this cluster cannot become what its configuration says; nothing was touched\n`);
  for (const problem of problems) process.stderr.write(`  - ${problem}\n`);
  process.exitCode = 2;
} else process.stdout.write(JSON.stringify(before ? committed(before, after) : after));
