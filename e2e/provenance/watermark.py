"""How often the text watermarks are found, on what a real model writes; Markdown on standard output.

The model is SmolLM2-135M-Instruct, which writes English: nothing here is a figure for Chinese.
"""

import argparse
import json
import math
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import unicodedata

import greenlist
import servers

RATE = 1e-5
LENGTHS = (40, 100, 200)
KEYS = 20


def main():
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--n", type=int, default=60, help="texts of each kind")
    parse.add_argument("--tokens", type=int, default=201, help="tokens a text at most: 200 that have one before them")
    parse.add_argument("--temperature", type=float, default=0.8)
    parse.add_argument("--delta", type=float, default=2.0)
    parse.add_argument("--gamma", type=float, default=0.25)
    parse.add_argument("--context", type=int, default=1)
    parse.add_argument("--minutes", type=float, default=60, help="no text is begun later than this")
    parse.add_argument("--out", help="folder for the texts, so that a stopped run can go on")
    parse.add_argument("--data", default=os.path.join(os.path.dirname(__file__), "../../../shared/data"))
    args = parse.parse_args()
    args.out = args.out or tempfile.mkdtemp(prefix="menshen-watermark-")
    os.makedirs(args.out, exist_ok=True)

    spec = {"scheme": greenlist.SCHEME, "gamma": args.gamma, "delta": args.delta, "context": args.context,
            "key_id": "e2e", "tokenizer": "smollm2"}
    key = bytes(range(32))
    with open(os.path.join(args.out, "spec.json"), "w") as file:
        json.dump(spec, file)
    with open(os.path.join(args.out, "key"), "w") as file:
        file.write(key.hex())
    flags = ["--watermark", os.path.join(args.out, "spec.json"), "--watermark-key", os.path.join(args.out, "key")]
    binary, model = os.environ["SMOLSERVE_BIN"], os.environ["SMOL_MODEL"]
    plain = servers.Server(binary, model)
    marked = servers.Server(binary, model, flags)
    try:
        settings = {name: spec[name] for name in ("gamma", "delta", "context")}
        settings |= {"temperature": args.temperature, "tokens": args.tokens}
        measure(args, settings, greenlist.GreenList(spec, key), spec, marked, *servers.texts(plain, marked, args, settings))
    finally:
        plain.stop()
        marked.stop()


def measure(args, settings, marks, spec, server, marked, plain):
    if not marked or not plain:
        raise SystemExit("no texts were written; give it more --minutes")
    again = server.write(marked[0]["prompt"], marked[0]["seed"], args.temperature, args.tokens)
    check(again["text"] == marked[0]["text"], "a seed gives the same answer again")
    tokenize = lambda text: server.ask("/tokenize", {"text": text})["tokens"]
    for record in marked + plain:
        record["ids"] = tokenize(record["text"])
        # Two implementations, one answer: Rust over HTTP, Python here.
        rust, own = server.ask("/watermark/detect", {"text": record["text"]}), marks.detect(record["ids"])
        check(all(rust[name] == own[name] for name in ("scored", "green", "enough")), f"{rust} {own}")
        check(abs(rust["z"] - own["z"]) < 1e-9 and math.isclose(rust["p"], own["p"], rel_tol=1e-6), f"{rust} {own}")
        record["found"] = own

    print(f"SmolLM2-135M-Instruct, temperature {args.temperature}, γ {spec['gamma']}, δ {spec['delta']}, context "
          f"{spec['context']}; {len(marked)} marked and {len(plain)} unmarked English texts of up to {args.tokens} tokens; "
          f"found means p ≤ {RATE:g}. {machine()}.\n")
    lengths(marks, marked, plain)
    human = passages(args.data, tokenize)
    attacks(marks, tokenize, marked, human)
    alarms(marks, spec, plain, human)
    quality(marked, plain)
    invisible(plain)


