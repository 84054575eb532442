/** Hosts of a rehearsal: instances of the pretended account as hosts of the lab, on this machine. */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { UserError } from "../../../../config/errors";
import { defaultCacheDir } from "../../../../toolchain/cache";
import { ensureToolchain } from "../../../../toolchain/ensure";
import { progressTo } from "../../../../toolchain/progress";
import { isRoot, labPrefix, labScript } from "../../lab/looks";
import type { RehearsalRun } from "../../module";

const run = promisify(execFile);

/** Types that something stands behind: make-real. */
const real = [
  "aws:ec2/vpc:Vpc",
  "aws:ec2/instance:Instance",
  "aws:ebs/volume:Volume",
  "aws:lb/loadBalancer:LoadBalancer",
  "aws:lb/targetGroup:TargetGroup",
  "aws:lb/targetGroupAttachment:TargetGroupAttachment",
  "aws:lb/listener:Listener",
  "aws:s3/bucketObjectv2:BucketObjectv2",
  "aws:route53/record:Record",
];

/** @returns environment of the engine */
export async function prepareRehearsal({ plan, say, spec, stateFile }: RehearsalRun): Promise<Record<string, string>> {
  if (!isRoot() || process.platform !== "linux")
    throw new UserError(
      "a rehearsal on AWS makes its instances as hosts of this machine, which takes Linux and root: run it as root, or look with `kilonode preview`",
    );
  const env = {
    ...process.env,
    PREFIX: labPrefix(spec.stack),
    CIDR: plan.network.hosts,
    HOSTS: String(plan.hosts.length),
    MASTERS: String(plan.hosts.filter(({ role }) => role === "master").length),
    CLOUD: "true",
  };
  say("a rehearsal: AWS is pretended, instances are hosts of this machine");
  await run(labScript("lab-preflight"), ["--install"], { env });
  const { stdout } = await run(labScript("lab-root"), [], { env });
  const { root } = JSON.parse(stdout) as { root: string };
  const [bucket] = await ensureToolchain({
    releases: plan.releases,
    binaries: ["versitygw"],
    cacheDir: defaultCacheDir(process.env),
    onProgress: progressTo(say),
  });
  const file = `${stateFile}.aws.plan`;
  const machines = {
    program: join(__dirname, "make-real"),
    types: real,
    environment: { ROOT: root, VERSITYGW: bucket?.path ?? "" },
  };
  writeFileSync(file, JSON.stringify({ machines }), { mode: 0o600 });
  return { REHEARSAL_AWS: file };
}
