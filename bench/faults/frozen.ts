/** Programs that are frozen, not dead: their connections stay open, and nobody answers. */
import type { Lab, LabHost } from "../lib/lab";
import type { Aimed, Fault } from "./fault";

function freeze(lab: Lab, host: LabHost, unit: string): Aimed {
  const signal = (name: "STOP" | "CONT") => lab.inside(host, `systemctl kill --signal=${name} ${unit}`);
  return { hit: host.name, inject: () => signal("STOP"), heal: () => signal("CONT") };
}

export const leaderFrozen: Fault = {
  name: "leader-frozen",
  what: "the leader of shard main is stopped by SIGSTOP",
  // API servers notice after 40 s, which is fixed in them: until then they send it its share of the requests.
  seconds: 50,
  ridesThrough: true,
  aim: async (lab) => freeze(lab, await lab.leader(), "etcd.service"),
};

export const apiServerFrozen: Fault = {
  name: "api-server-frozen",
  what: "an API server is stopped by SIGSTOP",
  seconds: 30,
  ridesThrough: true,
  async aim(lab) {
    const [, master] = lab.hosts.filter(({ role }) => role === "master");
    if (!master) throw new Error("this needs two masters");
    return freeze(lab, master, "kube-apiserver.service");
  },
};
