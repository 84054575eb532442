/** Runs the real command against a stack made for a test or a benchmark. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parse, stringify } from "yaml";
import { ranges } from "./ranges";

export const project = resolve(__dirname, "../..");

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Config = Record<string, unknown>;

/** A stack derived from lab-small in the range of its name and a state folder of its own; its file is removed at the end. */
export class TestStack {
  readonly stateDir = mkdtempSync(join(tmpdir(), "kilonode-test-"));
  readonly file: string;
  readonly env: NodeJS.ProcessEnv;
  /** Where the command is: another copy of the project, at times. */
  from = project;

  constructor(
    readonly name: keyof typeof ranges,
    base = "lab-small",
  ) {
    this.file = join(project, `stacks/Pulumi.${name}.yaml`);
    const config = (parse(readFileSync(join(project, `stacks/Pulumi.${base}.yaml`), "utf8")) as { config: Config })
      .config;
    this.write({ ...config, "kilonode:network": { ...(config["kilonode:network"] as object), hosts: ranges[name] } });
    this.env = { ...process.env, KILONODE_STATE_DIR: this.stateDir, PULUMI_CONFIG_PASSPHRASE: "test", NO_COLOR: "1" };
  }

  /** The configuration as it is now, its keys without their namespace. */
  get configuration(): Config {
    return Object.fromEntries(
      Object.entries(this.read()).map(([key, value]) => [key.replace(/^kilonode:/, ""), value]),
    );
  }

  /** Changes keys of the configuration, ours given without their namespace; an object is merged into what is there. */
  configure(change: Config): void {
    const config = this.read();
    for (const [key, value] of Object.entries(change)) {
      const name = key.includes(":") ? key : `kilonode:${key}`;
      const before = config[name];
      const mergeable = typeof value === "object" && typeof before === "object" && !Array.isArray(value);
      config[name] = mergeable ? { ...before, ...value } : value;
    }
    this.write(config);
  }

  private read(): Config {
    return (parse(readFileSync(this.file, "utf8")) as { config: Config }).config;
  }

  private write(config: Config): void {
    writeFileSync(this.file, stringify({ config }));
  }

  get stateFile(): string {
    return join(this.stateDir, `${this.name}.json`);
  }

  /** @param command with the verb of one that has some: "etcd restore" */
  start(command: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): ChildProcess {
    return spawn(process.execPath, [join(this.from, "cli/kilonode.mjs"), ...command.split(" "), this.name, ...args], {
      cwd: this.from,
      env: { ...this.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
  }

  run(command: string, ...args: string[]): Promise<Ran> {
    return finished(this.start(command, args));
  }

  runWith(env: NodeJS.ProcessEnv, command: string, ...args: string[]): Promise<Ran> {
    return finished(this.start(command, args, env));
  }

  async json<T>(command: string, ...args: string[]): Promise<T> {
    const ran = await this.run(command, ...args, "--json");
    try {
      return JSON.parse(ran.stdout) as T;
    } catch {
      throw new Error(`kilonode ${command} --json printed no JSON (exit ${ran.code}):\n${ran.stdout}\n${ran.stderr}`);
    }
  }

  /** A command on a host, through `kilonode ssh`. */
  async ssh(host: string, command: string): Promise<string> {
    const ran = await this.run("ssh", `${this.name}-${host}`, "--", command);
    if (ran.code !== 0) throw new Error(`on ${host}: ${command}: exit ${ran.code}\n${ran.stdout}\n${ran.stderr}`);
    return ran.stdout;
  }

  remove(): void {
    rmSync(this.file, { force: true });
    rmSync(this.stateDir, { recursive: true, force: true });
  }

  get hasState(): boolean {
    return existsSync(this.stateFile);
  }
}

/** A command that must succeed, and how long it took. */
export async function timed(
  stack: TestStack,
  ...command: [string, ...string[]]
): Promise<Ran & { readonly seconds: string }> {
  const started = performance.now();
  const ran = await stack.run(...command);
  if (ran.code !== 0) throw new Error(`kilonode ${command.join(" ")}: exit ${ran.code}\n${ran.stdout}\n${ran.stderr}`);
  return { ...ran, seconds: ((performance.now() - started) / 1000).toFixed(1) };
}

export async function finished(child: ChildProcess): Promise<Ran> {
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, stdout, stderr };
}
