/** What is got ready before the first resource: the binaries that hosts will fetch, and a look at what there is. */
import { exitCodes, UserError } from "../../../config/errors";
import { defaultCacheDir, noteVerified } from "../../../toolchain/cache";
import { checkToolchain, ensureToolchain, isSound } from "../../../toolchain/ensure";
import { progressTo } from "../../../toolchain/progress";
import type { PreparationRun, Prepared } from "../module";
import { binariesOf } from "./artifacts";
import { ec2, lacksCredentials, lookAtInstances, lookAtOffers, lookFailed, questions, type Unanswered } from "./look";
import { lookAtAddresses, lookAtLimits, lookAtVcpus, lookAtVpcs, serviceQuotas } from "./look-quotas";
import { hostsToMake, type Offer, offerProblems, typesOf } from "./offers";
import { type AwsParts, awsParts } from "./parts";
import { quotaProblems, type Room } from "./quotas";
import { asReplaced } from "./replaced";
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
  const { offers, room, seen } = await look(parts, run);
  const problems = [...(offers ? offerProblems(parts, seen, offers) : []), ...(room ? quotaProblems(parts, room) : [])];
  if (problems.length > 0)
    throw new UserError("AWS would refuse this; nothing was touched", exitCodes.failed, problems);
  const tools = await binaries(run);
  return {
    parts,
    artifacts: new Map(tools.map(({ name, sha256 }) => [name, sha256])),
    files: new Map(tools.map(({ name, path }) => [name, path])),
    seen: asReplaced(seen, run.replaced),
    newIncarnation: run.newIncarnation,
  };
}

interface Looked {
  readonly seen: readonly SeenInstance[];
  /** Absent where nobody was asked. */
  readonly offers?: readonly Offer[];
  /** Absent where no host is to be made: then no update fails for it. */
  readonly room?: Room;
}

/** All questions at once, so that all rights that are missing are known at once. */
async function look(parts: AwsParts, { change, say }: PreparationRun): Promise<Looked> {
  const { account, region, stack } = parts;
  const [client, ofQuotas] = [ec2(region), serviceQuotas(region)];
  const unanswered: Unanswered[] = [];
  const ask = async <T>(action: string, answer: Promise<T>): Promise<T | undefined> => {
    try {
      return await answer;
    } catch (error) {
      unanswered.push({ action, error });
      return undefined;
    }
  };
  const [seen, offers, limits, vcpus, addresses, vpcs] = await Promise.all([
    ask(questions.instances, lookAtInstances(client, { account, stack })),
    ask(questions.offers, lookAtOffers(client, typesOf(parts))),
    ask(questions.limits, lookAtLimits(ofQuotas)),
    ask(questions.vcpus, lookAtVcpus(client, stack)),
    ask(questions.addresses, lookAtAddresses(client, stack)),
    ask(questions.vpcs, lookAtVpcs(client, { account, stack })),
  ]);
  client.destroy();
  ofQuotas.destroy();
  if (seen && offers && hostsToMake(parts, seen).length === 0) return { seen, offers };
  if (seen && offers && limits && vcpus && addresses && vpcs)
    return { seen, offers, room: { limits, used: { vcpus, addresses, vpcs } } };
  // A plan can be read without an account: nobody was asked, and nothing will be made.
  if (change || !unanswered.every(({ error }) => lacksCredentials(error)))
    throw lookFailed(unanswered.sort(asAsked) as [Unanswered, ...Unanswered[]], region);
  say(
    `no credentials for AWS: nobody has looked at what exists in ${region}, whether its zones have the instances, or whether quotas have room. This shows ${stack} as if nothing existed`,
  );
  return { seen: [] };
}

const asAsked = (a: Unanswered, b: Unanswered) => actions.indexOf(a.action) - actions.indexOf(b.action);
const actions: readonly string[] = Object.values(questions);

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
