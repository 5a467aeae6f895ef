#!/usr/bin/env bash
# Measures the text watermarks on a real model; Markdown on standard output. See README.md; arguments go to watermark.py.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$(dirname "$here")")
. "$root/e2e/set_up.sh"
export PYTHONDONTWRITEBYTECODE=1
python3 "$here/test_greenlist.py" >&2
exec nice -n 10 python3 "$here/watermark.py" "$@"
