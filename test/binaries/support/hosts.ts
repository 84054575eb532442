/** A host of the plan as a folder: its files, certificates and secrets where the plan has them, below a root of its own. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { HostPlan } from "../../../components/plan/types";
import type { Credentials } from "./credentials";
import { secretOf } from "./secrets";

export interface PlacedHost {
  readonly plan: HostPlan;
  /** Where a path of the host is. */
  readonly at: (path: string) => string;
  /** A text of the host, as placed. */
  readonly text: (path: string) => string;
  /** Lines of a file of flags. */
  readonly flags: (path: string) => string[];
  /** Variables of an environment file. */
  readonly environment: (path: string) => Record<string, string>;
}

/** The host's own folders; what a text says of them is said of the same folders below the root. Nothing else is changed. */
const folders = /(?<![\w./-])\/(?:etc|run|var\/lib|var\/log)\/(?=[a-z])/g;

export async function placeHost(plan: HostPlan, root: string, credentials: Credentials): Promise<PlacedHost> {
  const at = (path: string) => join(root, path);
  const write = (path: string, content: string) => {
    mkdirSync(dirname(at(path)), { recursive: true });
    writeFileSync(at(path), content, { mode: 0o600 });
  };
  const { machine } = plan;
  for (const path of Object.keys(machine.directories)) mkdirSync(at(path), { recursive: true, mode: 0o700 });
  for (const volume of machine.volumes) mkdirSync(at(volume.mount), { recursive: true, mode: 0o700 });
  for (const [path, file] of Object.entries(machine.files))
    write(
      path,
      file.content.replace(folders, (found) => `${root}${found}`),
    );
  for (const certificate of plan.certificates) {
    const { cert, key } = await credentials.issue(certificate);
    write(certificate.certPath, cert);
    write(certificate.keyPath, key);
  }
  for (const [path, pem] of Object.entries(plan.pem)) write(path, await credentials.publicPem(pem));
  for (const [path, { secret }] of Object.entries(plan.secrets))
    write(path, secret === "service-account-key" ? await credentials.serviceAccountKey() : await secretOf(secret));
  const text = (path: string) => readFileSync(at(path), "utf8");
  const lines = (path: string) =>
    text(path)
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
  return {
    plan,
    at,
    text,
    flags: lines,
    environment: (path) => Object.fromEntries(lines(path).map((line) => line.split(/=(.*)/s, 2) as [string, string])),
  };
}
