/** haproxy in front of the API servers: least connections, health by /readyz, draining. */
import { haproxyGlobal } from "../../config/flags";
import { type Place, place, type Territory } from "../../config/names";
import { modulesFor, type Scale, sysctlsFor } from "../../config/scale";
import { readyPath } from "../control-plane/rotation";
import { hardening, hostFiles, lines, textFile } from "../machine/host-files";
import type { Machine } from "../machine/machine";
import type { PlatformFacts } from "../plan/facts";
import { apiClients, behindFirewall } from "../plan/firewall";
import type { GroupPlan } from "../plan/groups";
import { clientCertificate, identity, type PlanParts, trusted } from "../plan/parts";
import { ports } from "../plan/ports";
import type { ApiPlan, HostPlan } from "../plan/types";
import { hostTimeoutSeconds } from "../rollout/timeouts";

/** systemd's own TimeoutStartSec, which Debian's haproxy.service keeps. */
const startSeconds = 90;
const pki = "/etc/haproxy/pki";
const dropIn = "/etc/systemd/system/haproxy.service.d/kilonode.conf";

/** The API's address: of a host of ours, or of a load balancer that the platform manages. */
export function apiPlan({ api }: PlatformFacts, territory: Territory): ApiPlan {
  const url = (name: string) => `https://${name}:${ports.apiserver}`;
  if (api.kind === "managed") return { endpoint: url(api.name), dnsNames: [api.name], ipAddresses: [] };
  const balancer = place(territory, { role: "load-balancer", label: "lb" }, 0);
  return { endpoint: url(balancer.endpoint), ...identity(balancer), balancer };
}

export function loadBalancerGroups({ api: { balancer } }: PlanParts): GroupPlan[] {
  if (!balancer) return [];
  return [
    {
      name: "load-balancer",
      strategy: { kind: "together" },
      hosts: [balancer.name],
      after: [],
      needsApi: false,
      hostTimeoutSeconds: hostTimeoutSeconds({ kind: "together", startSeconds }),
    },
  ];
}

export function loadBalancerHosts(parts: PlanParts): HostPlan[] {
  const { api, masters, scale, shards } = parts;
  const { balancer } = api;
  if (!balancer) return [];
  return [
    {
      ...balancer,
      role: "load-balancer",
      machine: behindFirewall(
        parts,
        loadBalancerMachine(scale, haproxyConfig(balancer, scale, masters, readyPath(shards))),
        { name: "API clients", port: ports.apiserver, from: apiClients(parts) },
      ),
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
      pem: { [`${pki}/kubernetes-ca.crt`]: trusted("kubernetes") },
      secrets: {},
    },
  ];
}

function loadBalancerMachine(scale: Scale, config: string): Machine {
  return {
    users: {},
    directories: { [pki]: { mode: "0755", owner: "root:root" } },
    files: {
      ...hostFiles("/usr/local/lib/kilonode/backends"),
      ...hardening("haproxy.service"),
      [dropIn]: textFile(haproxyUnit(scale)),
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
        restartOn: [dropIn],
        // A reload keeps connections: new processes take the sockets over, old ones end with their last connection.
        reloadOn: ["/etc/haproxy/haproxy.cfg", `${pki}/health.crt`, `${pki}/kubernetes-ca.crt`],
        wait: true,
      },
    },
  };
}

/**
 * Beside Debian's own settings and our sandbox: it goes on trying, as every unit of ours, and not ten times a second; and it has no socket
 * at which its master process takes commands (EXTRAOPTS). It starts as root, reads its key and makes its sockets in /run; its workers are
 * the user haproxy, and it ends them.
 */
function haproxyUnit({ kernel }: Scale): string {
  return lines`[Unit]
StartLimitIntervalSec=0

[Service]
Environment=EXTRAOPTS=
RestartSec=1s
LimitNOFILE=${kernel.openFiles.lb}
CapabilityBoundingSet=CAP_KILL CAP_SETGID CAP_SETUID
SystemCallFilter=@setuid setrlimit
ReadWritePaths=/run
RuntimeDirectory=haproxy`;
}

/** A watch is silent for minutes: only TCP keep-alive may end an idle connection. */
function haproxyConfig(self: Place, scale: Scale, masters: readonly Place[], healthPath: string): string {
  const global = Object.entries(haproxyGlobal(scale)).map(([name, value]) => `    ${name} ${value}`);
  const servers = masters.map((master) => `    server ${master.name} ${master.address}:${ports.apiserver}`);
  return lines`# Layer 4: clients and API servers authenticate each other through it.
global
    log /dev/log local0 info
    user haproxy
    group haproxy
    # Two for each connection: this bounds the connections, and the table that haproxy allocates for them at its start.
${global}
    # Tells, and takes no commands.
    stats socket /run/haproxy/admin.sock mode 600 level user

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
    # An API server takes no PROXY protocol: its audit log has this host's address. Here is which client was at the other end of the
    # connection that a master sees from an address and port, as soon as there is one.
    option logasap
    log-format "client %ci:%cp is %bi:%bp to %s %si:%sp"
    default_backend apiservers

backend apiservers
    balance leastconn
    option httpchk GET ${healthPath}
    # Not ready is out of rotation, as the answer is read: a server that leaves ends what it has begun.
    http-check expect status 200 error-status L7OKC
    # Dead after 3 checks of up to 1 s without an answer; then its connections end, or its clients would wait for hours. Not sooner: a
    # server that is only busy would send all its clients to the others. A connection that fails has the next check made soon.
    default-server observe layer4 error-limit 1 on-error fastinter on-marked-down shutdown-sessions check check-ssl verify required ca-file ${pki}/kubernetes-ca.crt crt ${pki}/health.crt inter 1s fastinter 500ms downinter 1s fall 3 rise 1
${servers}
`;
}
