/** Holds a cluster to what it is: everything else of the program comes after this. */
import { local } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import { commitmentsOf } from "./plan/commitments";
import type { ClusterPlan } from "./plan/types";
import { resourceNames } from "./resources";

/** Fails an update that the cluster cannot take (see plan/commitments.ts), with nothing touched. */
export function commitments(plan: ClusterPlan): pulumi.Resource {
  return new local.Command(
    resourceNames.commitments,
    {
      // Of a cluster that does not exist nothing is asked.
      create: `printf '%s' "$COMMITMENTS"`,
      update: 'PATH="components/plan:../components/plan:$PATH" commit',
      environment: { COMMITMENTS: JSON.stringify(commitmentsOf(plan)) },
      addPreviousOutputInEnv: true,
      logging: local.Logging.Stderr,
    },
    // They hold for the data that a destroy keeps.
    { protect: !plan.ephemeral },
  );
}
