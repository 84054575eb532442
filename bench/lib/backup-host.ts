/** The host of a real member, as far as `etcd-backup` needs one: its settings in a folder, and a repository of restic in another. */
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { hostText } from "../../components/machine/host-files";
import { tools } from "../../components/machine/host-programs";
import { lowest, type Taken, taken } from "../../components/rollout/etcd/backup";

const program = resolve(__dirname, `../../components/machine/files${tools}/etcd-backup`);

/** What a program and its children have used: CPU seconds, and bytes that went to a file system. */
export interface Usage {
  readonly cpuSeconds: number;
  readonly writtenBytes: number;
}

/** Runs a program and says, as the last line, what it and its children have used. */
const measured = `
import json, resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"cpuSeconds": used.ru_utime + used.ru_stime, "writtenBytes": used.ru_oublock * 512}))
sys.exit(code)
`;

export class BackupHost {
  readonly repository: string;

  /** @param url of the member's clients. @param paths of etcdctl, etcdutl and restic. @param repository a folder of its own each */
  constructor(
    readonly root: string,
    name: string,
    url: string,
    readonly paths: readonly string[],
    repository = "repository",
  ) {
    this.repository = join(root, repository);
    const write = (path: string, text: string) => {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text, { mode: 0o600 });
    };
    write("password", "of a benchmark");
    write(
      "/etc/etcd/backup/backup.env",
      [
        "KILONODE_SHARD=main",
        "KILONODE_BACKUP_MINUTES=30",
        `RESTIC_REPOSITORY=${this.repository}`,
        `RESTIC_PASSWORD_FILE=${join(root, "password")}`,
        `RESTIC_CACHE_DIR=${this.repository}.cache`,
      ].join("\n"),
    );
    write("/etc/etcd/etcdctl.env", `ETCDCTL_ENDPOINTS=${url}\n`);
    write("/etc/etcd/etcd.env", `ETCD_NAME=${name}\n`);
    const look = `${tools}/etcd-look`;
    write(look, hostText(look).replaceAll("/etc/etcd/etcdctl.env", join(root, "etc/etcd/etcdctl.env")));
    chmodSync(join(root, look), 0o755);
  }

  /** As the unit does it: at the lowest priority. */
  async take(): Promise<Taken & Usage> {
    const words = [...lowest, program, "--root", this.root, "take", "--now"];
    const folders = [...this.paths.map(dirname), "/usr/local/bin", "/usr/bin", "/bin"];
    const child = spawn("python3", ["-c", measured, ...words], {
      env: { PATH: folders.join(":") },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (text) => (stdout += text));
    child.stderr.on("data", (text) => (stderr += text));
    const code = await new Promise((end) => child.once("close", end));
    const [answer = "", usage = ""] = stdout.trim().split("\n");
    if (code !== 0) throw new Error(`etcd-backup ended with ${code}: ${stderr.trim().split("\n").at(-1)}`);
    return { ...taken.parse(JSON.parse(answer)), ...(JSON.parse(usage) as Usage) };
  }

  get repositoryBytes(): number {
    return bytesBelow(this.repository);
  }
}

function bytesBelow(folder: string): number {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}