def lengths(marks, marked, plain):
    print("| tokens scored | marked texts so long | found | and enough tokens | mean z | unmarked texts so long | called marked |")
    print("|--:|--:|--:|--:|--:|--:|--:|")
    for length in LENGTHS:
        cut = lambda records: [marks.detect(r["ids"][: length + marks.context]) for r in records
                               if len(r["ids"]) >= 0.95 * length + marks.context]
        ours, others = cut(marked), cut(plain)
        hits = sum(found["p"] <= RATE for found in ours)
        enough = sum(found["p"] <= RATE and found["enough"] for found in ours)
        z = statistics.mean(found["z"] for found in ours) if ours else math.nan
        print(f"| {length} | {len(ours)} | {share(hits, len(ours))} | {share(enough, len(ours))} | {z:.1f} "
              f"| {len(others)} | {sum(found['p'] <= RATE for found in others)} |")
    same = sum(len(r["ids"]) == r["tokens"] for r in marked)
    print(f"\nOf {len(marked)} marked texts {same} have as many tokens when tokenized anew as when they were written.\n")


def attacks(marks, tokenize, marked, human):
    rng = random.Random(1)
    swap = str.maketrans("aceopxyACEHKMOPTX", "асеорхуАСЕНКМОРТХ")
    wide = {c: chr(ord(c) + 0xFEE0) for c in map(chr, range(0x21, 0x7F))}

    def drop(text):
        return " ".join(word for word in text.split(" ") if rng.random() >= 0.2)

    def some(text, mapping):
        return "".join(mapping(c) if rng.random() < 0.3 else c for c in text)

    def paste(text):
        # A hundred tokens of ours between as many of a person's.
        about = rng.choice(human["en"]).split(" ")
        middle = len(about) // 2
        return " ".join(about[:middle]) + " " + text[len(text) // 2 :] + " " + " ".join(about[middle:])

    fold = lambda text: unicodedata.normalize("NFKC", text)
    rows = [
        ("none", lambda text: text),
        ("20 % of the words dropped", drop),
        ("second half alone", lambda text: text[len(text) // 2 :]),
        ("all in lower case", str.lower),
        ("30 % of the letters full-width", lambda text: some(text, lambda c: wide.get(c, c))),
        ("the same, folded with NFKC", lambda text: fold(some(text, lambda c: wide.get(c, c)))),
        ("30 % of a c e o p … Cyrillic, folded with NFKC", lambda text: fold(some(text, lambda c: c.translate(swap)))),
    ]
    if human["en"]:
        rows.insert(3, ("second half, in the middle of a person's 200 tokens", paste))
    whole = [r for r in marked if len(r["ids"]) >= 190]
    print("| what was done to the text | texts | found | mean z |\n|---|--:|--:|--:|")
    for name, attack in rows:
        found = [marks.detect(tokenize(attack(r["text"]))) for r in whole]
        hits = sum(f["p"] <= RATE and f["enough"] for f in found)
        z = statistics.mean(f["z"] for f in found) if found else math.nan
        print(f"| {name} | {len(found)} | {share(hits, len(found))} | {z:.1f} |")
    print()


def alarms(marks, spec, plain, human):
    """Unmarked texts by many keys: whether p says what it should."""
    rng = random.Random(2)
    keys = [marks] + [greenlist.GreenList(spec, rng.randbytes(32)) for _ in range(KEYS - 1)]
    print(f"| unmarked texts, {KEYS} keys each | texts | p ≤ 0.01 | p ≤ 0.001 | p ≤ 0.0001 | p ≤ {RATE:g} |")
    print("|---|--:|--:|--:|--:|--:|")
    for name, ids in [("SmolLM2, no mark", [r["ids"] for r in plain]), *human["ids"].items()]:
        values = [key.detect(tokens)["p"] for key in keys for tokens in ids]
        rates = [sum(p <= rate for p in values) for rate in (1e-2, 1e-3, 1e-4, RATE)]
        print(f"| {name} | {len(ids)} | " + " | ".join(f"{n} of {len(values)}" for n in rates) + " |")
    print()


def quality(marked, plain):
    mean = lambda records: sum(r["logprob"] * r["tokens"] for r in records) / sum(r["tokens"] for r in records)
    rng = random.Random(3)
    ratio = lambda ours, others: math.exp(mean(others) - mean(ours))
    spread = sorted(ratio(rng.choices(marked, k=len(marked)), rng.choices(plain, k=len(plain))) for _ in range(1000))
    speed = lambda records: sum(r["tokens"] for r in records) / sum(r["cpu_s"] for r in records)
    print("| | marked | unmarked |\n|---|--:|--:|")
    print(f"| mean log-probability a token, by the model without the mark | {mean(marked):.3f} | {mean(plain):.3f} |")
    print(f"| perplexity by the model without the mark | {math.exp(-mean(marked)):.2f} | {math.exp(-mean(plain)):.2f} |")
    print(f"| tokens generated a second of CPU, prompt included | {speed(marked):.1f} | {speed(plain):.1f} |")
    print(f"\nPerplexity ratio {ratio(marked, plain):.2f} (95 % interval by resampling texts: {spread[25]:.2f} to "
          f"{spread[974]:.2f}).\n")


def invisible(plain):
    """The marks of characters that are not seen, through the program itself."""
    program = os.environ.get("MENSHEN_BIN")
    if not program:
        print("Invisible marks: not measured, MENSHEN_BIN is not set.", file=sys.stderr)
        return
    cf = lambda text: "".join(c for c in text if unicodedata.category(c) != "Cf")
    rows = [
        ("nothing", lambda text: text),
        ("through UTF-8 and JSON", lambda text: json.loads(json.dumps(text).encode()),),
        ("NFC", lambda text: unicodedata.normalize("NFC", text)),
        ("NFKC", lambda text: unicodedata.normalize("NFKC", text)),
        ("lower case", str.lower),
        ("first half alone", lambda text: text[: len(text) // 2]),
        ("category Cf removed", cf),
        ("Cf and variation selectors removed", lambda text: "".join(c for c in cf(text) if not 0xE0100 <= ord(c) <= 0xE01EF)),
        ("all but ASCII removed", lambda text: text.encode("ascii", "ignore").decode()),
    ]
    print("| done to a text with an invisible mark of 8 bytes | zero-width found | variation selectors found |\n|---|--:|--:|")
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, "a.txt"), os.path.join(folder, "b.txt")
        copies = {}
        for scheme in ("zero-width", "variation-selector"):
            copies[scheme] = []
            for record in plain[:20]:
                write(source, record["text"])
                subprocess.run([program, "label", "watermark", "mark", "--scheme", scheme, "--payload",
                                "0123456789abcdef", source, "-o", target], check=True, stdout=subprocess.DEVNULL)
                with open(target, encoding="utf-8", newline="") as file:
                    copies[scheme].append(file.read())
                os.remove(target)
        for name, attack in rows:
            cells = []
            for texts in copies.values():
                hits = 0
                for text in texts:
                    write(source, attack(text))
                    said = subprocess.run([program, "label", "watermark", "find", "--json", source],
                                          stdout=subprocess.PIPE, text=True).stdout
                    hits += any(mark["payload"] == "0123456789abcdef" for mark in json.loads(said)[0]["marks"])
                cells.append(share(hits, len(texts)))
            print(f"| {name} | {cells[0]} | {cells[1]} |")
    print()


def passages(data, tokenize):
    """What people wrote, in pieces of about 200 tokens; records that are shorter are put one after the other."""
    result = {"en": [], "ids": {}}
    if not os.path.isdir(data):
        print(f"Texts of people: not measured, {data} is missing.", file=sys.stderr)
        return result
    for name, source, lang, most in [
        ("people, English (chatterbot, benign.jsonl)", "benign.jsonl", "en", 60),
        ("people, Chinese (oasst and others, benign.jsonl)", "benign.jsonl", "zh", 60),
        ("people, Chinese (reviews, sentiment.jsonl)", "sentiment.jsonl", "zh", 60),
    ]:
        pieces, words = [], []
        for line in open(os.path.join(data, source), encoding="utf-8"):
            record = json.loads(line)
            if record.get("lang") != lang or len(pieces) == most:
                continue
            words.append(record["text"])
            # Rough: a token is four Latin letters, or two thirds of an ideograph.
            if sum(map(len, words)) >= (850 if lang == "en" else 130):
                pieces.append(" ".join(words))
                words = []
        result["ids"][name] = [tokenize(piece)[:201] for piece in pieces]
        if lang == "en":
            result["en"] = pieces
    return result


def write(path, text):
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)


def share(hits, n):
    return f"{hits} of {n} ({100 * hits / n:.0f} %)" if n else "–"


def check(holds, what):
    if not holds:
        raise SystemExit(f"watermark: this does not hold: {what}")


def machine():
    name = platform.processor() or platform.machine()
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            name = line.split(":", 1)[1].strip()
    return f"{os.cpu_count()} cores of {name}, no GPU"


if __name__ == "__main__":
    main()
