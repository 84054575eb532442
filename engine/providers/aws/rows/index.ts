/** All resource types that a rehearsal knows, by type. */
import type { Row } from "../row";
import { buckets } from "./buckets";
import { endpoints } from "./endpoints";
import { identity } from "./identity";
import { instances } from "./instances";
import { loadBalancers } from "./load-balancers";
import { names } from "./names";
import { network } from "./network";
import { pools } from "./pools";
import { routes } from "./routes";
import { securityGroups } from "./security-groups";
import { targetGroups } from "./target-groups";
import { volumes } from "./volumes";

export const rows: Readonly<Record<string, Row>> = Object.fromEntries(
  [
    ...network,
    ...routes,
    ...endpoints,
    ...securityGroups,
    ...instances,
    ...pools,
    ...volumes,
    ...loadBalancers,
    ...targetGroups,
    ...names,
    ...identity,
    ...buckets,
  ].map((row) => [row.type, row]),
);
