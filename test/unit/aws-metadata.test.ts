import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const program = resolve(__dirname, "../../components/platform/aws/rehearsal/metadata");
const ttl = "X-aws-ec2-metadata-token-ttl-seconds";

const folder = mkdtempSync(join(tmpdir(), "kilonode-metadata-"));
let service: ChildProcess;
let base = "";

beforeAll(async () => {
  const port = await freePort();
  base = `http://127.0.0.1:${port}/latest`;
  service = spawn(program, [folder, "127.0.0.1", String(port)], { stdio: "ignore" });
  while ((await ask("/").catch(() => 0)) !== 401) await sleep(50);
});

afterAll(() => {
  service.kill();
  rmSync(folder, { recursive: true });
});

describe("the metadata service of a simulated instance", () => {
  test("answers nothing without a token, and gives none to a request that came through a proxy", async () => {
    expect(await ask("/meta-data/")).toBe(401);
    expect(await ask("/meta-data/", { "X-aws-ec2-metadata-token": "guessed" })).toBe(401);
    expect(await status("PUT", "/api/token", { [ttl]: "60", "X-Forwarded-For": "198.18.0.1" })).toBe(403);
    expect(await status("PUT", "/api/token", { [ttl]: "0" })).toBe(400);
    expect(await status("PUT", "/api/token", {})).toBe(400);
  });

  test("tells an instance, known by its address, what it is; a stranger nothing", async () => {
    const token = await (await fetch(`${base}/api/token`, { method: "PUT", headers: { [ttl]: "60" } })).text();
    const headers = { "X-aws-ec2-metadata-token": token };
    expect(await ask("/user-data", headers)).toBe(404);
    const metaData = { "instance-id": "i-1", placement: { region: "eu-central-1" } };
    writeFileSync(
      join(folder, "127.0.0.1.json"),
      JSON.stringify({ userData: "#cloud-config\n", metaData, document: { instanceId: "i-1" } }),
    );
    const text = async (path: string) => (await fetch(`${base}${path}`, { headers })).text();
    expect(await text("/user-data")).toBe("#cloud-config\n");
    expect(await text("/meta-data/")).toBe("instance-id\nplacement/");
    expect(await text("/meta-data/placement/region")).toBe("eu-central-1");
    expect(JSON.parse(await text("/dynamic/instance-identity/document"))).toEqual({ instanceId: "i-1" });
    expect(await ask("/meta-data/placement/zone", headers)).toBe(404);
    expect(await ask("/../../etc/passwd", headers)).toBe(404);
  });
});

const status = async (method: string, path: string, headers: Record<string, string>) =>
  (await fetch(`${base}${path}`, { method, headers })).status;
const ask = (path: string, headers: Record<string, string> = {}) => status("GET", path, headers);

function freePort(): Promise<number> {
  return new Promise((found) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => found(typeof address === "object" && address ? address.port : 0));
    });
  });
}
