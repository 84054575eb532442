#!/usr/bin/env node
/**
 * Stands for the Pulumi CLI, as far as the command's engine asks it: one backend in FAKE_PULUMI, calls and signals written down there.
 * It is old enough to take a file for its events. As the real one (3.260.0), it writes a salt into a stack's file that has none.
 */
const { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");

const dir = process.env.FAKE_PULUMI;
const args = process.argv.slice(2).filter((word) => word !== "--non-interactive");
const option = (name) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined);
const backend = process.env.PULUMI_BACKEND_URL.replace("file://", "");
const read = (name, otherwise) =>
  existsSync(join(dir, name)) ? JSON.parse(readFileSync(join(dir, name), "utf8")) : otherwise;
const print = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const known = () =>
  existsSync(join(backend, "stacks")) ? readFileSync(join(backend, "stacks"), "utf8").split("\n").filter(Boolean) : [];
const event = (content) =>
  appendFileSync(option("--event-log"), `${JSON.stringify({ sequence: 0, timestamp: 0, ...content })}\n`);

function salt(stack) {
  const folder = existsSync("stacks") ? "stacks" : ".";
  const file = option("--config-file") ?? join(folder, `Pulumi.${stack}.yaml`);
  const text = readFileSync(file, "utf8");
  if (!text.includes("encryptionsalt:"))
    writeFileSync(file, `${text}encryptionsalt: v1:c2FsdA==:v1:bm9uY2U=:d29yZA==\n`);
}

function run() {
  salt(option("--stack"));
  event({ summaryEvent: { maybeCorrupt: false, durationSeconds: 0, resourceChanges: { same: 1 }, policyPacks: {} } });
  if (process.env.FAKE_WAITS) return waitForSignals();
  if (args[0] === "destroy")
    writeFileSync(join(dir, "export"), JSON.stringify({ version: 3, deployment: { resources: [] } }));
  return undefined;
}

/** Like the real one: the first ends it when what runs is done, the second at once. */
function waitForSignals() {
  const group = readFileSync("/proc/self/stat", "utf8").split(") ")[1].split(" ")[2];
  process.on("SIGINT", () => {
    appendFileSync(join(dir, "signals"), "SIGINT\n");
    const urn = "urn:pulumi:small::kilonode::command:local:Command::small-lb-1";
    setTimeout(
      () => {
        event({
          diagnosticEvent: { urn, message: 'signal: killed: running "sleep"', color: "never", severity: "error" },
        });
        process.stderr.write("error: update cancelled\n");
        process.exit(process.env.FAKE_WAITS === "stubborn" ? undefined : 1);
      },
      process.env.FAKE_WAITS === "stubborn" ? 600_000 : 1500,
    );
  });
  setTimeout(() => undefined, 600_000);
  writeFileSync(join(dir, "waiting"), `${process.pid} ${group}`);
}

const [verb, noun] = args;
if (verb === "version") process.stdout.write("v3.200.0\n");
else {
  appendFileSync(join(dir, "calls"), `${JSON.stringify({ args, cwd: process.cwd(), backend })}\n`);
  mkdirSync(backend, { recursive: true });
  if (verb !== "stack") run();
  else if (noun === "ls")
    print(known().map((name) => ({ name, current: false, updateInProgress: false, resourceCount: 1 })));
  else if (noun === "init") {
    appendFileSync(join(backend, "stacks"), `${option("--stack") ?? args[2]}\n`);
    salt(option("--stack") ?? args[2]);
  } else if (noun === "rm") rmSync(join(backend, "stacks"));
  else if (noun === "export") print(read("export", { version: 3, deployment: { resources: [] } }));
  else if (noun === "import") writeFileSync(join(dir, "export"), readFileSync(option("--file")));
  else if (noun === "history") print(read("history", []));
  else if (noun === "output") print({});
}
