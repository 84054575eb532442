#!/usr/bin/env bash
# Runs a command of kilonode with --markdown: the text goes into FILE and the job's summary, and the exit code is the command's.
# Usage: report.sh FILE COMMAND STACK [OPTIONS]
set -euo pipefail
file=$1
shift
run="$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID"

code=0
node cli/kilonode.mjs "$@" --markdown --log-url "$run" >"$file" || code=$?
# It says nothing when it was used wrongly or broke on the way.
if [[ -s $file ]]; then
  cat "$file" >>"$GITHUB_STEP_SUMMARY"
else
  rm "$file"
fi
exit "$code"
