/** The lab: every host of the plan as a systemd-nspawn machine on this Linux machine, with real systemd and sshd. */
import type { PlatformModule } from "../module";
import { hostPrinted, hostType } from "../printed";
import { labFacts } from "./facts";
import { labKnobs } from "./knobs";
import type { PreparedLab } from "./prepare";

/** Loaded when they are needed: the command plans and reads states without them. */
const preparation = () => require("./prepare") as typeof import("./prepare");
const placement = () => require("./place") as typeof import("./place");
const looks = () => require("./looks") as typeof import("./looks");

export const lab: PlatformModule<PreparedLab> = {
  knobs: labKnobs,
  rehearsal: {},
  facts: labFacts,
  prepare: (run) => preparation().prepareLab(run),
  place: (args) => placement().placeLab(args),
  madeHost: (resources, host) => hostPrinted(resources(hostType, host)),
  degradations: (spec) => looks().labDegradations(spec),
  endHost: (spec, host, owner) => looks().endLabHost(spec, host, owner),
  sweep: (spec, owner) => looks().sweepLab(spec, owner),
};
