/**
 * `command:remote:CopyToRemote`: files to another machine, over SFTP.
 *
 * Follows provider/pkg/provider/remote/copyController.go of pulumi-command 1.2.1, for texts, files and directories.
 */
import { readdir, stat } from "node:fs/promises";
import { basename, join, posix } from "node:path";
import type { SFTPWrapper } from "ssh2";
import { isObject, type Values } from "../../values/value";
import type { Run } from "./local";
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

async function makeDirectory(sftp: SFTPWrapper, path: string, what = "remote directory"): Promise<void> {
  const kind = await remoteKind(sftp, path);
  if (kind === "directory") return;
  if (kind === "file") throw new Error(`failed to create ${what} ${path}: not a directory`);
  await makeDirectory(sftp, posix.dirname(path), what);
  await call((done) => sftp.mkdir(path, done), `failed to create ${what} ${path}`);
}

async function putText(sftp: SFTPWrapper, text: string, path: string): Promise<void> {
  const data = Buffer.from(text);
  const handle = await new Promise<Buffer>((resolve, reject) => {
    sftp.open(path, "w", (error, opened) =>
      error ? reject(new Error(`failed to create remote file ${path}: ${error.message}`)) : resolve(opened),
    );
  });
  try {
    if (data.length > 0) {
      await call((done) => sftp.write(handle, data, 0, data.length, 0, done), `failed to write to remote path ${path}`);
    }
  } finally {
    await call((done) => sftp.close(handle, done), `failed to close remote file ${path}`);
  }
}

async function putFile(sftp: SFTPWrapper, from: string, to: string): Promise<void> {
  await call((done) => sftp.fastPut(from, to, done), `failed to copy file ${from} to remote path ${to}`);
}

async function putDirectory(sftp: SFTPWrapper, from: string, to: string): Promise<void> {
  const kind = await remoteKind(sftp, to);
  if (kind === "file") throw new Error(`remote path ${to} exists but is not a directory`);
  if (kind === undefined) await makeDirectory(sftp, to);
  for (const entry of await readdir(from)) {
    const source = join(from, entry);
    if ((await stat(source)).isDirectory()) await putDirectory(sftp, source, posix.join(to, entry));
    else await putFile(sftp, source, posix.join(to, entry));
  }
}

/** A path into a path: `dir` is copied as a whole, `dir/` only what is in it; a file into a directory keeps its name. */
async function putPath(sftp: SFTPWrapper, from: string, to: string): Promise<void> {
  const kind = await remoteKind(sftp, to);
  if ((await stat(from)).isDirectory()) {
    if (kind === undefined) await makeDirectory(sftp, to);
    await putDirectory(sftp, from, from.endsWith("/") ? to : posix.join(to, basename(from)));
    return;
  }
  if (kind === undefined) await makeDirectory(sftp, posix.dirname(to), "parent directories for");
  await putFile(sftp, from, kind === "directory" ? posix.join(to, basename(from)) : to);
}

async function put(sftp: SFTPWrapper, source: Values, to: string): Promise<void> {
  if (typeof source.text === "string") {
    if ((await remoteKind(sftp, to)) === "directory") {
      throw new Error(`remote path ${to} is a directory; when using a text asset, remotePath must be a file path`);
    }
    await makeDirectory(sftp, posix.dirname(to), "parent directories for");
    await putText(sftp, source.text, to);
  } else if (typeof source.path === "string") {
    await putPath(sftp, source.path, to);
  } else if (isObject(source.assets)) {
    await makeDirectory(sftp, to);
    for (const [name, item] of Object.entries(source.assets)) {
      const path = posix.join(to, name);
      await makeDirectory(sftp, posix.dirname(path), "parent directories for");
      await put(sftp, item as Values, path);
    }
  } else {
    throw new Error("source is neither a text, a path nor a set of assets: others are not supported in a rehearsal");
  }
}

export async function copyToRemote(pool: ConnectionPool, run: Run, properties: Values): Promise<void> {
  const { lease, opened: sftp } = await session(pool, run, properties, ({ client }) => {
    return new Promise<SFTPWrapper>((resolve, reject) => {
      client.sftp((error, wrapper) => (error ? reject(error) : resolve(wrapper)));
    });
  });
  const abort = () => sftp.end();
  run.signal.addEventListener("abort", abort, { once: true });
  let lost: Error | undefined;
  sftp.on("error", (error: Error) => {
    lost = error;
  });
  try {
    await put(sftp, properties.source as Values, String(properties.remotePath));
    if (lost !== undefined) throw lost;
  } finally {
    run.signal.removeEventListener("abort", abort);
    sftp.end();
    lease.release();
  }
}
