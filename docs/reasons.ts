/**
 * Why each thing is on a host: by file, program, unit, module, kernel setting. A pattern stands for several of one reason. What a plan has and
 * nobody gives a reason for fails a test, and so does a reason for nothing (test/unit/machine-pages.test.ts).
 */
export type Reasons = readonly (readonly [RegExp, string])[];

export const fileReasons: Reasons = [
  [
    /^\/etc\/containerd\/config\.toml$/,
    "containerd's settings, the twin of docker's: pulls side by side, pause image, time without progress, cgroups by systemd",
  ],
  [/^\/etc\/containerd\/certs\.d\//, "mirrors of a registry, asked in turn before it; read at each pull"],
  [
    /^\/etc\/containerd\/cni\.template$/,
    "the network of pods: containerd fills in the node's range when the API has given it one",
  ],
  [/^\/etc\/docker\/daemon\.json$/, "docker's settings as the article has them (10.1)"],
  [/^\/etc\/systemd\/system\/docker\.service\.d\//, "the package's unit goes on trying, too"],
  [/^\/etc\/cri-dockerd\.flags$/, "pause image, and how long a pull may be without progress; **unproven**, see below"],
  [/^\/etc\/crictl\.yaml$/, "so that `crictl` finds the runtime"],
  [/^\/etc\/kubernetes\/kubelet\.yaml$/, "the kubelet's settings, from the scale model and the pool's knobs"],
  [/^\/etc\/kubernetes\/kubelet\.flags$/, "what has no place in its file: labels of the pool"],
  [
    /^\/etc\/kubernetes\/kube-proxy\.yaml$/,
    "kube-proxy's settings: mode, periods, the connection table that the kernel settings say",
  ],
  [/^\/etc\/kubernetes\/kube-proxy\.flags$/, "names that file"],
  [/^\/etc\/kubernetes\/preload-/, "images to pull ahead, one a line"],
  [/\.kubeconfig$|^\/etc\/kwok\/kubeconfig$/, "where the API is, and which files say who this is; no secret in it"],
  [/^\/etc\/etcd\/etcd\.env$/, "the member's settings, one a line"],
  [/^\/etc\/etcd\/etcdctl\.env$/, "the same for `etcdctl`, so that everybody asks the member alike"],
  [/^\/etc\/etcd\/(others|turn-clients-away\.env)$/, "whom to ask before clients are sent away from this member"],
  [
    /^\/etc\/etcd\/own-data\.env$/,
    "that a member begins with its own data alone: one that has lost its log begins no other shard",
  ],
  [/^\/etc\/haproxy\/haproxy\.cfg$/, "least connections, health, draining"],
  [
    /^\/etc\/systemd\/system\/haproxy\.service\.d\//,
    "beside Debian's unit: no socket that takes commands, as many descriptors as connections need",
  ],
  [/^\/etc\/kubernetes\/admission\.yaml$/, "Pod Security, and limits on events"],
  [/^\/etc\/kubernetes\/audit-policy\.yaml$/, "what the audit log has: who lists, no heartbeat, no Secret's content"],
  [/^\/etc\/kubernetes\/scheduler\.yaml$/, "the scheduler's settings, from the scale model"],
  [
    /^\/etc\/kubernetes\/(master|apiserver-health)\.env$/,
    "address and name of the master, for the programs that look after it",
  ],
  [
    /^\/etc\/kubernetes\/kube-[\w-]+\.env$/,
    "GOMEMLIMIT, from the scale model: Go collects harder before the kernel kills",
  ],
  [
    /^\/etc\/kubernetes\/kube-[\w-]+\.flags$/,
    "the component's flags, one a line, so that a change is one line of a preview",
  ],
  [/^\/etc\/kwok\/stages\.yaml$/, "how simulated pods and nodes come to life"],
  [/^\/etc\/kwok\/(kwok\.flags|nodes\.env)$/, "kwok's settings, and how many nodes it plays"],
  [/\/kilonode\/run-with-flags$/, "starts a program with the flags of a file"],
  [/\/kilonode\/preload-images$/, "pulls the images of a list, and pins them"],
  [/\/kilonode\/(check-apiserver|leader-of)$/, "asked by a rollout before and after it changes this master"],
  [
    /\/kilonode\/(apiserver-health|ready-seconds)$/,
    "tells the platform's load balancer whether this master takes connections ([decision 16](decisions/0016-health-for-load-balancers-of-a-platform.md))",
  ],
  [/\/kilonode\/backends$/, "what haproxy thinks of each master, asked by a rollout"],
  [
    /\/kilonode\/hold-clients$/,
    "keeps clients waiting while leadership moves ([decision 6](decisions/0006-clients-wait-while-leadership-moves.md))",
  ],
  [
    /\/kilonode\/turn-clients-away$/,
    "sends clients of a member that hangs to the others ([decision 23](decisions/0023-clients-of-a-member-that-hangs-go-elsewhere.md))",
  ],
  [/\/kilonode\/register-nodes$/, "registers simulated nodes"],
  [/\/kilonode\/(etcd-backup$|etcd_backup\/)/, "takes, lists, fetches and drills backups of the member's shard"],
  [/^\/etc\/etcd\/backup/, "where backups go, how often, and which are kept"],
  [/etcd-backup\.timer\.d\//, "when backups are taken: each member at another minute"],
  [/\/kilonode\/backup-store$/, "buckets of the store of backups, and who may do what in them"],
  [/^\/etc\/backup-store\//, "which buckets there are, and where they are kept"],
  [/^\/usr\/local\/sbin\/host-firewall$/, "who may open connections to the host"],
  [/^\/usr\/local\/sbin\/traffic-classes$/, "etcd's peers ahead of its clients ahead of the rest"],
  [/\.d\/hardening\.conf$/, "the sandbox of every service"],
  [
    /kube-proxy\.service\.d\/tunables\.conf$/,
    "but for kube-proxy: it sets the size of the connection table and what IPVS needs",
  ],
  [/\.d\/stop\.conf$/, "as long as the platform's load balancer takes to let go"],
  [/preload-base\.service\.d\/pin\.conf$/, "the kubelet's collection of unused images spares the base"],
  [/preload-environment\.timer\.d\/interval\.conf$/, "how often, spread over the nodes"],
  [/\/systemd\/system\/[\w-]+\.(service|timer)$/, "a unit: see the services"],
];

export const unitReasons: Reasons = [
  [/^containerd\.service$/, "runs containers. Outside of the sandbox: its mounts and containers are the host's"],
  [/^docker\.service$/, "runs containers; the package's unit"],
  [
    /^cri-dockerd\.service$/,
    "by which the kubelet speaks to docker. Outside of the sandbox: it enters namespaces of pods",
  ],
  [/^kubelet\.service$/, "the node's agent. Outside of the sandbox: its mounts are the host's"],
  [
    /^kube-proxy\.service$/,
    "Services of the cluster, in the kernel's tables: in the sandbox, with CAP_NET_ADMIN and CAP_NET_RAW",
  ],
  [
    /^preload-base\.service$/,
    "the base layer, at boot, before the kubelet; it starts when this ends, whatever came of it",
  ],
  [/^preload-environment\.timer$/, "the environment's layer, again and again"],
  [/^etcd\.service$/, "one member of one shard"],
  [/^etcd-backup\.timer$/, "backups of the shard"],
  [/^traffic-classes\.(service|timer)$/, "at boot, and looked after every minute"],
  [/^turn-clients-away\.service$/, "asks the member every second"],
  [/^host-firewall\.service$/, "before the network"],
  [/^kube-(apiserver|controller-manager|scheduler)(\.service)?$/, "a component of the control plane"],
  [/^apiserver-health\.service$/, "answers the platform's load balancer"],
  [/^haproxy\.service$/, "the API's address"],
  [/^backup-store\.service$/, "S3 on a host of ours, where the platform has none"],
  [/^kwok(-nodes)?\.service$/, "simulated nodes"],
];

export const programReasons: Reasons = [
  [/\/(kubelet|kube-proxy|kube-apiserver|kube-controller-manager|kube-scheduler|kubectl)$/, "Kubernetes"],
  [
    /\/(containerd|containerd-shim-runc-v2|runc)$/,
    "the runtime, its process beside each pod, and what makes a container",
  ],
  [/\/(crictl|ctr)$/, "to look into the runtime; to pin images"],
  [/^\/opt\/cni\/bin\//, "a plugin for the network of pods"],
  [/\/(etcd|etcdctl|etcdutl)$/, "etcd"],
  [/\/kwok$/, "simulated nodes"],
  [/\/restic$/, "puts snapshots into the store of backups, encrypted"],
  [/\/versitygw$/, "the store of backups"],
];

export const moduleReasons: Reasons = [
  [/^br_netfilter$/, "packets of a bridge pass the rules of Services"],
  [/^ip_vs$/, "kube-proxy's mode ipvs"],
  [/^ip_vs_lc$/, "its scheduler: the endpoint with the fewest connections (the article, 8.1)"],
  [/^nf_conntrack$/, "before its sysctls, which would be passed over without a word"],
  [/^nf_tables$/, "kube-proxy's mode nftables"],
  [/^overlay$/, "file systems of containers"],
];

export const sysctlReasons: Reasons = [
  [/^fs\.file-max$/, "all programs of a host together"],
  [/^fs\.nr_open$/, "as many as a unit's LimitNOFILE"],
  [/^fs\.inotify\.max_user_(instances|watches)$/, "each container, and each program that follows files, takes some"],
  [/^kernel\.panic(_on_oops)?$/, "a host that hangs is worse than one that restarts; a kubelet wants these two"],
  [/^kernel\.softlockup_/, "the same of a host whose core hangs, and all cores say where they were"],
  [/^kernel\.pid_max$/, "thousands of threads in each of a hundred pods"],
  [/^vm\.overcommit_memory$/, "Go reserves what it does not use; a kubelet wants it"],
  [/^vm\.max_map_count$/, "programs that map many files (search engines)"],
  [/^net\.bridge\.bridge-nf-call-iptables$/, "as br_netfilter"],
  [/^net\.ipv4\.ip_forward$/, "packets of pods"],
  [/^net\.ipv4\.ip_local_port_range$/, "one address connects to every master: it has all ports for that"],
  [/^net\.ipv4\.ip_local_reserved_ports$/, "NodePorts are kept from outgoing connections"],
  [/^net\.ipv[46]\.neigh\.default\.gc_thresh1$/, "0: addresses move between machines, an old entry must not linger"],
  [/^net\.ipv[46]\.neigh\.default\.gc_thresh[23]$/, "everybody that the host speaks to, twice"],
  [
    /^net\.netfilter\.nf_conntrack_max$/,
    "connections of a full node; the same that kube-proxy is told, which would overwrite it",
  ],
  [
    /^net\.core\.(somaxconn|netdev_max_backlog)$|^net\.ipv4\.tcp_max_syn_backlog$/,
    "connections that arrive at once, after the loss of a zone",
  ],
  [/^net\.core\.[rw]mem_max$|^net\.ipv4\.tcp_[rw]mem$/, "long fat connections: snapshots, images"],
  [
    /^net\.ipv4\.tcp_retries2$/,
    "a member that a network has cut off is given up after 13 s, not after a quarter of an hour",
  ],
  [/^net\.ipv4\.tcp_slow_start_after_idle$/, "watches are idle most of the time, and then send much"],
  [/^net\.ipv4\.tcp_tw_reuse$/, "ports of ended connections are had again at once"],
];
