/**
 * APIs of AWS for what a program asks beside its resources, through AWS's SDK, which finds them by AWS_ENDPOINT_URL_EC2 and
 * AWS_ENDPOINT_URL_SERVICE_QUOTAS.
 *
 * They listen on the loopback address, since the SDK knows no sockets of the file system. Another user of the machine would have to guess
 * the path, which is 32 random bytes and stands in the environment of our own processes alone.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Answer } from "./answer";
import { ApiError, refuse } from "./api-error";
import type { Cloud, Thing } from "./cloud";
import { answerEc2, ec2Failure } from "./ec2-api";
import type { Machines } from "./machines";
import { answerQuotas, quotasFailure } from "./quotas-api";

export interface ApiOptions {
  readonly cloud: Cloud;
  /** Default: that of each request. */
  readonly region?: string;
  /** What the console of an instance shows by now. Default: nothing. */
  readonly console?: (instance: Thing) => string | Promise<string>;
  /** What stands behind instances, and goes with them. */
  readonly machines?: Machines | undefined;
}

export interface AwsApi {
  /** For the environment of whoever asks. */
  readonly variables: Readonly<Record<"AWS_ENDPOINT_URL_EC2" | "AWS_ENDPOINT_URL_SERVICE_QUOTAS", string>>;
  close(): Promise<void>;
}

const LONGEST_BODY = 2 ** 20;

export async function serveAws(options: ApiOptions): Promise<AwsApi> {
  const secret = randomBytes(32).toString("hex");
  const server = createServer((request, response) => {
    void answer(options, secret, request).then(({ status, type, body }) => {
      response.writeHead(status, { "content-type": type }).end(body);
    });
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/${secret}`;
  return {
    variables: { AWS_ENDPOINT_URL_EC2: url, AWS_ENDPOINT_URL_SERVICE_QUOTAS: url },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(options: ApiOptions, secret: string, request: IncomingMessage): Promise<Answer> {
  const given = Buffer.from((request.url ?? "").split("/")[1] ?? "");
  const wanted = Buffer.from(secret);
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted))
    return { status: 404, type: "text/plain", body: "" };
  // By its protocol: AWS JSON names the operation in a header, EC2's in the body.
  const target = request.headers["x-amz-target"];
  const failure = target === undefined ? ec2Failure : quotasFailure;
  try {
    const body = await bodyOf(request);
    options.cloud.refresh();
    if (target !== undefined) return answerQuotas(String(target), body, options.cloud);
    return await answerEc2(body, { region: signedFor(request), console: () => "", ...options });
  } catch (error) {
    if (error instanceof ApiError) return failure(error.code, error.reason, 400);
    return failure("InternalError", (error as Error).message, 500);
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request) {
    length += (part as Buffer).length;
    if (length > LONGEST_BODY) refuse("RequestEntityTooLarge", `a request has at most ${LONGEST_BODY} bytes`);
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts).toString("utf8");
}

/** The region that a request was signed for. */
const signedFor = ({ headers: { authorization = "" } }: IncomingMessage): string =>
  /Credential=[^/]+\/\d+\/([a-z0-9-]+)\//.exec(authorization)?.[1] ?? "";
