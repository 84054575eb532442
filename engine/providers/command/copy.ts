/**
 * `command:remote:CopyToRemote`: a text to a file of another machine, over SFTP.
 *
 * Follows provider/pkg/provider/remote/copyController.go of pulumi-command 1.2.1 for texts.
 */
import { posix } from "node:path";
import type { SFTPWrapper } from "ssh2";
import type { Values } from "../../values/value";
import type { Caller } from "./local";
import { session } from "./remote";
import type { ConnectionPool } from "./ssh";

/** SFTP status 2, SSH_FX_NO_SUCH_FILE. */
const NO_SUCH_FILE = 2;

type Kind = "file" | "directory" | undefined;
type Done = (error?: Error | null) => void;

function call(start: (done: Done) => void, what: string): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => (error ? reject(new Error(`${what}: ${error.message}`)) : resolve()));
  });
}

function remoteKind(sftp: SFTPWrapper, path: string): Promise<Kind> {
  return new Promise((resolve, reject) => {
    sftp.stat(path, (error, stats) => {
      if (error === undefined || error === null) resolve(stats.isDirectory() ? "directory" : "file");
      else if ((error as { code?: unknown }).code === NO_SUCH_FILE) resolve(undefined);
      else reject(new Error(`failed to stat remote path ${path}: ${error.message}`));
    });
  });
}

async function makeDirectory(sftp: SFTPWrapper, path: string): Promise<void> {
  const what = `failed to create parent directories for ${path}`;
  const kind = await remoteKind(sftp, path);
  if (kind === "directory") return;
  if (kind === "file") throw new Error(`${what}: not a directory`);
  await makeDirectory(sftp, posix.dirname(path));
  await call((done) => sftp.mkdir(path, done), what);
}

async function putText(sftp: SFTPWrapper, text: string, path: string): Promise<void> {
  if ((await remoteKind(sftp, path)) === "directory") {
    throw new Error(`remote path ${path} is a directory; when using a text asset, remotePath must be a file path`);
  }
  await makeDirectory(sftp, posix.dirname(path));
  await call((done) => sftp.writeFile(path, text, done), `failed to write to remote path ${path}`);
}

/** `properties` are checked: the source is a text. */
export async function copyToRemote(pool: ConnectionPool, caller: Caller, properties: Values): Promise<void> {
  const { lease, opened: sftp } = await session(pool, caller, properties, ({ client }) => {
    return new Promise<SFTPWrapper>((resolve, reject) => {
      client.sftp((error, wrapper) => (error ? reject(error) : resolve(wrapper)));
    });
  });
  const abort = () => sftp.end();
  caller.signal.addEventListener("abort", abort, { once: true });
  let lost: Error | undefined;
  sftp.on("error", (error: Error) => {
    lost = error;
  });
  try {
    const { text } = properties.source as { text: string };
    await putText(sftp, text, String(properties.remotePath));
    if (lost !== undefined) throw lost;
  } finally {
    caller.signal.removeEventListener("abort", abort);
    sftp.end();
    lease.release();
  }
}
