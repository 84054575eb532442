import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, resolve } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FakeHost, sha256, with_ } from "./machine-fake-host";

const run = promisify(execFile);
const tool = { name: "tool", version: "1", sha256: sha256("tool") };

let host: FakeHost;
let url = "";
beforeEach(() => {
  host = new FakeHost();
  url = `file://${host.path("/bucket")}`;
});
afterEach(() => host.remove());

const inBucket = (key: string, text: string) => {
  mkdirSync(dirname(host.path(`/bucket/${key}`)), { recursive: true });
  writeFileSync(host.path(`/bucket/${key}`), text);
};
const wanting = (sum = tool.sha256) =>
  with_((machine) => {
    machine.store = { url };
    machine.binaries = { ...machine.binaries, "/usr/local/bin/tool": { ...tool, sha256: sum } };
  });

describe("binaries from a bucket", () => {
  test("are fetched when they are missing, by their sum, and put in place", () => {
    inBucket(`${tool.sha256}/tool`, "tool");
    host.converge(wanting());
    expect(host.read("/usr/local/bin/tool")).toBe("tool");
    expect(host.read(`/opt/kilonode/artifacts/${tool.sha256}/tool`)).toBe("tool");
  });

  test("of another sum are not kept", () => {
    inBucket(`${tool.sha256}/tool`, "another");
    expect(host.refused("stage", wanting())).toBe(
      `stage: tool 1 as the artifact store has it has another sum (${sha256("another").slice(0, 12)}..., wants ${tool.sha256.slice(0, 12)}...): ` +
        "it was not kept. Run `up` again, which uploads it",
    );
    expect(host.has(`/opt/kilonode/artifacts/${tool.sha256}/tool`)).toBe(false);
  });

  test("that the bucket does not have are told, and nothing is staged", () => {
    expect(host.refused("stage", wanting())).toContain(
      `the artifact store does not answer (${url}/${tool.sha256}/tool)`,
    );
    expect(host.has("/var/lib/kilonode/staged/machine.json")).toBe(false);
  });

  test("that nothing needs any more are removed; what is live stays until the next is", () => {
    inBucket(`${tool.sha256}/tool`, "tool");
    inBucket(`${sha256("newer")}/tool`, "newer");
    host.converge(wanting());
    const store = (text: string) => host.has(`/opt/kilonode/artifacts/${sha256(text)}`);
    host.ok("stage --generation 0", wanting(sha256("newer")));
    expect([store("tool"), store("newer")]).toEqual([true, true]);
    host.ok("activate");
    host.ok("stage --generation 0", wanting(sha256("newer")));
    expect([store("tool"), store("newer")]).toEqual([false, true]);
  });
});

describe("requests to S3", () => {
  const python = async (code: string, env: NodeJS.ProcessEnv = {}) => {
    const path = resolve("components/machine/files/usr/local/lib/kilonode");
    const words = ["-B", "-c", `import sys; sys.path.insert(0, ${JSON.stringify(path)})\n${code}`];
    return (await run("python3", words, { env: { ...process.env, ...env } })).stdout.trim();
  };

  test("are signed as in the example of S3's documentation", async () => {
    const printed = await python(`
import datetime
from machine_apply.bucket import signed
role = {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "Token": ""}
url = "https://examplebucket.s3.amazonaws.com/test.txt"
print(signed("GET", url, {"Range": "bytes=0-9"}, role, "us-east-1", datetime.datetime(2013, 5, 24))["Authorization"])`);
    expect(printed).toBe(
      "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request," +
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date," +
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    );
  });

  test("have the credentials of the host's role, which the metadata service gives to those with a token", async () => {
    const role = { AccessKeyId: "ASIA1", SecretAccessKey: "of-the-role", Token: "session" };
    const asked: string[] = [];
    const service = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      const token = request.headers["x-aws-ec2-metadata-token"];
      if (request.method === "PUT") response.end("a-token");
      else if (token !== "a-token") response.writeHead(401).end();
      else response.end(request.url?.endsWith("/") ? "etcd-role" : JSON.stringify({ ...role, Code: "Success" }));
    });
    await new Promise<void>((listening) => void service.listen(0, "127.0.0.1", listening));
    const { port } = service.address() as AddressInfo;
    try {
      const printed = await python(
        "import json\nfrom machine_apply.bucket import role_credentials\nprint(json.dumps(role_credentials()))",
        { AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://127.0.0.1:${port}` },
      );
      expect(JSON.parse(printed)).toEqual(role);
    } finally {
      service.close();
    }
    const path = "/latest/meta-data/iam/security-credentials/";
    expect(asked).toEqual(["PUT /latest/api/token", `GET ${path}`, `GET ${path}etcd-role`]);
  });
});
