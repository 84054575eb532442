/** Hosts without power: a zone, two zones, all of them. Each comes back with its disks. */
import type { Fault } from "./fault";

function lost(name: string, zones: readonly string[], seconds: number): Fault {
  return {
    name,
    what: `all hosts of ${zones.length === 1 ? "zone" : "zones"} ${zones.join(" and ")} lose power`,
    seconds,
    ridesThrough: zones.length === 1,
    async aim(lab) {
      const hosts = zones.flatMap((zone) => lab.inZone(zone));
      return {
        hit: `${hosts.length} hosts`,
        // First the cable: the kernel of this machine would refuse connections for them, which a host without power does not.
        inject: async () => {
          await Promise.all(hosts.map((host) => lab.cable("down", host)));
          await lab.powerOf("kill", hosts);
        },
        // Plugs in the cable, too.
        heal: () => lab.powerOf("start", hosts),
      };
    },
  };
}

export const zoneLost = lost("zone-lost", ["b"], 120);
export const twoZonesLost = lost("two-zones-lost", ["b", "c"], 60);

export const allHostsLost: Fault = {
  name: "all-hosts-lost",
  what: "all hosts, the load balancer too, lose power at once",
  seconds: 20,
  ridesThrough: false,
  aim: async (lab) => ({
    hit: `${lab.hosts.length} hosts`,
    inject: () => lab.powerOfAll("cut"),
    heal: () => lab.powerOfAll("restore"),
  }),
};
