#!/bin/sh
# The REST API as its own document describes it: Schemathesis calls every operation of the built program with an admin key, and looks for
# answers that are server errors or that the document does not allow; then every page and every answer is looked at for its headers.
# Needs Python 3.11 and Node 20 (for the program's scaffold). MENSHEN=/path/to/menshen picks the binary; E2E_EXAMPLES says how many calls an operation gets.
set -eu
cd "$(dirname "$0")/../.."
venv=.cache/schemathesis
[ -x "$venv/bin/schemathesis" ] || { python3 -m venv "$venv" && "$venv/bin/pip" -q install -r e2e/api/requirements.txt; }
exec node e2e/api/run.mjs "$@"
