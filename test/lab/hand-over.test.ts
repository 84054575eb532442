/** The leadership of a real etcd shard moves under load, and no request of a client fails. Needs root for a network namespace. */
import { execFile, execFileSync } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import type { HandOverReport } from "../../bench/hand-over";
import { findEtcd } from "../../bench/lib/local-etcd";

const project = join(import.meta.dirname, "../..");
const binaries = await findEtcd();
const title = binaries ? "a hand-over" : "a hand-over (SKIPPED: no etcd in the artifact cache)";

describe.skipIf(!binaries)(title, () => {
  it("fails no request of 12 clients that write all the time", { timeout: 180_000 }, async () => {
    const bench = ["--import", "tsx", join(project, "bench/hand-over.ts"), "--rounds", "6", "--json"];
    const { stdout } = await promisify(execFile)(process.execPath, bench, { cwd: project });
    const { alone, held } = JSON.parse(stdout) as { alone: HandOverReport; held: HandOverReport };
    console.log(
      `failed requests in 6 hand-overs: ${sum(alone.failed)} with move-leader alone, ${sum(held.failed)} with clients held (longest wait ${held.longestWaitMs} ms)`,
    );
    expect(held).toMatchObject({ handOvers: 6, failed: {}, unheld: [] });
    expect(held.acknowledged).toBeGreaterThan(100);
  });
});

describe("hold-clients", () => {
  const program = join(project, "components/machine/files/usr/local/lib/kilonode/hold-clients");
  const inNamespace = (script: string) =>
    execFileSync("unshare", ["--net", "sh", "-euc", `ip link set lo up; ${script}`], {
      encoding: "utf8",
      env: { ...process.env, HOLD: program, PYTHON: connect },
    });
  const connect = `
import socket, sys
s = socket.socket(); s.settimeout(float(sys.argv[2])); s.bind((sys.argv[1], 0))
try: s.connect(("127.0.0.1", 2379)); print(sys.argv[1], "connected")
except TimeoutError: print(sys.argv[1], "waits")
`;
  const listen = `python3 -c 'import socket,time; s=socket.create_server(("127.0.0.1",2379)); time.sleep(60)' & trap "kill $!" EXIT; sleep 0.5; `;

  it("lets only the address through that it was told", () => {
    const said = inNamespace(
      `${listen} sh "$HOLD" hold 2379 15000 127.0.0.7 http://127.0.0.1:1/metrics
       python3 -c "$PYTHON" 127.0.0.7 0.3; python3 -c "$PYTHON" 127.0.0.8 0.3
       sh "$HOLD" release; python3 -c "$PYTHON" 127.0.0.8 0.3; nft list ruleset`,
    );
    expect(said.trim().split("\n")).toEqual(["127.0.0.7 connected", "127.0.0.8 waits", "127.0.0.8 connected"]);
  });

  it("ends by itself, when nobody releases", () => {
    const said = inNamespace(
      `${listen} sh "$HOLD" hold 2379 5000 127.0.0.7 http://127.0.0.1:1/metrics
       python3 -c "$PYTHON" 127.0.0.8 0.1; python3 -c "$PYTHON" 127.0.0.8 30`,
    );
    expect(said.trim().split("\n")).toEqual(["127.0.0.8 waits", "127.0.0.8 connected"]);
  });

  it("says how it is used", () => {
    expect(() => execFileSync("sh", [program, "hold"], { stdio: "pipe" })).toThrow(/hold-clients hold PORT/);
  });
});

const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((all, count) => all + count, 0);
