/** A member whose clock is wrong. Only its wall clock: that it measures time differently is nothing that a clock does. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Fault } from "./fault";

const program = readFileSync(join(__dirname, "skew-clock"), "utf8");
const HOURS = 1;

export const clockAhead: Fault = {
  name: "clock-ahead",
  what: `the clock of the leader of shard main is ${HOURS} hour ahead`,
  seconds: 60,
  ridesThrough: true,
  async aim(lab) {
    const leader = await lab.leader();
    const skew = (seconds: number) =>
      lab.inside(leader, `python3 - "$(systemctl show --property=MainPID --value etcd)" ${seconds}`, program);
    return { hit: leader.name, inject: () => skew(HOURS * 3600), heal: () => skew(0) };
  },
};
