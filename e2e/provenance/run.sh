#!/usr/bin/env bash
# Labels a zoo of real files and has other people's tools judge the result. See README.md.
# E2E_OUT=DIR keeps the files and results.json; E2E_TABLE=FILE writes the table (docs/provenance.md).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$(dirname "$here")")
. "$here/set_up.sh"
out=${E2E_OUT:-$(mktemp -d)}
[ -n "${E2E_OUT:-}" ] || trap 'rm -rf "$out"' EXIT
[ -f "$out/zoo/.made" ] || "$python" "$here/make_files.py" "$out/zoo"
"$python" "$here/run.py" --menshen "$MENSHEN_BIN" --zoo "$out/zoo" --work "$out/work" ${E2E_TABLE:+--table "$E2E_TABLE"} "$@"
