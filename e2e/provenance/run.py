#!/usr/bin/env python3
"""Labels every file of the zoo and has other people's tools judge the result; reads what they write; feeds bad input.

Prints a summary, writes results.json, and ends with 1 at any hole that holes.py does not explain."""

import argparse
import fnmatch
import hashlib
import json
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bad
import checks
import others
import table
import tools
from holes import HOLES, REFUSED

PRODUCER = "001191110102MACQD9K64010000"
MOST_KIB = 64 << 10
# What the columns of the table stand for.
COLUMNS = ("written", "read", "replaced", "third", "metadata", "content", "opens", "memory")


class Menshen:
    """The program under test; says how much memory each call took."""

    def __init__(self, program: str):
        self.program = str(Path(program).resolve())

    def run(self, *words, timeout=600):
        """(exit code, stdout, stderr, KiB at most, seconds). `time` forks from a small process: our own size does not count."""
        command = ["/usr/bin/time", "-f", "%M %e", self.program, "label", *[str(word) for word in words]]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL)
        *said, measured = done.stderr.rstrip("\n").split("\n")
        kib, seconds = measured.split()
        said = [line for line in said if not line.startswith("Command exited with")]
        return done.returncode, done.stdout, "\n".join(said), int(kib), float(seconds)

    def add(self, path, number, *more):
        return self.run("add", "--producer", PRODUCER, "--produce-id", number, *more, path)

    def read(self, path) -> dict:
        code, said, error, kib, _ = self.run("read", "--json", path)
        held = json.loads(said)[0] if said.strip() else {"labels": [], "problem": error, "state": None, "format": None}
        return {**held, "kib": kib, "code": code}


def expected(number: str) -> dict:
    """The seven members that are written first (Annex E)."""
    return {"Label": "1", "ContentProducer": PRODUCER, "ProduceID": number, "ReservedCode1": "",
            "ContentPropagator": PRODUCER, "PropagateID": number, "ReservedCode2": ""}


