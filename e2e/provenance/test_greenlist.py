"""The Python of docs/watermark.md against the vectors in it, which the Rust is held to as well."""

import hashlib
import json
import os
from pathlib import Path

import greenlist

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "watermark.md"


def vectors():
    return [json.loads(line) for line in DOCUMENT.read_text().splitlines() if line.startswith('{"key"')]


def marker(vector):
    context = len(vector["context"]) if "context" in vector else vector["context_length"]
    spec = {"scheme": greenlist.SCHEME, "gamma": vector["gamma"], "delta": 2.0, "context": context}
    return greenlist.GreenList(spec, bytes.fromhex(vector["key"]))


def test_green_lists():
    lists = [vector for vector in vectors() if "context" in vector]
    assert len(lists) == 6
    for vector in lists:
        green = marker(vector).green_ids(vector["context"], vector["vocabulary"])
        assert (len(green), green[:12], green[-1]) == (vector["green"], vector["first"], vector["last"])


def test_detection():
    counts = [vector for vector in vectors() if "tokens" in vector]
    assert len(counts) == 3
    for vector in counts:
        found = marker(vector).detect([(31 * i * i + 7 * i) % 5000 for i in range(vector["tokens"])])
        assert all(found[name] == vector[name] for name in ("scored", "green", "enough"))
        assert all(abs(found[name] - vector[name]) < 1e-8 for name in ("z", "p"))


def test_a_biased_choice_is_found():
    marks = marker(vectors()[0])
    answer = [1]
    while len(answer) < 60:
        logits = [0.0] * 300
        marks.bias(answer, logits)
        # Among the green, one that was not used yet.
        answer.append(max((i for i in range(300) if i not in answer), key=lambda i: logits[i]))
    found = marks.detect(answer)
    assert found["green"] == found["scored"] == 59 and found["p"] < 1e-30
    logits = [0.0] * 300
    marks.bias([], logits)
    assert not any(logits), "an answer without a token yet has no context"


def test_sm3_without_openssl():
    assert greenlist.OwnSm3(b"abc").digest().hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    if greenlist.SM3:
        for length in (0, 55, 56, 64, 200):
            data = os.urandom(length)
            assert greenlist.OwnSm3(data).digest() == hashlib.new("sm3", data).digest()


if __name__ == "__main__":
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
            print(f"{name}: passed")
