/** Whether zones have the instance types that hosts need: which do, AWS alone can tell. */
import { countOf } from "../../../config/errors";
import type { HostPlan } from "../../plan/types";
import { fingerprintOf, machineOf } from "./machine";
import type { AwsParts } from "./parts";
import type { SeenInstance } from "./seen";

/** An availability zone has instances of a type; not that there is one left. */
export interface Offer {
  readonly type: string;
  readonly availabilityZone: string;
}

type Parts = Pick<AwsParts, "knobs" | "plan" | "region" | "zones">;

/** All types that hosts have, each once. */
export const typesOf = (parts: Parts): string[] =>
  [...new Set(parts.plan.hosts.map((host) => machineOf(parts, host).instanceType))].sort();

/** Hosts whose instances are to be made, for the first time or anew. Those that run as planned stay. */
export function hostsToMake(parts: Parts, seen: readonly SeenInstance[]): HostPlan[] {
  return parts.plan.hosts.filter((host) => {
    const there = seen.find((one) => one.host === host.name);
    return !there?.runs || there.machine !== fingerprintOf(machineOf(parts, host));
  });
}

/** What cannot be made where it is planned. Hosts that run as planned stay, whatever is offered to others. */
export function offerProblems(parts: Parts, seen: readonly SeenInstance[], offers: readonly Offer[]): string[] {
  const toMake = hostsToMake(parts, seen);
  return parts.zones.flatMap(({ availabilityZone, name: zone }) =>
    typesOf(parts).flatMap((type) => {
      const hosts = toMake.filter((host) => host.zone === zone && machineOf(parts, host).instanceType === type);
      const zones = offers.filter((offer) => offer.type === type).map((offer) => offer.availabilityZone);
      const [first] = hosts;
      if (!first || zones.includes(availabilityZone)) return [];
      const free = zones.filter((one) => parts.zones.every((own) => own.availabilityZone !== one)).sort();
      const remedy =
        free.length > 0
          ? `${free.join(" or ")} has it: let \`aws.availabilityZones\` name that for zone ${zone}`
          : `no zone of ${parts.region} that is free has it: take another region`;
      return [
        `${availabilityZone} has no ${type}, which ${countOf(hosts, "host")} (${first.name}) of it need; ${remedy}`,
      ];
    }),
  );
}
