# shellcheck shell=bash disable=SC2034
# Shared by the lab scripts; sourced, never run.
#
# Everything the lab makes is found again by PREFIX alone, so that a crash at any point leaves nothing that cannot be removed:
#
#   files      STATE_DIR/PREFIX/{network.json,hosts/NAME,volumes/NAME,locks/NAME}; STORE_DIR is for all labs
#   processes  cgroup v2 kilonode.PREFIX/NAME: a host's processes are listed, and killed, by it
#   netns      PREFIX (the switch: a bridge and one port a host) and PREFIX.NAME (a host)
#   link       PREFIX on the machine: its port on the switch, with the gateway address
#
# The bridge lives in a network namespace of its own: a FORWARD policy of the machine (Docker sets DROP) never sees its frames,
# and one deletion takes all ports away. The overlay and the volumes are mounted in the host's own mount namespace: when its last
# process ends, for whatever reason, the kernel unmounts them and frees the volumes' loop devices.
#
# It is no security boundary: see docs/machines.md.

set -euo pipefail
export LC_ALL=C
# What a lab keeps is root's alone: the keys of masters are in it. What hosts or other programs of the machine are to read says so.
umask 077
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

readonly DEFAULT_STATE_DIR=/var/lib/kilonode/lab
# Shared by all labs of the machine. No cache: running hosts stand on what is in it.
readonly DEFAULT_STORE_DIR=/var/lib/kilonode/store
# The default of 128 leaves the systemd of a few hosts hanging at boot, without a message.
readonly INOTIFY_INSTANCES=8192
readonly INOTIFY_WATCHES=524288
# Where a machine of a cloud asks who it is.
readonly METADATA_ADDRESS=169.254.169.254

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

die() {
  say "error: $*"
  exit 1
}

# Prints the comment block at the top of the script as its help.
print_help() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"; }

# Collects every wrong input; check_inputs reports them together.
input_errors=()
wrong() { input_errors+=("$*"); }

# expect NAME REGEX WHAT: the environment variable NAME matches REGEX.
expect() {
  local value=${!1-}
  [[ $value =~ ^($2)$ ]] || wrong "$1=$(printf %q "$value"): expected $3"
}

