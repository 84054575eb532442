"""Where things are on a host."""

STORE = "/opt/kilonode/artifacts"
STATE = "/var/lib/kilonode"
UNITS = "/etc/systemd/system"
# `systemctl mask` refuses a unit whose file is in /etc/systemd/system: one that a person may have to mask belongs in another.
UNIT_FOLDERS = (UNITS, "/usr/local/lib/systemd/system", "/usr/lib/systemd/system")
MANIFESTS = "/etc/kubernetes/manifests"
SYSCTL_FILE = "/etc/sysctl.d/90-kilonode.conf"
MODULES_FILE = "/etc/modules-load.d/kilonode.conf"
TRAFFIC_FILE = "/etc/kilonode/traffic-classes"
FIREWALL_FILE = "/etc/kilonode/firewall.nft"
ENV_FILE = "/etc/kilonode/activation.env"
# What a platform's first boot could not make of the host, a line each; absent: it is ready.
NOT_READY = f"{STATE}/not-ready"
# Of a restore of the member's shard that is under way (../etcd_restore). While the second is there, etcd.service does not start.
RESTORE_JOURNAL = f"{STATE}/restore/journal.json"
RESTORE_HOLD = f"{STATE}/restore/held"
# Of the last one that came to its end.
RESTORE_LAST = f"{STATE}/restore/last.json"
PROGRAMS_FILE = f"{STATE}/programs.json"
TRAFFIC_PROGRAM = "/usr/local/sbin/traffic-classes"
FIREWALL_PROGRAM = "/usr/local/sbin/host-firewall"
# Delivered apart from any content (components/host/delivery.ts).
PACKAGE = "/usr/local/lib/kilonode/machine_apply"
PROGRAMS = (
    "/usr/local/sbin/machine-apply",
    "/usr/local/lib/kilonode/make-keys",
    "/usr/local/lib/kilonode/still-starting",
)
