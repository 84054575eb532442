/** What is got ready before the first resource: the binaries that hosts will fetch, and a look at what there is. */
import { randomBytes } from "node:crypto";
import { exitCodes, UserError } from "../../../config/errors";
import { defaultCacheDir, noteVerified } from "../../../toolchain/cache";
import { checkToolchain, ensureToolchain, isSound } from "../../../toolchain/ensure";
import { progressTo } from "../../../toolchain/progress";
import type { PreparationRun, Prepared } from "../module";
import { binariesOf } from "./artifacts";
import { machineProblems } from "./host-rules";
import { ec2, lacksCredentials, lookAtInstances, lookAtOffers, lookFailed, questions, type Unanswered } from "./look";
import { offerProblems, typesOf } from "./offers";
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
  // Nothing is built before it is known that AWS answers.
  const { offers, seen } = await look(parts, run);
  const problems = [...machineProblems(parts), ...(offers ? offerProblems(parts, seen, offers) : [])];
  if (problems.length > 0)
    throw new UserError("AWS would refuse this; nothing was touched", exitCodes.badConfiguration, problems);
  const tools = await binaries(run);
  return {
    parts,
    artifacts: new Map(tools.map(({ name, sha256 }) => [name, sha256])),
    files: new Map(tools.map(({ name, path }) => [name, path])),
    seen,
    newIncarnation: randomBytes(4).toString("hex"),
  };
}

/** Offers are undefined where nobody was asked. */
async function look(parts: AwsParts, { change, say }: PreparationRun) {
  const { account, region, stack } = parts;
  const client = ec2(region);
  const answers = await Promise.allSettled([
    lookAtInstances(client, { account, stack }),
    lookAtOffers(client, typesOf(parts)),
  ]);
  client.destroy();
  const [seen, offers] = answers;
  if (seen.status === "fulfilled" && offers.status === "fulfilled") return { seen: seen.value, offers: offers.value };
  const actions = [questions.instances, questions.offers];
  const unanswered = answers.flatMap((answer, index): Unanswered[] =>
    answer.status === "rejected" ? [{ action: actions[index] ?? "", error: answer.reason }] : [],
  );
  // A plan can be read without an account: nobody was asked, and nothing will be made.
  if (change || !unanswered.every(({ error }) => lacksCredentials(error)))
    throw lookFailed(unanswered as [Unanswered], region);
  say(
    `no credentials for AWS: nobody has looked at what exists in ${region}, nor whether its zones have the instances. This shows ${stack} as if nothing did`,
  );
  return { seen: [] };
}

async function binaries({ change, plan, say, spec }: PreparationRun) {
  const cacheDir = defaultCacheDir(process.env);
  const { sha256, source } = spec.toolchain;
  const options = { binaries: binariesOf(plan), releases: plan.releases, cacheDir, source, sha256 };
  if (!change) return (await checkToolchain(options, true)).filter(isSound);
  const made = await ensureToolchain({
    ...options,
    onProgress: progressTo(say),
  });
  await noteVerified(cacheDir, made);
  return made;
}
