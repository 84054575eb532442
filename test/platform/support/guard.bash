# shellcheck shell=bash
# Read by every bash below a host that is a folder (BASH_ENV): traffic-classes, which machine-apply runs, would ask tc and /run of
# this machine. It counts as done.
if [[ $0 == */sbin/traffic-classes ]]; then
  [[ $1 != form ]] || echo prio+u32
  exit 0
fi
