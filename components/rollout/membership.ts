/** Members of shards as resources, so that one which is not planned any more leaves when its turn has come. */
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { resourceNames } from "../resources";
import { programInputs, type RolloutArgs } from "./document";
import { program } from "./program";
import type { LeaveSpec } from "./spec";

/**
 * Each member of a shard, for as long as it is planned. An engine deletes last, when all rollouts are through: API servers have
 * stopped using the member by then. Its host goes after it. The last of the shard leaves first, one after the other.
 */
export function memberships(
  args: RolloutArgs,
  machines: readonly pulumi.Resource[],
  options: { readonly parent: pulumi.Resource; readonly deletedWith: pulumi.Resource },
): void {
  const { group, hostTimeoutSeconds } = args;
  const targets = pulumi.all(args.hosts.map(({ target }) => target));
  let before = [...machines];
  for (const { plan } of args.hosts) {
    const member = plan.name;
    const spec = targets.apply((hosts): LeaveSpec => ({ group, member, hosts, hostTimeoutSeconds }));
    const membership = new local.Command(
      resourceNames.membership(member),
      {
        create: "true",
        delete: `${program} leave`,
        ...programInputs(args.sshKey, spec),
        addPreviousOutputInEnv: false,
        logging: local.Logging.Stderr,
      },
      // With the whole cluster nobody leaves.
      { ...options, dependsOn: before },
    );
    before = [...before, membership];
  }
}
