"""The figures of `run.sh` as one Markdown table: table.py WORK MENSHEN CRITERION."""

import json
import math
import os
import pathlib
import platform
import subprocess
import sys

import texts

MIB = 1024 * 1024
PEERS = {
    "fasttext": "fastText",
    "fasttext-small": "fastText, quantized",
    "tfidf": "TF-IDF of 1–4 characters + logistic regression",
}
SOURCES = ["evaluation", "jade", "cnsafe"]


def share(found, interval=False):
    if not found["of"]:
        return "–"
    n, p = found["of"], found["hits"] / found["of"]
    if not interval:
        return f"{p * 100:.1f} %"
    # Wilson's interval, as in crates/judge/src/metrics.rs.
    z = 1.959964
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return f"{p * 100:.1f} % ({(middle - half) * 100:.1f}–{(middle + half) * 100:.1f})"


def fastest(folder, weights):
    """Microseconds of the fastest criterion sample on 256 Chinese characters, or None if it was not run since."""
    path = folder / "zh_256_chars" / "new" / "sample.json"
    if not path.exists() or path.stat().st_mtime < weights.stat().st_mtime:
        return None
    sample = json.loads(path.read_text(encoding="utf-8"))
    return min(time / count for time, count in zip(sample["times"], sample["iters"], strict=True)) / 1000


def peak_mib(command):
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    # `check` exits with 1 when it finds something.
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        sys.exit(f"bench: {command[1]} failed")
    return used.ru_maxrss / 1024


def ours(work, menshen, criterion):
    evaluations = json.loads((work / "eval.json").read_text(encoding="utf-8"))
    weights = pathlib.Path("models/judge/model.safetensors")
    took = {
        name: fastest(criterion / name, weights)
        for name in ("reading", "first_stage", "second_stage", "both_stages", "cascade")
    }
    alone = took["reading"] + took["first_stage"] if took["reading"] and took["first_stage"] else None
    check = [str(menshen), "check", "--json", texts.PROSE]
    without = peak_mib([*check, "--rules-only"])
    rows = []
    for found in evaluations:
        first = found["model"] == "first stage"
        pack = work / ("pack-first" if first else "pack")
        # The whole model is the one in the binary; its first stage alone has to be a pack.
        whole = peak_mib([*check, "--model", str(pack)] if first and len(evaluations) > 1 else check)
        rows.append({
            "name": f"menshen, {found['model']}",
            "recall_at": found["risky_zh"]["recall_at"],
            "by_source": {name: pair[1] for name, pair in found["risky_by_source"].items()},
            "recall": found["risky_zh"]["recall"],
            "flagged": found["flagged"],
            "us": alone if first else took["cascade"],
            "us_most": None if first else took["both_stages"],
            "bytes": sum(file.stat().st_size for file in pack.iterdir()),
            "rss_mib": whole,
            "rss_added_mib": whole - without,
        })
    return evaluations, rows, took


def cell(row):
    flagged = row["flagged"]
    took = f"{row['us']:,.0f}" if row["us"] else "–"
    if row["us"] and row.get("us_most"):
        took += f"; {row['us_most']:,.0f} with the second stage"
    none = {"hits": 0, "of": 0}
    by_source = [share(row["by_source"].get(name, none)) for name in SOURCES]
    at_chosen = [row["recall"]] + [flagged.get(f"{kind} zh", none) for kind in ("ordinary", "sensitive", "near_miss")]
    return [
        row["name"], share(row["recall_at"], True), *by_source, *map(share, at_chosen), took,
        f"{row['bytes'] / MIB:,.1f}", f"{row['rss_mib']:,.0f}", f"{row['rss_added_mib']:,.0f}",
    ]


def main():
    work, menshen, criterion = map(pathlib.Path, sys.argv[1:4])
    evaluations, rows, took = ours(work, menshen, criterion)
    notes = []
    for file, name in PEERS.items():
        figures = json.loads((work / f"{file}.json").read_text(encoding="utf-8"))
        rows.append({"name": name, **figures})
        if figures["params"]:
            chosen = ", ".join(f"{key} {value}" for key, value in figures["params"].items())
            notes.append(f"{name}: {chosen}")
    manifest = json.loads((work / "pack" / "model.json").read_text(encoding="utf-8"))
    train = texts.load(work / "train.jsonl")
    first = evaluations[0]
    flagged = first["flagged"]
    of = {kind: flagged[f"{kind} zh"]["of"] for kind in ("ordinary", "sensitive", "near_miss")}
    print(
        f"Model {manifest['version']} on {platform.machine()}, one core, load average now "
        f"{os.getloadavg()[0]:.1f}. Peers learn from {len(train):,} texts; the test split has "
        f"{first['risky_zh']['recall_at']['of']:,} risky Chinese texts, {of['ordinary']:,} ordinary, "
        f"{of['sensitive']:,} sensitive and {of['near_miss']:,} near misses. Chosen on the development split: "
        f"{'; '.join(notes)}.\n"
    )
    if manifest["made"]["data"] != first["data"]:
        print("The model was trained before the texts were changed; train it again for a fair table.\n")
    head = [
        "model", "recall at 1 % FPR, zh", *SOURCES, "recall at its threshold", "ordinary flagged there",
        "sensitive flagged there", "near miss flagged there", "µs a text", "MiB on disk", "RSS MiB", "of it the model",
    ]
    print("| " + " | ".join(head) + " |")
    print("|---" + "|--:" * (len(head) - 1) + "|")
    for row in rows:
        print("| " + " | ".join(cell(row)) + " |")
    if took["cascade"] is None:
        print("\nNo microseconds of ours: run `cargo bench -p menshen-judge --bench judge` with this model first.")
    else:
        steps = ", ".join(f"{name.replace('_', ' ')} {us:,.1f}" for name, us in took.items() if us)
        print(f"\nOurs step by step, µs: {steps}.")


if __name__ == "__main__":
    main()
