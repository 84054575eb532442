/** The SSH servers of hosts that are folders: each at its planned address, refusing while there is no folder. */
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server as TcpServer } from "node:net";
import ssh2, { type AuthContext, type Connection, type ServerChannel } from "ssh2";
import type { FolderHost } from "./host";
import type { World } from "./world";

export class SshServers {
  readonly #servers: TcpServer[] = [];
  readonly #connections = new Set<Connection>();

  constructor(private readonly world: World) {}

  async listen(host: FolderHost, address: string, port: number): Promise<void> {
    const key = host.path("etc/ssh/host_key");
    const server = createServer((socket) => {
      if (!existsSync(key)) return void socket.destroy();
      new ssh2.Server({ hostKeys: [readFileSync(key)] }, (connection) => this.#serve(host, connection)).injectSocket(
        socket,
      );
    });
    this.#servers.push(server);
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, address, resolve));
  }

  close(): void {
    for (const connection of this.#connections) connection.end();
    for (const server of this.#servers) server.close();
  }

  #serve(host: FolderHost, connection: Connection): void {
    this.#connections.add(connection);
    connection.on("error", () => undefined).on("close", () => this.#connections.delete(connection));
    connection.on("authentication", (context) => {
      const allowed = context.username === "root" && hasKey(context, readFileSync(host.path("etc/ssh/authorized_key")));
      if (allowed) context.accept();
      else context.reject(["publickey"]);
    });
    connection.on("session", (accept) => {
      accept().on("exec", (acceptExec, _reject, { command }) => {
        const channel = acceptExec();
        const end = (code: number) => {
          channel.exit(code);
          channel.end();
        };
        this.world
          .run(host, command, () => inputOf(channel))
          .then(
            ({ code, stdout, stderr }) => {
              channel.write(stdout);
              channel.stderr.write(stderr);
              end(code);
            },
            (error: Error) => {
              channel.stderr.write(String(error.stack));
              end(1);
            },
          );
      });
    });
  }
}

function hasKey(context: AuthContext, authorized: Buffer): boolean {
  if (context.method !== "publickey") return false;
  const key = ssh2.utils.parseKey(authorized);
  if (key instanceof Error || !key.getPublicSSH().equals(context.key.data)) return false;
  return !context.signature || key.verify(context.blob as Buffer, context.signature, context.hashAlgo) === true;
}

/** By events: reading it as an iterable would close its other direction too. */
function inputOf(channel: ServerChannel): Promise<string> {
  return new Promise((resolve) => {
    let input = "";
    channel.setEncoding("utf8").on("data", (text: string) => {
      input += text;
    });
    channel.once("end", () => resolve(input));
  });
}
