#!/usr/bin/env python3
"""Writes the records of the labelled files that the shipped judge has not learnt from, for `menshen check --confusion`.

    python3 bench/judge/held_out.py MENSHEN DATA OUT

MENSHEN is the binary, DATA the folder with risk.jsonl, attack.jsonl and benign.jsonl, OUT a folder to write to. A record
is kept when its text is in the test split of models/judge/recipe.toml (`menshen judge texts --split test`).
"""

import json
import subprocess
import sys
from pathlib import Path


def main() -> int:
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        return 2
    menshen, data, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    if not data.is_dir():
        print(f"skipped: {data} is not there", file=sys.stderr)
        return 0
    listed = subprocess.run(
        [menshen, "judge", "texts", "--data", str(data), "--split", "test"], check=True, capture_output=True, text=True
    ).stdout
    held = {json.loads(line)["text"] for line in listed.splitlines()}
    out.mkdir(parents=True, exist_ok=True)
    for name in ("risk", "attack", "benign"):
        kept = 0
        with (data / f"{name}.jsonl").open(encoding="utf-8") as lines, (out / f"{name}.jsonl").open("w", encoding="utf-8") as target:
            for line in lines:
                if json.loads(line)["text"] in held:
                    target.write(line)
                    kept += 1
        print(f"{name}: {kept} records", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
