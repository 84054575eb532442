/** All resource types that a rehearsal knows, by type. */
import type { Row } from "../row";
import { buckets } from "./buckets";
import { identity } from "./identity";
import { instances } from "./instances";
import { loadBalancers } from "./load-balancers";
import { names } from "./names";
import { network } from "./network";
import { pools } from "./pools";
import { securityGroups } from "./security-groups";
import { volumes } from "./volumes";

export const rows: Readonly<Record<string, Row>> = Object.fromEntries(
  [
    ...network,
    ...securityGroups,
    ...instances,
    ...pools,
    ...volumes,
    ...loadBalancers,
    ...names,
    ...identity,
    ...buckets,
  ].map((row) => [row.type, row]),
);
