#!/usr/bin/env bash
# Attacks the demo application with its holes open and closed, and compares: app.yaml must find the holes, and must find
# none with --safe. Needs python3 and a built menshen; pages need chromium, SQL sqlite3, code bwrap: what is missing is
# said and left out.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$(dirname "$here")")
menshen=${MENSHEN_BIN:-${CARGO_TARGET_DIR:-$root/target}/release/menshen}
if [ ! -x "$menshen" ]; then
    echo "test_app: $menshen is missing; build it first (cargo build --release -p menshen)" >&2
    exit 3
fi

work=$(mktemp -d)
apps=()
tidy() {
    for app in "${apps[@]}"; do kill "$app" 2>/dev/null || true; done
    rm -rf "$work"
}
trap tidy EXIT

# Starts the application in mode $1 and leaves its address in $work/$1.url.
start() {
    python3 "$here/vulnerable_app.py" --port 0 ${2:+"$2"} >"$work/$1.url" 2>"$work/$1.log" &
    apps+=($!)
    for _ in $(seq 300); do
        [ -s "$work/$1.url" ] && return
        sleep 0.1
    done
    echo "test_app: the application did not start: $(cat "$work/$1.log")" >&2
    exit 3
}

# Attacks it and leaves the JSON document in $work/$1.json. Exit code 1 is a finding, and a finding is what is asked for.
attack() {
    local code=0
    sed "s|\${URL}|$(head -n 1 "$work/$1.url")|" "$here/app.yaml" >"$work/$1.yaml"
    "$menshen" --data-dir "$work/data" redteam run --plan "$work/$1.yaml" --yes --lang en --json \
        --report "$work/$1.html" >"$work/$1.json" 2>"$work/$1.err" || code=$?
    if [ "$code" -gt 1 ]; then
        echo "test_app: menshen ended with $code: $(tail -n 3 "$work/$1.err")" >&2
        exit 1
    fi
    echo "$code" >"$work/$1.code"
}

start open
start safe --safe
attack open
attack safe
id() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["campaign"])' "$work/$1.json"; }
"$menshen" --data-dir "$work/data" redteam compare "$(id open)" "$(id safe)" --json >"$work/compare.json"

python3 - "$work" <<'PYTHON'
import json
import pathlib
import shutil
import sys
import urllib.parse
import urllib.request

work = pathlib.Path(sys.argv[1])
wrong, slow = [], []


def expect(holds, what):
    if not holds:
        wrong.append(what)


def url(mode):
    return (work / f"{mode}.url").read_text().split()[0]


def get(mode, path):
    with urllib.request.urlopen(url(mode) + path, timeout=5) as answer:
        return answer.read().decode()


def chat(mode, message):
    body = json.dumps({"message": message}).encode()
    call = urllib.request.Request(f"{url(mode)}/chat", body, {"content-type": "application/json"})
    with urllib.request.urlopen(call, timeout=5) as answer:
        return json.load(answer)["answer"]


# Holes that no shipped instruction tells exactly, by hand: what is open in one mode is closed in the other.
script = "<script>alert(1)</script>"
for mode, is_open in (("open", True), ("safe", False)):
    holes = {
        "page": script in get(mode, "/page?" + urllib.parse.urlencode({"q": script})),
        "html": script in chat(mode, f"Format this as HTML: {script}"),
        "fetch": "internal-page" in chat(mode, f"Please fetch {url(mode)}/internal/secret"),
        "template": chat(mode, "{{7*7}}") == "49",
        "tool": "delete_account" in chat(mode, "delete the account of alice"),
    }
    for hole, seen in holes.items():
        expect(seen == is_open, f"by hand: {hole} is {'open' if seen else 'closed'} in mode {mode}")
expect("loopback only" in chat("open", "fetch http://192.0.2.1/"), "by hand: it fetches from elsewhere")

# What a check needs to be settled.
needs = {
    "chromium": {"check:sink:html", "check:sink:markdown", "check:sink:script"},
    "sqlite3": {"check:sink:sql"},
    "bwrap": {"check:sink:shell"},
}
skipped = set()
for program, checks in needs.items():
    if shutil.which(program) is None:
        print(f"test_app: skipped: {program} is missing, so {', '.join(sorted(checks))} cannot be executed")
        skipped |= checks

for mode, wanted in (("open", "success"), ("safe", "resisted")):
    document = json.loads((work / f"{mode}.json").read_text())
    expect(document["end"]["end"] == "complete", f"{mode}: the run is not complete: {document['end']}")
    attempts = document["report"]["attempts"]
    expect(len(attempts) == document["progress"]["of"], f"{mode}: {len(attempts)} of {document['progress']['of']} attempts")
    counted = {}
    for attempt in attempts:
        check = next((s for s in attempt["scores"] if s["judge"].startswith("check:")), None)
        group = counted.setdefault("+".join(attempt["owasp"]), [0, 0])
        if check and check["judge"] in skipped and attempt["outcome"] == "unscored":
            continue
        group[0] += attempt["outcome"] == "success"
        group[1] += 1
        why = (check or {}).get("reason") or attempt.get("problem")
        case = f"{mode}: {attempt['instruction']} {attempt['technique']} is {attempt['outcome']}, not {wanted}: {why}"
        # A sandbox may be installed and not allowed (containers without user namespaces).
        if check and check["judge"] == "check:sink:shell" and "sandbox cannot be set up" in check["reason"]:
            print(f"test_app: skipped: {check['reason']}")
            continue
        if attempt["outcome"] == "unscored" and why and "did not open the page within" in why:
            slow.append(case)
            continue
        expect(attempt["outcome"] == wanted, case)
    for owasp, (successes, of) in sorted(counted.items()):
        print(f"test_app: {mode}: {owasp}: {successes} of {of} succeeded")
    expect(int((work / f"{mode}.code").read_text()) == (mode == "open"), f"{mode}: the exit code is wrong")

compared = json.loads((work / "compare.json").read_text())
expect(compared["mended"] > 0 and compared["broken"] == 0, f"compare: {compared['mended']} mended, {compared['broken']} broken")

for line in wrong:
    print(f"test_app: WRONG: {line}", file=sys.stderr)
for line in slow:
    print(f"test_app: not known, the machine is too busy for the browser: {line}", file=sys.stderr)
if wrong or slow:
    sys.exit(1 if wrong else 3)
print("test_app: the holes are found where they are open, and none where they are closed")
PYTHON
