/** Asks bench/linearizability, a program in Go that is compiled into the cache, what a history says. */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Catalogue } from "../../toolchain/catalogue";
import { ensureToolchain } from "../../toolchain/ensure";
import { sha256OfText } from "../../toolchain/hash";
import { asLines, type Operation } from "./history";

export interface Verdict {
  readonly verdict: "linearizable" | "not linearizable" | "unknown";
  /** In words; what does not fit, with what came before it. */
  readonly text: string;
}

const name = "linearizability";
const moduleDir = join(__dirname, "..", name);
const verdicts: Readonly<Record<number, Verdict["verdict"]>> = {
  0: "linearizable",
  1: "not linearizable",
  3: "unknown",
};

/** @returns the path of the program */
export async function ensureChecker(): Promise<string> {
  const sources = readdirSync(moduleDir).filter((file) => file.endsWith(".go"));
  const text = sources.sort().map((file) => readFileSync(join(moduleDir, file), "utf8"));
  // What is compiled from this repository has no other version.
  const version = sha256OfText(text.join("\n")).slice(0, 16);
  const release = { version, tags: [], variables: {} };
  const catalogue: Catalogue = [
    { name, product: name, release, module: "", goPackage: ".", download: { sha256: {} }, moduleDir },
  ];
  const [tool] = await ensureToolchain({ catalogue, binaries: [name], source: "gomod" });
  if (!tool) throw new Error("the checker was not made");
  return tool.path;
}

/** @param seconds then the verdict is "unknown" */
export async function judge(operations: readonly Operation[], seconds = 120): Promise<Verdict> {
  const checker = await ensureChecker();
  const folder = mkdtempSync(join(tmpdir(), "kilonode-history-"));
  try {
    const file = join(folder, "history.jsonl");
    writeFileSync(file, asLines(operations));
    return await verdictOf(checker, ["--seconds", String(seconds), file]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function verdictOf(checker: string, args: readonly string[]): Promise<Verdict> {
  return new Promise((resolve, reject) => {
    const child = spawn(checker, args, { stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    let errors = "";
    child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    child.once("error", reject);
    child.once("close", (code) => {
      const verdict = verdicts[code ?? -1];
      if (verdict) resolve({ verdict, text: text.trim() });
      else reject(new Error(`the checker ended with ${code}: ${errors || text}`));
    });
  });
}
