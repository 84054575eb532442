/** The store of backups of a lab: the real server with the plan's settings and policies, the real restic with a member's. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chooseRetention } from "../../cli/etcd/retention/choose";
import { Repository } from "../../cli/etcd/retention/repository";
import { objectVersions } from "../../cli/etcd/retention/s3";
import { keeper } from "../../components/backup/plan";
import { ensureToolchain } from "../../toolchain/ensure";
import { ToolchainError } from "../../toolchain/errors";
import { Credentials } from "./support/credentials";
import { type PlacedHost, placeHost } from "./support/hosts";
import { firstOf, productionPlan } from "./support/plans";
import { type Ended, Program, run } from "./support/process";

const root = mkdtempSync(join(tmpdir(), "kilonode-backup-store-"));
const programs = "components/machine/files/usr/local/lib/kilonode";
const plan = productionPlan({ nodes: 100 });

/** Asks S3 as somebody, and prints the status and the code of an error, or what came. */
const asks = `
import configparser, datetime, re, ssl, sys, urllib.error, urllib.request
sys.path.insert(0, sys.argv[1])
from machine_apply.bucket import signed
authority, keys, method, url, body = sys.argv[2:]
found = configparser.ConfigParser()
found.read(keys)
role = {"AccessKeyId": found["default"]["aws_access_key_id"], "SecretAccessKey": found["default"]["aws_secret_access_key"], "Token": ""}
now = datetime.datetime.now(datetime.timezone.utc)
headers = signed(method, url, {}, role, "us-east-1", now, body.encode())
request = urllib.request.Request(url, data=body.encode() or None, headers=headers, method=method)
try:
    answer = urllib.request.urlopen(request, context=ssl.create_default_context(cafile=authority))
    print(answer.status, answer.read().decode())
except urllib.error.HTTPError as error:
    print(error.code, re.search("<Code>(.*)</Code>", error.read().decode()).group(1))
`;

let store: PlacedHost;
let main: PlacedHost;
let events: PlacedHost;
let restic = "";
let versitygw = "";
let server: Program | undefined;
let missing: string | undefined;

const url = (path: string) => `${store.environment("/etc/backup-store/store.env").STORE}/${path}`;
const s3 = async (keys: string, method: string, path: string, body = ""): Promise<string> => {
  const authority = store.at("/etc/backup-store/pki/backup-ca.crt");
  const { output } = await run("python3", ["-IS", "-c", asks, programs, authority, keys, method, url(path), body]);
  return output.trim();
};
const keysOf = (member: PlacedHost) => member.at("/etc/etcd/backup/credentials");
const rootKeys = () => {
  const [access, secret] = readFileSync(join(root, "root.env"), "utf8").match(/(?<==).*/g) ?? [];
  const file = join(root, "root-keys");
  writeFileSync(file, `[default]\naws_access_key_id = ${access}\naws_secret_access_key = ${secret}\n`);
  return file;
};
const runRestic = (member: PlacedHost, ...args: string[]): Promise<Ended> =>
  run(restic, args, {
    env: { ...member.environment("/etc/etcd/backup/backup.env"), RESTIC_CACHE_DIR: join(root, "cache") },
    timeoutMs: 120_000,
  });
/** As `kilonode etcd retain` opens the repository of main. */
function openAsKeeper(): Repository {
  const env = main.environment("/etc/etcd/backup/backup.env");
  const text = (name: string) => readFileSync(env[name] ?? "", "utf8");
  const users = JSON.parse(readFileSync(store.at("/etc/backup-store/users/users.json"), "utf8")) as {
    accessAccounts: Record<string, { secret: string }>;
  };
  return new Repository(restic, {
    shard: "main",
    repository: env.RESTIC_REPOSITORY ?? "",
    region: "us-east-1",
    password: text("RESTIC_PASSWORD_FILE").trim(),
    credentials: { accessKeyId: keeper, secretAccessKey: users.accessAccounts[keeper]?.secret ?? "" },
    authorityPem: text("RESTIC_CACERT"),
  });
}
const ok = ({ code, output }: Ended): string => {
  expect(code, output).toBe(0);
  return output;
};

/** As backup-store.service starts it. */
async function start(): Promise<void> {
  const settings = { ...store.environment("/etc/backup-store/store.env"), RUNTIME_DIRECTORY: root };
  const prepare = (verb: string, env: Record<string, string>) =>
    run("/usr/bin/python3", ["-IS", `${programs}/backup-store`, verb], { env });
  ok(await prepare("key", settings));
  const env = Object.fromEntries(
    readFileSync(join(root, "root.env"), "utf8")
      .trim()
      .split("\n")
      .map((line) => line.split("=", 2) as [string, string]),
  );
  server = new Program(versitygw, ["--quiet", "posix", store.at("/var/lib/backup-store/buckets")], {
    env: { ...settings, ...env },
  });
  ok(await prepare("buckets", { ...settings, ...env }));
}

