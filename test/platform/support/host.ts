/** A host that is a folder: what its fake systemd and kubelet know, read and changed as files. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export class FolderHost {
  constructor(
    readonly name: string,
    readonly folder: string,
  ) {}

  path(path: string): string {
    return join(this.folder, path);
  }

  has(path: string): boolean {
    return existsSync(this.path(path));
  }

  /** An environment file as systemd reads it. */
  settings(path: string): ReadonlyMap<string, string> {
    const lines = this.has(path) ? readFileSync(this.path(path), "utf8").split("\n") : [];
    return new Map(
      lines.map((line) => [line.split("=")[0] ?? "", line.slice(line.indexOf("=") + 1).replaceAll('"', "")]),
    );
  }

  /** The services that were started and are not up yet. */
  get starting(): readonly string[] {
    return this.#marks().map((mark) => mark.replace(/\.(job|waiting)$/, ""));
  }

  /** The process is gone, and the new one not up yet: so systemd and crictl tell it. */
  begin(service: string): void {
    writeFileSync(this.path(`fake/${service}${service.endsWith(".service") ? ".job" : ".waiting"}`), "1\n");
  }

  finish(): void {
    for (const mark of this.#marks()) rmSync(this.path(`fake/${mark}`));
  }

  fail(unit: string): void {
    writeFileSync(this.path(`fake/${unit}.active`), "failed\n");
  }

  runsUnit(unit: string): boolean {
    const active = `fake/${unit}.active`;
    return this.has(active) && readFileSync(this.path(active), "utf8") === "active\n" && !this.has(`fake/${unit}.job`);
  }

  runsPod(name: string): boolean {
    return this.has(`etc/kubernetes/manifests/${name}.yaml`) && !this.has(`fake/${name}.waiting`);
  }

  #marks(): string[] {
    return this.has("fake") ? readdirSync(this.path("fake")).filter((name) => /\.(job|waiting)$/.test(name)) : [];
  }
}
