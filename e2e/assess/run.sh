#!/usr/bin/env bash
# Assesses the real SmolLM2 bare and behind the gateway, and scripted models on each threshold. See README.md.
# E2E_FULL=0 leaves the 1,000/300/300 run of the real model out; E2E_OUT=DIR keeps the reports.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$(dirname "$here")")
. "$root/e2e/set_up.sh"
exec python3 "$here/run.py" "$@"
