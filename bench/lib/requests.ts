/**
 * Requests to the API through the load balancer, as client-go makes them: HTTP/2, a new connection after GOAWAY, and told apart what
 * the server did not begin (a stream above GOAWAY's last one, or REFUSED_STREAM), which may be tried again.
 */
import http2 from "node:http2";
import type { OperatorAccess } from "./kubeconfig";

export class NotBegun extends Error {}

/** The server's answer, where it is not one of success. */
export class HttpError extends Error {
  constructor(
    readonly status: number,
    readonly text: string,
  ) {
    super(`HTTP ${status}: ${text.slice(0, 200)}`);
  }
}

export function connect({ server, ca, cert, key }: OperatorAccess): http2.ClientHttp2Session {
  const session = http2.connect(server, { ca, cert, key });
  // An error of the connection reaches its requests too.
  session.on("error", () => undefined);
  // After GOAWAY the streams under way end well; new ones need a new connection.
  session.on("goaway", () => session.close());
  return session;
}

export function request(
  session: http2.ClientHttp2Session,
  method: string,
  path: string,
  body?: string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { ":method": method, ":path": path, "content-type": "application/json" };
    // Otherwise a DELETE ends before its body, and with it its precondition.
    const stream = session.request(headers, { endStream: body === undefined });
    let status = 0;
    let text = "";
    stream.setEncoding("utf8");
    stream.setTimeout(60_000, () => stream.destroy(new Error("no answer within 60 s")));
    stream.on("response", (headers) => {
      status = Number(headers[":status"]);
    });
    stream.on("data", (chunk: string) => {
      text += chunk;
    });
    stream.on("error", (error: NodeJS.ErrnoException) => {
      const refused =
        stream.rstCode === http2.constants.NGHTTP2_REFUSED_STREAM ||
        error.code === "ERR_HTTP2_GOAWAY_SESSION" ||
        error.code === "ERR_HTTP2_INVALID_SESSION" ||
        error.code === "ECONNREFUSED";
      reject(refused && status === 0 ? new NotBegun() : error);
    });
    stream.on("close", () => {
      if (status >= 200 && status < 300) resolve(text);
      else if (status === 0) reject(new Error(`the stream ended without an answer (code ${stream.rstCode})`));
      // 429 with Retry-After is "come back", as shutdown-send-retry-after answers; client-go does.
      else if (status === 429) reject(new NotBegun());
      else reject(new HttpError(status, text));
    });
    if (body !== undefined) stream.end(body);
  });
}
