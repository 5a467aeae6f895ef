#!/usr/bin/env bash
# Runs the same load through Menshen and its peers and prints one Markdown table. See README.md.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
cache=$root/.cache
litellm_version=1.106.2

target=${CARGO_TARGET_DIR:-$root/target}
export MENSHEN_BIN=${MENSHEN_BIN:-$target/release/menshen}
if [ ! -x "$MENSHEN_BIN" ]; then
    echo "bench: $MENSHEN_BIN is missing; build it first (cargo build --release -p menshen)" >&2
    exit 3
fi

(cd "$here/gateway" && CARGO_TARGET_DIR=$cache/target/gatebench cargo build --release --locked --quiet)
export GATEBENCH_BIN=$cache/target/gatebench/release/gatebench

if [ "${BENCH_LITELLM:-1}" = 1 ]; then
    venv=$cache/venv-litellm
    if [ ! -x "$venv/bin/litellm" ]; then
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet -r "$root/e2e/requirements-litellm.txt"
    fi
    have=$("$venv/bin/python" -c 'import importlib.metadata as m; print(m.version("litellm"))')
    if [ "$have" != "$litellm_version" ]; then
        echo "bench: $venv holds litellm $have, not $litellm_version; remove it and run again" >&2
        exit 3
    fi
    export LITELLM_BIN=$venv/bin/litellm
fi

exec python3 "$here/run.py" "$@"
