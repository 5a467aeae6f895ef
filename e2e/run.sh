#!/usr/bin/env bash
# Drives the built gateway from outside with the official client packages and a real model. See README.md.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
. "$here/set_up.sh"

venv "$cache/venv-e2e" "$here/requirements.txt"
if [ "${E2E_LITELLM:-1}" = 1 ]; then
    venv "$cache/venv-litellm" "$here/requirements-litellm.txt"
    export LITELLM_BIN=$cache/venv-litellm/bin/litellm
fi

cd "$here"
exec env PYTHONDONTWRITEBYTECODE=1 "$cache/venv-e2e/bin/python" -m pytest "$@"
