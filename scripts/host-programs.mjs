// The programs of the repository that are not TypeScript, found by their first line.
import { execFileSync } from "node:child_process";
import { closeSync, openSync, readSync, statSync } from "node:fs";

function tracked() {
  return execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { encoding: "utf8" })
    .split("\0")
    .filter(
      (path) => path !== "" && !path.includes("conformance/") && statSync(path, { throwIfNoEntry: false })?.isFile(),
    );
}

function firstLine(path) {
  const descriptor = openSync(path, "r");
  try {
    const buffer = Buffer.alloc(80);
    return buffer.toString("utf8", 0, readSync(descriptor, buffer, 0, 80, 0)).split("\n")[0] ?? "";
  } finally {
    closeSync(descriptor);
  }
}

export const shellFiles = () =>
  tracked().filter((path) => path.endsWith(".sh") || /^#!.*\b(ba)?sh\b/.test(firstLine(path)));
export const pythonFiles = () =>
  tracked().filter((path) => path.endsWith(".py") || /^#!.*\bpython3?\b/.test(firstLine(path)));
