/** The platforms there are: the only place that names them. */

import type { PlatformKnobs } from "../../config/read";
import { aws } from "./aws";
import { lab } from "./lab";
import type { PlatformModule } from "./module";

/** By name, as `platform` of a stack's file says it. */
export type Platforms = Readonly<Record<string, PlatformModule>>;

export const platforms: Platforms = { aws, lab };

/** @param name has been checked with the rest of the configuration */
export function platformOf(all: Platforms, name: string): PlatformModule {
  const found = new Map(Object.entries(all)).get(name);
  if (!found) throw new Error(`there is no platform ${name}`);
  return found;
}

/** What all of them add to the configuration. */
export function platformKnobs(all: Platforms): Readonly<Record<string, PlatformKnobs>> {
  return Object.fromEntries(Object.entries(all).map(([name, { knobs }]) => [name, knobs]));
}