def sha(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def judge(menshen: Menshen, old: Path, work: Path) -> dict:
    """All checks of one file of the zoo."""
    folder = work / "zoo" / old.name
    folder.mkdir(parents=True)
    new = folder / old.name
    # `cp` keeps the hole of a sparse file.
    subprocess.run(["cp", "--sparse=always", old, new], check=True)
    large = old.stat().st_size > 1 << 30
    result = {"file": old.name, "bytes": old.stat().st_size, "checks": {}, "notes": {}}
    held = result["checks"]

    def check(name, good, note=""):
        held[name] = bool(good)
        if note and not good:
            result["notes"][name] = note

    before = menshen.read(old)
    result["format"] = before["format"]
    reason = next((why for pattern, why in REFUSED.items() if fnmatch.fnmatch(old.name, pattern)), None)
    code, said, error, kib, seconds = menshen.add(new, "first-1")
    result["kib"], result["seconds"] = kib, seconds
    if reason:
        result["refused"] = error
        check("refused", code != 0 and reason in error, f"exit {code}: {error or said}")
        check("untouched", sha(new) == sha(old) and [one.name for one in folder.iterdir()] == [old.name], "changed, or left something")
        return finish(result, folder)
    check("written", code == 0, error)
    if code != 0:
        return finish(result, folder)
    form = before["format"]
    wanted = expected("first-1")
    read = menshen.read(new)
    result["place"] = read["labels"][0]["place"] if read["labels"] else ""
    result["kib"] = max(kib, read["kib"])
    check("read", [tools.members(one["value"]) for one in read["labels"]] == [wanted] and read["state"] == "compliant",
          json.dumps(read, ensure_ascii=False)[:300])
    check("memory", result["kib"] <= MOST_KIB, f"{result['kib']} KiB")
    result["third"], missed = tools.third_parties(new, form, wanted)
    result["missed"] = missed
    check("third", result["third"], json.dumps(missed))
    if large:
        # What decodes does so through the 64-bit tables; hashing the hole would prove nothing more.
        check("metadata", not (gap := checks.differences(checks.metadata(old, form), checks.metadata(new, form))), "; ".join(gap)[:600])
        check("content", not (gap := checks.differences(checks.streams(old), checks.streams(new))), "; ".join(gap)[:600])
        new.unlink()
        return finish(result, folder)
    result["difference"] = checks.added_bytes(old, new)
    once = (checks.metadata(old, form), checks.metadata(new, form))
    check("metadata", not (gap := checks.differences(*once)), "; ".join(gap)[:600])
    office = work / "office"
    parts = checks.content(old, form, office), checks.content(new, form, office)
    check("content", parts[0] and parts[0] == parts[1], "nothing decodes it" if not parts[0] else
          "; ".join(checks.differences(*[dict(enumerate(p)) if isinstance(p, list) else {"": p} for p in parts]))[:600])
    strict = checks.complaints(old, form), checks.complaints(new, form)
    check("opens", not (gap := checks.new_complaints(*strict)), "; ".join(gap)[:600])
    result["complaints"] = {tool: said for tool, said in strict[1].items() if said}
    # A second label takes the place of the first.
    code, _, error, kib, _ = menshen.add(new, "second-22")
    read = menshen.read(new)
    result["kib"] = max(result["kib"], kib)
    values = [tools.members(one["value"]) for one in read["labels"]]
    again, wrong = tools.third_parties(new, form, expected("second-22"))
    check("replaced", code == 0 and values == [expected("second-22")] and set(again) >= set(result["third"]),
          error or f"{values}"[:200] + f" {wrong}"[:300])
    # The label of the first writing must not stay where another tool would find it.
    return finish(result, folder)


def finish(result: dict, folder: Path) -> dict:
    left = [one.name for one in folder.iterdir() if one.name.startswith(".")]
    result["checks"]["nothing left"] = not left
    result["holes"] = {}
    for name, good in result["checks"].items():
        if not good:
            said = result["notes"].get(name, "")
            why = next((why for (pattern, check, words), why in HOLES.items()
                        if check == name and words in said and fnmatch.fnmatch(result["file"], pattern)), None)
            result["holes"][name] = why
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--menshen", required=True)
    parser.add_argument("--zoo", required=True, type=Path)
    parser.add_argument("--work", required=True, type=Path)
    parser.add_argument("--table", type=Path, help="write the table (docs/provenance.md)")
    parser.add_argument("--only", default="*", help="pattern of the zoo's files")
    parser.add_argument("--jobs", type=int, default=3, help="files at a time")
    parser.add_argument("--part", choices=["zoo", "others", "bad"], action="append", help="leave the other parts out")
    args = parser.parse_args()
    parts = args.part or ["zoo", "others", "bad"]
    shutil.rmtree(args.work, ignore_errors=True)
    args.work.mkdir(parents=True)
    args.work, args.zoo = args.work.resolve(), args.zoo.resolve()
    menshen = Menshen(args.menshen)
    files = sorted(one for one in args.zoo.iterdir() if one.is_file() and fnmatch.fnmatch(one.name, args.only)
                   and not one.name.startswith("."))
    results, started = {"zoo": [], "others": [], "bad": []}, time.monotonic()

    def one(path):
        try:
            result = judge(menshen, path, args.work)
        except Exception as error:
            result = {"file": path.name, "format": None, "checks": {"ran": False}, "kib": 0,
                      "notes": {"ran": f"{type(error).__name__}: {error}"[:400]}, "holes": {"ran": None}}
        for name, why in result["holes"].items():
            if why is None:
                print(f"HOLE {path.name}: {name}: {result['notes'].get(name, '')}", flush=True)
        return result

    if "zoo" in parts:
        # LibreOffice takes one caller at a time for each profile: documents go one by one.
        office = [path for path in files if path.suffix in (".docx", ".xlsx", ".dotm")]
        with ThreadPoolExecutor(args.jobs) as pool:
            slow = pool.submit(lambda: [one(path) for path in office])
            results["zoo"] = list(pool.map(one, [path for path in files if path not in office])) + slow.result()
        results["zoo"].sort(key=lambda result: (table.order(result), result["file"]))
    if "others" in parts:
        results["others"] = others.run(menshen, args.zoo, args.work / "others")
    if "bad" in parts:
        results["bad"] = bad.run(menshen, args.zoo, args.work / "bad")
    for part in ("others", "bad"):
        for result in results[part]:
            if not result["good"]:
                print(f"HOLE {part}: {result['name']}: expected {result['expected']}, got {result['got']}")
    (args.work / "results.json").write_text(json.dumps(results, ensure_ascii=False, indent=1, default=str))
    unexpected = sum(1 for r in results["zoo"] for why in r["holes"].values() if why is None)
    unexpected += sum(1 for part in ("others", "bad") for r in results[part] if not r["good"])
    used = {key for key in HOLES for r in results["zoo"] if key[1] in r["holes"] and fnmatch.fnmatch(r["file"], key[0])
            and key[2] in r["notes"].get(key[1], "")}
    stale = [key for key in HOLES if key not in used] if args.only == "*" and "zoo" in parts else []
    for pattern, check, _ in stale:
        print(f"STALE holes.py explains {check} of {pattern}, and there is no such hole")
    done = [r for r in results["zoo"] if "refused" not in r]
    print(f"{len(results['zoo'])} files ({len(done)} labelled, {len(results['zoo']) - len(done)} refused), "
          f"{sum(len(r['holes']) for r in results['zoo'])} holes; {len(results['others'])} written by others; "
          f"{len(results['bad'])} of bad input; {unexpected} unexpected, {len(stale)} stale; "
          f"at most {max((r['kib'] for r in results['zoo']), default=0) / 1024:.1f} MiB; {time.monotonic() - started:.0f} s")
    if args.table:
        args.table.write_text(table.markdown(results))
    return 1 if unexpected or stale else 0


if __name__ == "__main__":
    sys.exit(main())
