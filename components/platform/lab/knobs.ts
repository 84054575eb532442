/** The lab's own knobs, and what it gives the common ones: once, instead of in each of its stacks. */
import { z } from "zod";
import type { ClusterSpec } from "../../../config/cluster";
import type { PlatformKnobs } from "../../../config/read";

const LabKnobs = z.strictObject({
  /** Nodes that kwok simulates, so that pods get scheduled and turn Running. Default 10. */
  simulatedNodes: z.int().min(0).max(15_000).default(10),
});

export type LabSpec = ClusterSpec<z.output<typeof LabKnobs>>;

export const labKnobs: PlatformKnobs = {
  own: LabKnobs,
  changes: {
    simulatedNodes: {
      to: "taken",
      why: "the simulator registers more nodes, or leaves some out; it is no master and no member",
    },
  },
  defaults: {
    // A lab is made to be thrown away.
    ephemeral: true,
    // Many hosts share a few cores: patient elections.
    etcd: { heartbeatMs: 500, electionMs: 5000 },
  },
  rules: [],
};