beforeAll(async () => {
  try {
    const tools = await ensureToolchain({ binaries: ["restic", "versitygw"] });
    [restic, versitygw] = ["restic", "versitygw"].map((name) => tools.find((one) => one.name === name)?.path ?? "") as [
      string,
      string,
    ];
  } catch (error) {
    if (!(error instanceof ToolchainError && (error.kind === "go" || error.kind === "pin"))) throw error;
    missing = error.message.split("\n", 1)[0];
    return;
  }
  const credentials = await Credentials.make();
  const place = (group: string) => placeHost(firstOf(plan, group), join(root, group), credentials);
  [store, main, events] = [await place("backup-store"), await place("etcd-main"), await place("etcd-events")];
  await start();
}, 1_200_000);
afterAll(async () => {
  await server?.stop();
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
});

describe("the store of backups", () => {
  const folder = join(root, "data");
  let id = "";

  test("takes what restic puts into a shard's repository, and gives it back", async ({ skip }) => {
    if (missing) return skip(missing);
    mkdirSync(folder);
    writeFileSync(join(folder, "snapshot.db"), Buffer.alloc(3_000_000, "0123456789abcdef"));
    ok(await runRestic(main, "init"));
    ok(await runRestic(main, "backup", "--host", main.plan.name, folder));
    ok(await runRestic(main, "check", "--read-data"));
    const listed = JSON.parse(ok(await runRestic(main, "snapshots", "--json"))) as { id: string; hostname: string }[];
    expect(listed.map(({ hostname }) => hostname)).toEqual([main.plan.name]);
    id = listed[0]?.id ?? "";
    ok(await runRestic(main, "restore", id, "--target", join(root, "restored")));
    expect(readFileSync(join(root, "restored", folder, "snapshot.db"))).toEqual(
      readFileSync(join(folder, "snapshot.db")),
    );
  });

  test("lets a member delete nothing but locks", async ({ skip }) => {
    if (missing) return skip(missing);
    const keys = keysOf(main);
    expect(await s3(keys, "DELETE", `etcd-main/main/snapshots/${id}`)).toBe("403 AccessDenied");
    expect(await s3(keys, "DELETE", "etcd-main/main/config")).toBe("403 AccessDenied");
    expect(await s3(keys, "DELETE", "etcd-main")).toBe("403 AccessDenied");
    const forget = await runRestic(
      main,
      "forget",
      "--keep-last",
      "1",
      "--group-by",
      "",
      id,
      "--prune",
      "--retry-lock",
      "1s",
    );
    expect(forget.code, forget.output).not.toBe(0);
    expect(JSON.parse(ok(await runRestic(main, "snapshots", "--json")))).toHaveLength(1);
    expect(await s3(keys, "PUT", "etcd-main/main/locks/mine", "lock")).toMatch(/^200/);
    expect(await s3(keys, "DELETE", "etcd-main/main/locks/mine")).toMatch(/^204/);
    expect(await s3(keys, "GET", "etcd-main/main/locks/mine")).toBe("404 NoSuchKey");
  });

  test("keeps what is written over", async ({ skip }) => {
    if (missing) return skip(missing);
    const keys = keysOf(main);
    for (const text of ["first", "second"])
      expect(await s3(keys, "PUT", "etcd-main/main/data/same", text)).toMatch(/^200/);
    const versions = await s3(rootKeys(), "GET", "etcd-main?prefix=main%2Fdata%2Fsame&versions=");
    const ids = [...versions.matchAll(/<VersionId>(.*?)<\/VersionId>/g)].map(([, version]) => version ?? "");
    expect(ids).toHaveLength(2);
    const texts = ids.map((version) => s3(rootKeys(), "GET", `etcd-main/main/data/same?versionId=${version}`));
    expect((await Promise.all(texts)).sort()).toEqual(["200 first", "200 second"]);
    for (const version of ids)
      expect(await s3(keys, "DELETE", `etcd-main/main/data/same?versionId=${version}`)).toBe("403 AccessDenied");
  });

  test("shows a member nothing of another shard, and takes nothing from it there", async ({ skip }) => {
    if (missing) return skip(missing);
    const keys = keysOf(events);
    const asked = [
      ["GET", "etcd-main?list-type=2"],
      ["GET", "etcd-main/main/config"],
      ["PUT", "etcd-main/main/data/strange"],
      ["PUT", "etcd-main/events/data/strange"],
      ["DELETE", "etcd-main/main/locks/strange"],
      // Of its own bucket what is not below its folder.
      ["PUT", "etcd-events/main/strange"],
    ] as const;
    for (const [method, path] of asked)
      expect([method, path, await s3(keys, method, path, method === "PUT" ? "x" : "")]).toEqual([
        method,
        path,
        "403 AccessDenied",
      ]);
    expect((await runRestic(events, "snapshots")).code).not.toBe(0);
    ok(await runRestic(events, "init"));
  });

  test("lets no member change what holds it", async ({ skip }) => {
    if (missing) return skip(missing);
    const keys = keysOf(main);
    const versioning = "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
    expect(await s3(keys, "PUT", "etcd-main?versioning=", versioning)).toBe("403 AccessDenied");
    expect(await s3(keys, "DELETE", "etcd-main?policy=")).toBe("403 AccessDenied");
    expect(await s3(keys, "PUT", "another")).toMatch(/^403/);
    expect(await s3(keys, "PATCH", "list-users")).toMatch(/^403/);
  });

  test("lets the keeper forget and remove, who believes the store's clock; what a member lies about pushes nothing out", async ({
    skip,
  }) => {
    if (missing) return skip(missing);
    const tags = (at: Date) => `kilonode,takenAt=${at.toISOString().replace(/\.\d+/, "")}`;
    const write = async (text: string, at: Date, ...more: string[]) => {
      writeFileSync(join(folder, "snapshot.db"), text.repeat(10_000));
      const words = ["backup", "--json", "--tag", tags(at), ...more, folder];
      const printed = ok(await runRestic(main, ...words));
      const [, made = ""] = /"snapshot_id":"([0-9a-f]{64})"/.exec(printed) ?? [];
      return made;
    };
    mkdirSync(folder, { recursive: true });
    if (id === "") ok(await runRestic(main, "init"));
    const now = Date.now();
    const good = [
      await write("one", new Date(now)),
      await write("two", new Date(now)),
      await write("three", new Date(now)),
    ];
    const future = await write("future", new Date(now + 86_400_000), "--time", "2040-01-01 00:00:00");
    // The first one was made by hand, where a test before this one has made it.
    const first = id === "" ? [] : [id];
    const opened = openAsKeeper();
    try {
      const listed = await opened.snapshots();
      const seen = new Map(listed.map((one) => [one.id, one]));
      for (const made of [...good, future]) {
        expect(seen.get(made)).toMatchObject({ ours: true, versions: 1 });
        expect(Math.abs((seen.get(made)?.storedAt ?? 0) - Date.now())).toBeLessThan(60_000);
      }
      const rules = {
        keep: { hourly: 1, daily: 1, weekly: 1 },
        everyMinutes: 30,
        atMostPercent: 100,
        despiteMany: false,
        now: now + 3 * 86_400_000,
      };
      const found = chooseRetention(listed, rules);
      // The last one says that it is of the future.
      expect(found.suspects.map((one) => one.id).sort()).toEqual([...first, future].sort());
      expect(found.kept.has(good[2] ?? "")).toBe(true);
      expect([...found.forgotten].sort()).toEqual([good[0], good[1]].sort());
      // Its own policy would have kept the one of the future, and given up the good ones.
      const own = ["forget", "--dry-run", "--json", "--no-lock", "--keep-hourly", "1", "--group-by", ""];
      const dry = JSON.parse(ok(await runRestic(main, ...own))) as { remove: { id: string }[] | null }[];
      expect((dry[0]?.remove ?? []).map((one) => one.id)).toEqual(expect.arrayContaining(good));

      await opened.check();
      await opened.forget(found.forgotten);
      await opened.prune();
      expect((await opened.snapshots()).map((one) => one.id).sort()).toEqual([...first, good[2], future].sort());
      // A member goes on as before, and removes nothing still.
      ok(await runRestic(main, "check", "--read-data"));
      await write("four", new Date());
      expect(await s3(keysOf(main), "DELETE", `etcd-main/main/snapshots/${good[2]}`)).toBe("403 AccessDenied");

      // What is written over is seen. (versitygw dates what it was by that moment, S3 by its own: it is not forgotten either way.)
      expect(await s3(keysOf(main), "PUT", `etcd-main/main/snapshots/${good[2]}`, "garbage")).toMatch(/^200/);
      const place = opened.place();
      const versions = await objectVersions(place.bucket, `${place.folder}/snapshots/`);
      expect(versions.get(`main/snapshots/${good[2]}`)).toMatchObject({ versions: 2 });
      const path = `etcd-main/main/snapshots/${good[2]}`;
      const all = await s3(rootKeys(), "GET", `etcd-main?prefix=main%2Fsnapshots%2F${good[2]}&versions=`);
      const [latest = ""] = all.match(/<Version>(?:(?!<\/Version>)[\s\S])*<IsLatest>true[\s\S]*?<\/Version>/) ?? [];
      const [, version = ""] = /<VersionId>(.*?)<\/VersionId>/.exec(latest) ?? [];
      expect(await s3(rootKeys(), "DELETE", `${path}?versionId=${version}`)).toMatch(/^204/);
      ok(await runRestic(main, "snapshots", "--json"));
    } finally {
      opened.close();
    }
  });

  test("is the same after another start, with another root key", async ({ skip }) => {
    if (missing) return skip(missing);
    const before = readFileSync(rootKeys(), "utf8");
    await server?.stop();
    await start();
    expect(readFileSync(rootKeys(), "utf8")).not.toBe(before);
    ok(await runRestic(main, "snapshots", "--json"));
    expect(await s3(keysOf(main), "DELETE", "etcd-main/main/config")).toBe("403 AccessDenied");
  });
});
