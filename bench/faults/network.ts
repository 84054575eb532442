/** A network that parts hosts without a word: whatever is sent is swallowed. */
import type { Lab, LabHost } from "../lib/lab";
import type { Fault } from "./fault";

export const memberCutOff: Fault = {
  name: "member-cut-off",
  what: "the leader of shard main loses its network",
  seconds: 45,
  ridesThrough: true,
  async aim(lab) {
    const leader = await lab.leader();
    return { hit: leader.name, inject: () => lab.cable("down", leader), heal: () => lab.cable("up", leader) };
  },
};

export const zoneCutOff: Fault = {
  name: "zone-cut-off",
  what: "zone b and the others do not hear each other; the load balancer hears them all",
  seconds: 60,
  ridesThrough: true,
  async aim(lab) {
    const inside = lab.inZone("b");
    const outside = ["a", "c"].flatMap((zone) => lab.inZone(zone));
    const all = [...inside, ...outside];
    const deaf = (host: LabHost) => deafen(lab, host, inside.includes(host) ? outside : inside);
    return {
      hit: `${inside.length} hosts from ${outside.length}`,
      inject: () => Promise.all(all.map(deaf)),
      heal: () => Promise.all(all.map((host) => hear(lab, host))),
    };
  },
};

const table = "inet kilonode_fault";

/** Before the host's firewall, which is left alone. */
function deafen(lab: Lab, host: LabHost, to: readonly LabHost[]): Promise<string> {
  const chain = "type filter hook input priority -500; policy accept;";
  const rules = `ip saddr { ${to.map(({ address }) => address).join(", ")} } drop`;
  return lab.inside(host, `nft 'table ${table} { chain input { ${chain} ${rules}; }; }'`);
}

const hear = (lab: Lab, host: LabHost) => lab.inside(host, `nft destroy table ${table} || nft delete table ${table}`);