check_inputs() {
  ((${#input_errors[@]} == 0)) && return
  local error
  for error in "${input_errors[@]}"; do say "error: $error"; done
  exit 2
}

readonly OCTET='(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])'
readonly IPV4="$OCTET(\\.$OCTET){3}"
readonly PREFIX_LENGTH='/([1-9]|[12][0-9]|3[0-2])'

expect_store() {
  export STORE_DIR=${STORE_DIR:-$DEFAULT_STORE_DIR}
  expect STORE_DIR '(/[A-Za-z0-9._-]+)+' 'an absolute path without blanks or colons'
}

expect_lab() {
  export STATE_DIR=${STATE_DIR:-$DEFAULT_STATE_DIR} OWNER=${OWNER-}
  expect_store
  expect OWNER '[A-Za-z0-9._-]{0,64}' 'up to 64 letters, digits, dots, hyphens'
  # 15 characters are the kernel's limit for a link name; a dot is what separates PREFIX from NAME.
  expect PREFIX '[a-z][a-z0-9-]{0,14}' 'a lower-case letter, then up to 14 letters, digits or hyphens, such as kn-lab'
  expect STATE_DIR '(/[A-Za-z0-9._-]+){2,}' 'an absolute path at least two folders deep, without blanks or colons, such as /var/lib/kilonode/lab'
  [[ $STATE_DIR =~ (^|/)\.\.?(/|$) ]] && wrong "STATE_DIR=$STATE_DIR: expected a path without . or .."
  lab_dir=$STATE_DIR/${PREFIX-}
}

expect_name() {
  expect NAME '[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?' 'a DNS label of up to 48 lower-case letters, digits and hyphens'
  host_dir=$lab_dir/hosts/${NAME-}
  volume_dir=$lab_dir/volumes/${NAME-}
  host_netns=${PREFIX-}.${NAME-}
}

need_root() { ((EUID == 0)) || die "run as root: uid is $EUID, and namespaces, mounts and loop devices need 0 (try: sudo -E $0)"; }

# ip_number 10.0.0.1: prints the address as a number.
ip_number() {
  local IFS=.
  local -a part
  read -r -a part <<<"$1"
  echo $(((part[0] << 24) + (part[1] << 16) + (part[2] << 8) + part[3]))
}

# range_of 10.0.0.0/8: sets range_first and range_last.
range_of() {
  local size=$((1 << (32 - ${1#*/})))
  range_first=$(ip_number "${1%/*}")
  range_first=$((range_first / size * size))
  range_last=$((range_first + size - 1))
}

# overlaps A B: two CIDR ranges share an address.
overlaps() {
  local first last range_first range_last
  range_of "$1"
  first=$range_first last=$range_last
  range_of "$2"
  ((first <= range_last && range_first <= last))
}

# used_ranges LINK: prints "CIDR LINK" for every address and route of the machine that is not on LINK.
used_ranges() {
  {
    ip -4 -j address | jq -r --arg link "$1" '.[] | select(.ifname != $link) | .ifname as $i | .addr_info[] | "\(.local)/\(.prefixlen) \($i)"'
    ip -4 -j route show table all | jq -r --arg link "$1" '.[] | select(.dev != $link and .dst != "default" and (.type // "unicast") == "unicast")
      | "\(if .dst | contains("/") then .dst else .dst + "/32" end) \(.dev // .type)"'
  } | sort -u
}

# nap SECONDS: a sleep that starts no process; dozens of scripts wait at once.
exec {nap_fd}<> <(:)
nap() { read -r -t "$1" -u "$nap_fd" || true; }

# lock FILE SECONDS: holds FILE until the script ends. Retries when the file was removed by the one who held it before.
lock() {
  local file=$1 seconds=$2
  mkdir -p "${file%/*}"
  while :; do
    exec {lock_fd}>>"$file"
    flock -w "$seconds" "$lock_fd" || die "another run has held $file for $seconds s: wait for it, or end it"
    [[ $file -ef /proc/self/fd/$lock_fd ]] && return
    exec {lock_fd}>&-
  done
}

# write_file FILE [MODE]: replaces FILE by stdin in one step.
write_file() {
  local temporary=$1.new
  cat >"$temporary"
  [[ -z ${2-} ]] || chmod "$2" "$temporary"
  mv -f "$temporary" "$1"
}

# What an older version has left open to other users. What is deeper are the files of hosts, with the modes that they see.
close_lab() {
  [[ -d $lab_dir ]] || return 0
  find "$lab_dir" -maxdepth 2 -type d -exec chmod 0700 {} +
  find "$lab_dir" -maxdepth 3 -type f -exec chmod 0600 {} +
}

# --- cgroup -----------------------------------------------------------------------------------------------------------------------

# Where cgroup v2 is mounted: alone (/sys/fs/cgroup) or beside v1 (/sys/fs/cgroup/unified).
cgroup_root() {
  local root
  for root in /sys/fs/cgroup /sys/fs/cgroup/unified; do
    [[ -f $root/cgroup.procs && -f $root/cgroup.controllers ]] && echo "$root" && return
  done
  return 1
}

# Sets lab_cgroup and, when there is a NAME, host_cgroup.
find_cgroups() {
  local root
  root=$(cgroup_root) || die "no cgroup v2 is mounted: mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified"
  lab_cgroup=$root/kilonode.$PREFIX
  host_cgroup=$lab_cgroup/${NAME-}
}

cgroup_populated() {
  local populated=0
  [[ ! -f $1/cgroup.events ]] || read -r _ populated <"$1/cgroup.events" || true
  ((populated))
}

# cgroup_wait_empty CGROUP SECONDS
cgroup_wait_empty() {
  local end=$((SECONDS + $2))
  while cgroup_populated "$1"; do
    ((SECONDS < end)) || return 1
    nap 0.05
  done
}

cgroup_pids() { find "$1" -name cgroup.procs -exec cat {} + 2>/dev/null || true; }

# Ends every process of the cgroup and removes it, and the one of the same name that systemd-nspawn makes beside it in a cgroup v1.
cgroup_remove() {
  local cgroup=$1 relative root
  relative=${cgroup##*/kilonode.}
  if [[ -d $cgroup ]]; then
    # cgroup.kill came with Linux 5.14; before, the kill is repeated, as a fork may escape one round.
    if [[ -f $cgroup/cgroup.kill ]]; then
      echo 1 >"$cgroup/cgroup.kill"
    fi
    local round
    for ((round = 0; round < 200; round++)); do
      cgroup_populated "$cgroup" || break
      ((round < 20)) || cgroup_pids "$cgroup" | xargs -r kill -KILL 2>/dev/null || true
      nap 0.05
    done
    ! cgroup_populated "$cgroup" || die "processes of $cgroup do not end: $(cgroup_pids "$cgroup" | xargs)"
  fi
  for root in "${cgroup%/kilonode.*}" /sys/fs/cgroup/systemd; do
    [[ ! -d $root/kilonode.$relative ]] || find "$root/kilonode.$relative" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
}

# True: a mounted file system can grow. The kernel asks for CAP_SYS_RESOURCE, number 24.
grows_online() {
  local key capabilities=0
  while read -r key capabilities; do [[ $key != CapEff: ]] || break; done </proc/self/status
  (((0x$capabilities >> 24) & 1))
}

# --- network ----------------------------------------------------------------------------------------------------------------------

netns_exists() { [[ -e /run/netns/$1 ]]; }

# The folder that they are in is the machine's.
netns_add() (
  umask 022
  ip netns add "$1"
)

# A host's port on the switch: its name, or what fits of it and a digest.
port_name() {
  if ((${#1} <= 15)) && [[ ! $1 =~ ^(lo|br0|uplink)$ ]]; then
    echo "$1"
  else
    local digest
    digest=$(sha256sum <<<"$1")
    echo "${1:0:8}-${digest:0:6}"
  fi
}

need_network() { [[ -f $lab_dir/network.json ]] || die "the lab $PREFIX has no network yet ($lab_dir/network.json is missing): run lab-network create first"; }

# A state that has not made this lab must not touch it: its keys are others, and so would be everything that it puts on the hosts. Whoever
# names no owner acts by hand.
refuse_stranger() {
  local owner
  [[ -n $OWNER && -f $lab_dir/network.json ]] || return 0
  owner=$(jq -r '.owner // ""' "$lab_dir/network.json")
  [[ -z $owner || $owner == "$OWNER" ]] || die "the lab $PREFIX belongs to another state (owner $owner, this one is $OWNER). Work with that state, or bring it here (kilonode state export, kilonode state import); if it is lost, lab-clean --prefix $PREFIX removes the lab with its data. Nothing was touched"
}

# Makes what is missing of the network that network.json describes; also after a reboot of the machine.
network_ensure() {
  local cidr gateway metadata
  need_network
  IFS=$'\t' read -r cidr gateway metadata < <(jq -r '[.cidr, .gateway, .metadata // false] | @tsv' "$lab_dir/network.json")
  if ip -n "$PREFIX" link show dev br0 &>/dev/null && ip -n "$PREFIX" link show dev uplink master br0 up 2>/dev/null | grep -q . &&
    ip -4 -o address show dev "$PREFIX" 2>/dev/null | grep -q " $gateway/${cidr#*/} "; then
    return
  fi
  netns_exists "$PREFIX" || netns_add "$PREFIX"
  ip netns exec "$PREFIX" sysctl -qe -w net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
  ip -n "$PREFIX" link show dev br0 &>/dev/null || ip -n "$PREFIX" link add name br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0
  ip -n "$PREFIX" link set dev br0 up
  if [[ $metadata == true ]]; then
    ip -n "$PREFIX" link set dev lo up
    ip -n "$PREFIX" address replace "$METADATA_ADDRESS/32" dev br0
    ip -n "$PREFIX" route replace "$cidr" dev br0 src "$METADATA_ADDRESS"
  fi
  ip link show dev "$PREFIX" &>/dev/null || ip link add name "$PREFIX" type veth peer name uplink netns "$PREFIX"
  ip -n "$PREFIX" link set dev uplink master br0 up
  [[ ! -f /proc/sys/net/ipv6/conf/$PREFIX/disable_ipv6 ]] || echo 1 >"/proc/sys/net/ipv6/conf/$PREFIX/disable_ipv6"
  ip address replace "$gateway/${cidr#*/}" dev "$PREFIX"
  ip link set dev "$PREFIX" up
}

# --- what this machine cannot do --------------------------------------------------------------------------------------------------

# Prints one line "feature: what is lost" for each kernel feature or right that is missing but not needed. Tried, not looked up, in
# a namespace that ends with the trial.
degradations() {
  unshare --net -- bash -s <<'TRIALS' 2>/dev/null || true
    ip link set dev lo up
    lost() { printf '%s: %s\n' "$1" "$2"; }
    tc qdisc add dev lo root handle 1: prio && tc qdisc del dev lo root || lost sch_prio 'traffic classes are built with htb instead of prio'
    tc qdisc add dev lo root handle 1: netem delay 1ms && tc qdisc del dev lo root || lost sch_netem 'delay and loss cannot be put on a link'
    if tc qdisc add dev lo root handle 1: htb; then
      tc filter add dev lo parent 1: protocol ip u32 match ip dport 2380 0xffff flowid 1:1 || lost cls_u32 'traffic cannot be sorted by port with u32'
      tc filter add dev lo parent 1: protocol ip flower ip_proto tcp dst_port 2380 flowid 1:1 || lost cls_flower 'traffic is sorted by port with u32'
    else
      lost sch_htb 'traffic classes cannot be built with htb'
    fi
    ip link add ifb9 type ifb || lost ifb 'incoming traffic cannot be shaped'
    modprobe -q ip_vs
    [[ -e /proc/net/ip_vs ]] || lost ip_vs 'kube-proxy cannot use its ipvs mode'
    modprobe -q nf_tables
    if command -v nft && ! nft list tables; then lost nf_tables 'kube-proxy cannot use its nftables mode'; fi >/dev/null
    modprobe -q xfs
    grep -qw xfs /proc/filesystems || lost xfs 'volumes must be ext4'
    bash -c 'echo -1 >/proc/self/oom_score_adj' || lost cap_sys_resource "OOMScoreAdjust below 0 has no effect, LimitNOFILE stays at $(ulimit -Hn), and a host whose volumes grow is restarted"
    controllers=/sys/fs/cgroup/cgroup.subtree_control
    [[ -f $controllers && " $(<"$controllers") " == *' memory '* ]] || lost cgroup_v2 'MemoryMax, CPUWeight and IOWeight of units have no effect'
TRIALS
}

degradations_json() { degradations | jq -Rn '[inputs | split(": ") | {feature: .[0], effect: (.[1:] | join(": "))}]'; }
