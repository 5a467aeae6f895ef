#!/usr/bin/env bash
# Measures the shipped judge beside peers that learn from the very same texts, and prints one Markdown table.
#
#     cargo build --release -p menshen                # the model in the binary is the one that is measured
#     cargo bench -p menshen-judge --bench judge      # where our microseconds come from; optional
#     bash bench/judge/run.sh > table.md
#
# MENSHEN            the binary; target/release/menshen
# DATA               the folder of further texts; ../shared/data beside the repository
# BENCH_JUDGE_WORK   texts, trained peers and their Python packages; a folder in the temporary folder. Peers that were
#                    trained there on equal texts are not trained again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
menshen=${MENSHEN:-$target/release/menshen}
data=${DATA:-$root/../shared/data}
work=${BENCH_JUDGE_WORK:-${TMPDIR:-/tmp}/menshen-bench-judge}
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1

if [ ! -d "$data" ]; then
    echo "bench: skipped: $data is not there; the peers would have the seeds alone to learn from (set DATA)" >&2
    exit 0
fi
if [ ! -x "$menshen" ]; then
    echo "bench: $menshen is missing; build it first (cargo build --release -p menshen) or set MENSHEN" >&2
    exit 3
fi
if ! "$menshen" judge texts --help >/dev/null 2>&1; then
    echo "bench: $menshen does not know 'judge texts'; build it anew (cargo build --release -p menshen)" >&2
    exit 3
fi
mkdir -p "$work"
# The recipe names seeds and topics by paths of the repository.
menshen=$(realpath "$menshen") data=$(realpath "$data") work=$(realpath "$work")
cd "$root"

if [ ! -e "$work/venv/complete" ]; then
    # fastText has no wheel: its source is compiled, which takes a C++ compiler and a minute or two.
    command -v c++ >/dev/null || { echo "bench: c++ is missing; fastText is compiled from source" >&2; exit 3; }
    python3 -m venv "$work/venv"
    nice -n 19 "$work/venv/bin/pip" install --quiet \
        fasttext==0.9.3 scikit-learn==1.9.1 scipy==1.17.1 numpy==1.26.4 joblib==1.6.0 >&2
    touch "$work/venv/complete"
fi
python=$work/venv/bin/python

for split in train dev test; do
    "$menshen" judge texts --data "$data" --split "$split" >"$work/$split.jsonl"
done
rm -rf "$work/pack" "$work/pack-first"
"$menshen" judge export --out "$work/pack" >&2
"$menshen" judge export --fast-only --out "$work/pack-first" >&2
nice -n 19 "$menshen" judge eval --data "$data" --json >"$work/eval.json"

# Peers depend on the texts and on these scripts.
now=$(cat "$work"/{train,dev,test}.jsonl "$here"/{peers,texts}.py | sha256sum)
if [ "$(cat "$work/trained-on" 2>/dev/null)" != "$now" ]; then
    rm -f "$work"/{fasttext,fasttext-small,tfidf}.json "$work"/fasttext.{bin,ftz} "$work"/{tfidf.joblib,trained-on}
    for peer in fasttext fasttext-small tfidf; do
        nice -n 19 "$python" "$here/peers.py" train "$peer" "$work"
    done
    echo "$now" >"$work/trained-on"
fi
for peer in fasttext fasttext-small tfidf; do
    nice -n 19 "$python" "$here/peers.py" measure "$peer" "$work"
done
exec "$python" "$here/table.py" "$work" "$menshen" "$target/criterion/judge"
