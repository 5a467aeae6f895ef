"""Word lists for the benchmark: random Han words, the same for a given seed, none of which occurs in given texts."""

import random

# The 3,755 common characters of GB 2312, level 1: rows 16 to 55.
COMMON = [
    bytes((row + 0xA0, cell + 0xA0)).decode("gb2312")
    for row in range(16, 56)
    for cell in range(1, 95)
    if not (row == 55 and cell > 89)
]

# What gatebench writes over the mark in a text to make it another one (bench/gateway/src/serial.rs).
SERIAL = set("东南西北春夏秋冬风花雪月山水云雨")


def words(count, avoid, seed=7):
    """`count` distinct words of two or three characters; punctuation in `avoid` does not hide a word from the check."""
    plain = "".join(c for text in avoid for c in text if "\u4e00" <= c <= "\u9fff")
    rng = random.Random(seed)
    found = {}
    while len(found) < count:
        word = "".join(rng.choices(COMMON, k=rng.choice((2, 3))))
        if word not in plain and not set(word) <= SERIAL:
            found[word] = None
    return list(found)
