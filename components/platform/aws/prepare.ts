/** What is got ready before the first resource: the binaries that hosts will fetch, and a look at the instances that there are. */
import { randomBytes } from "node:crypto";
import { exitCodes, UserError } from "../../../config/errors";
import { defaultCacheDir, noteVerified } from "../../../toolchain/cache";
import { checkToolchain, ensureToolchain, isSound } from "../../../toolchain/ensure";
import { progressLine } from "../../../toolchain/progress";
import type { PreparationRun, Prepared } from "../module";
import { binariesOf } from "./artifacts";
import { machineProblems } from "./host-rules";
import { ec2, lacksCredentials, lookAtInstances, lookFailed } from "./look";
import { type AwsParts, awsParts } from "./parts";
import type { SeenInstance } from "./seen";

export interface PreparedAws extends Prepared {
  readonly parts: AwsParts;
  /** Binary to the file that is uploaded; in a preview some may be missing. */
  readonly files: ReadonlyMap<string, string>;
  readonly seen: readonly SeenInstance[];
  readonly newIncarnation: string;
}

export async function prepareAws(run: PreparationRun): Promise<PreparedAws> {
  const parts = awsParts(run.spec, run.plan);
  const problems = machineProblems(parts);
  if (problems.length > 0)
    throw new UserError("AWS would refuse this; nothing was touched", exitCodes.badConfiguration, problems);
  // Nothing is built before it is known that AWS answers.
  const seen = await look(parts, run);
  const tools = await binaries(run);
  return {
    parts,
    artifacts: new Map(tools.map(({ name, sha256 }) => [name, sha256])),
    files: new Map(tools.map(({ name, path }) => [name, path])),
    seen,
    newIncarnation: randomBytes(4).toString("hex"),
  };
}

async function look({ account, region, stack }: AwsParts, { change, say }: PreparationRun) {
  const client = ec2(region);
  try {
    return await lookAtInstances(client, { account, stack });
  } catch (error) {
    // Nobody was asked, and nothing will be made: a plan can be read without an account.
    if (change || !lacksCredentials(error)) throw lookFailed(error, region);
    say(`no credentials for AWS: nobody has looked at what exists in ${region}. This shows ${stack} as if nothing did`);
    return [];
  } finally {
    client.destroy();
  }
}

async function binaries({ change, plan, say, spec }: PreparationRun) {
  const cacheDir = defaultCacheDir(process.env);
  const { sha256, source } = spec.toolchain;
  const options = { binaries: binariesOf(plan), releases: plan.releases, cacheDir, source, sha256 };
  if (!change) return (await checkToolchain(options, true)).filter(isSound);
  const made = await ensureToolchain({
    ...options,
    onProgress: (event) => {
      const line = progressLine(event);
      if (line) say(line);
    },
  });
  await noteVerified(cacheDir, made);
  return made;
}
