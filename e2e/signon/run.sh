#!/bin/sh
# Signing on at a real provider, in a real browser, against the built program. Needs Node 20 and Chromium.
set -eu
cd "$(dirname "$0")"
[ -d ../../web/console/node_modules ] || (cd ../../web/console && npm install --no-save)
[ -d node_modules ] || npm install --no-save --no-fund --no-audit
exec node run.mjs "$@"
