#!/usr/bin/env bash
# Attacks the real SmolLM2 bare and behind the gateway, and measures attempts a second beside garak, PyRIT and promptfoo
# on one mock target. See README.md. E2E_PEERS=0 leaves the peers out (they are 9 GB).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$(dirname "$here")")
. "$root/e2e/set_up.sh"

if [ "${E2E_PEERS:-1}" = 1 ]; then
    venv "$cache/venv-pyrit" "$here/requirements-pyrit.txt"
    export PYRIT_PYTHON=$cache/venv-pyrit/bin/python
    venv "$cache/venv-garak" "$here/requirements-garak.txt"
    export GARAK_PYTHON=$cache/venv-garak/bin/python
    if [ ! -x "$cache/promptfoo/node_modules/.bin/promptfoo" ]; then
        mkdir -p "$cache/promptfoo"
        (cd "$cache/promptfoo" && npm init -y >/dev/null && npm i --ignore-scripts --no-fund --no-audit --silent promptfoo@0.121.20)
    fi
    export PROMPTFOO_BIN=$cache/promptfoo/node_modules/.bin/promptfoo
fi
exec python3 "$here/run.py" "$@"
