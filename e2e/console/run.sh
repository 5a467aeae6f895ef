#!/usr/bin/env bash
# The console's pages: built, checked, and driven in Chromium against the real program.
#
#   e2e/console/run.sh pages       install what they need within web/console, check types, lints and units, build them
#   e2e/console/run.sh browser …   every page and every task in Chromium (further words go to Playwright)
#   e2e/console/run.sh pictures    docs/console/*.png
#
# MENSHEN=/path/to/menshen and CHROMIUM=/path/to/chromium pick other programs. Where Node or Chromium is missing this fails;
# with CONSOLE_OPTIONAL=1, and outside CI, it says so and lets the rest go on.
set -euo pipefail
cd "$(dirname "$0")/../.."

missing() {
    echo "console: $1" >&2
    if [ -n "${CI:-}" ] || [ -z "${CONSOLE_OPTIONAL:-}" ]; then
        exit 3
    fi
    echo "console: SKIPPED: the pages were not tested on this machine" >&2
    exit 0
}

command -v node >/dev/null && command -v npm >/dev/null || missing "Node 20 or newer and npm are needed: apt-get install -y nodejs npm"
[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || missing "Node 20 or newer is needed; this is $(node --version)"
what=${1:-browser}
shift || true
if [ "$what" != pages ]; then
    found=
    for one in "${CHROMIUM:-}" /usr/bin/chromium /usr/bin/chromium-browser /usr/bin/google-chrome; do
        if [ -n "$one" ] && [ -x "$one" ]; then
            found=$one
            break
        fi
    done
    [ -n "$found" ] || missing "Chromium is needed: apt-get install -y chromium fonts-noto-cjk, or CHROMIUM=/path/to/chromium"
    export CHROMIUM=$found
fi

cd web/console
# Not `npm ci`: it refuses where a registry lacks the optional packages of other systems; versions are the lock file's all the same.
if [ ! -d node_modules ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    npm install --no-save --no-audit --no-fund
fi
case $what in
pages)
    npm run --silent lint
    npm run --silent test
    npm run --silent build
    touch ../../crates/console/build.rs
    ;;
browser)
    npm run --silent api -- --check
    npx playwright test "$@"
    ;;
pictures) npm run --silent screenshots ;;
*)
    echo "console: '$what' is none of pages, browser, pictures" >&2
    exit 2
    ;;
esac
