/** What of a cluster's content does not go into a clone of it, each with the reason. */

export interface Dropped {
  /** Below /registry/, as API servers store it. */
  readonly resource: string;
  readonly because: string;
}

const otherHosts = "it is of the hosts of the other cluster; the clone's own write theirs";
const disks = "it names disks of the other cluster, which the clone would attach, or delete";
const callers = "every write of its kind would wait for a service that does not run in the clone";

export const dropped: readonly Dropped[] = [
  {
    resource: "secrets",
    because:
      "they are encrypted with a key that the clone does not have, and none of the other's credentials is to be in it",
  },
  {
    resource: "minions",
    because: "nodes of the other cluster do not belong to the clone, whose own register themselves",
  },
  { resource: "csinodes", because: otherHosts },
  { resource: "pods", because: "they are bound to nodes that are not there; what made them makes others" },
  { resource: "leases", because: otherHosts },
  { resource: "masterleases", because: otherHosts },
  { resource: "services/endpoints/default/kubernetes", because: otherHosts },
  { resource: "endpointslices/default/kubernetes", because: otherHosts },
  { resource: "events", because: "they are of what happened elsewhere" },
  { resource: "certificatesigningrequests", because: "they ask for certificates of the other cluster" },
  { resource: "volumeattachments", because: disks },
  { resource: "persistentvolumes", because: disks },
  { resource: "persistentvolumeclaims", because: disks },
  { resource: "snapshot.storage.k8s.io/volumesnapshotcontents", because: disks },
  { resource: "snapshot.storage.k8s.io/volumesnapshots", because: disks },
  { resource: "mutatingwebhookconfigurations", because: callers },
  { resource: "validatingwebhookconfigurations", because: callers },
  {
    resource: "apiregistration.k8s.io/apiservices",
    because: "those of the API servers come back by themselves; others call what does not run in the clone",
  },
];

/** What etcdctl is told to remove, or to look for: all of a resource, or one object, which has a namespace and a name. */
export const keysOf = (resource: string): readonly string[] =>
  resource.split("/").length > 2 ? [`/registry/${resource}`] : ["--prefix", `/registry/${resource}/`];

/** Resources of a shard of which nothing would be left. */
const wholly = ["/events", "coordination.k8s.io/leases", "/pods", "/secrets", "/nodes"];

/** Whether a shard has anything that goes into a clone. @param resources of the shard; none: it holds what no other one names */
export const isCloned = (resources: readonly string[]): boolean =>
  resources.length === 0 || resources.some((one) => !wholly.includes(one));
