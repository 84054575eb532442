#!/usr/bin/env bash
# Destroys a stack, with three tries. Usage: destroy.sh STACK [OPTIONS]
set -uo pipefail
pause=${PAUSE_SECONDS:-60}

for try in 1 2 3; do
  # Frees it from a run that is gone; says so when there is none.
  node cli/kilonode.mjs state unlock "$@"
  node cli/kilonode.mjs destroy "$@"
  code=$?
  # 2: what is asked for is wrong, now and in a minute.
  ((code == 0 || code == 2)) && exit "$code"
  echo "try $try of 3 ended with $code" >&2
  ((try < 3)) && sleep "$pause"
done
exit "$code"
