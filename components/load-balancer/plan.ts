/** haproxy in front of the API servers: least connections, health by /readyz, draining. */
import type { ClusterSpec } from "../../config/cluster";
import { type Place, place } from "../../config/names";
import { modulesFor, type Scale, sysctlsFor } from "../../config/scale";
import { hostFiles, textFile } from "../machine/host-files";
import type { Machine } from "../machine/machine";
import type { HostPlan, ShardPlan } from "../plan-types";
import { ports } from "../ports";
import { clientCertificate, hostRange } from "../shared";

const pki = "/etc/haproxy/pki";
const limits = "/etc/systemd/system/haproxy.service.d/kilonode.conf";

export function loadBalancerPlace(spec: ClusterSpec): Place {
  return place(hostRange(spec), { role: "load-balancer", label: "lb" }, 0);
}

export function loadBalancerHost(
  spec: ClusterSpec,
  scale: Scale,
  masters: readonly Place[],
  shards: readonly ShardPlan[],
): HostPlan {
  const self = loadBalancerPlace(spec);
  return {
    ...self,
    role: "load-balancer",
    group: "load-balancer",
    machine: loadBalancerMachine(scale, haproxyConfig(self, masters, healthPath(shards))),
    certificates: [
      clientCertificate({
        // The health check speaks with a certificate, since the API server answers nobody without one.
        name: "health",
        authority: "kubernetes",
        // haproxy finds the key of <file> in <file>.key.
        keyPath: `${pki}/health.crt.key`,
        certPath: `${pki}/health.crt`,
        owner: "root:root",
        commonName: "kilonode:load-balancer",
      }),
    ],
    pem: { [`${pki}/kubernetes-ca.crt`]: { kind: "authority", authority: "kubernetes" } },
    secrets: {},
    disks: [],
  };
}

function loadBalancerMachine(scale: Scale, config: string): Machine {
  return {
    users: {},
    directories: { [pki]: { mode: "0755", owner: "root:root" } },
    files: {
      ...hostFiles(limits, "/usr/local/lib/kilonode/backends"),
      "/etc/haproxy/haproxy.cfg": textFile(config),
    },
    binaries: {},
    modules: modulesFor("lb", scale),
    sysctls: sysctlsFor("lb", scale),
    volumes: [],
    services: {
      "haproxy.service": {
        kind: "unit",
        enabled: true,
        running: true,
        restartOn: [limits],
        // A reload keeps connections: new processes take the sockets over, old ones end with their last connection.
        reloadOn: ["/etc/haproxy/haproxy.cfg", `${pki}/health.crt`, `${pki}/kubernetes-ca.crt`],
        wait: true,
      },
    },
  };
}

/**
 * /readyz without the shards that only hold some resources: the events shard without its quorum would take every API server
 * out of rotation at once, which helps nobody. The main shard counts, since a master may be cut off from it alone.
 */
function healthPath(shards: readonly ShardPlan[]): string {
  const overrides = shards.flatMap(({ resources }) => resources);
  const excluded = overrides.flatMap((_, index) => [`etcd-override-${index}`, `etcd-override-readiness-${index}`]);
  return ["/readyz", excluded.map((check) => `exclude=${check}`).join("&")].filter((part) => part !== "").join("?");
}

/** A watch is silent for minutes: only TCP keep-alive may end an idle connection. */
function haproxyConfig(self: Place, masters: readonly Place[], healthPath: string): string {
  const servers = masters.map((master) => `    server ${master.name} ${master.address}:${ports.apiserver}`);
  return `# Layer 4: clients and API servers authenticate each other through it.
global
    log /dev/log local0 notice
    user haproxy
    group haproxy
    # The limit of open files bounds the connections; this bounds the table that haproxy makes for them.
    fd-hard-limit 262144
    stats socket /run/haproxy/admin.sock mode 600 level admin

defaults
    mode tcp
    log global
    option dontlognull
    option clitcpka
    option srvtcpka
    timeout connect 3s
    timeout client 24h
    timeout server 24h
    timeout check 3s
    # A master that refuses a connection is left for another one.
    retries 3
    option redispatch 1

frontend api
    bind ${self.address}:${ports.apiserver}
    default_backend apiservers

backend apiservers
    balance leastconn
    option httpchk GET ${healthPath}
    http-check expect status 200
    # Out after 2 failed checks of 1 s (the API servers wait longer before they stop) or one refused connection, back after 1.
    default-server observe layer4 error-limit 1 on-error mark-down check check-ssl verify required ca-file ${pki}/kubernetes-ca.crt crt ${pki}/health.crt inter 1s fastinter 500ms downinter 1s fall 2 rise 1
${servers.join("\n")}
`;
}
