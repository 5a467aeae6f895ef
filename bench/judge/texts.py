"""The texts of `menshen judge texts` and the arithmetic of `menshen judge eval`, so that peers are measured alike."""

import json
import unicodedata

# 256 characters of everyday prose; crates/judge/benches/judge.rs has the same.
PROSE = (
    "清晨的菜市场总是最先醒来的地方。卖豆腐的老人推着小车从巷口进来，车轮压过青石板，发出细碎的声响。"
    "隔壁的早点铺已经冒起热气，油条在锅里慢慢鼓起来，豆浆的香味飘得很远。上班的人站在门口，一手拿着包，一手接过刚出锅的煎饼，"
    "匆匆说一声谢谢，就往地铁站走去。孩子们背着书包，三三两两地走在路上，有的还在背昨晚没记熟的课文。学校门口的保安认得每一个学生，"
    "看到熟悉的面孔就点点头。操场上的梧桐树换了新叶，阳光从叶子的缝隙里落下来，地上满是晃动的光斑。第一节课是语文，老师在黑板上写下"
    "一首短诗，让大家先读三遍，再说说自己看到了什么。"
)[:256]

# The share of ordinary texts that may be flagged.
RATE = 0.01
# Comments, not requests: they are learnt from, and left out of recall, as in `judge eval`.
COMMENTS = {"cold-offensive", "swsr-offensive"}


def load(path):
    """The records of one split that travel towards the model and whose level is known."""
    with open(path, encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    return [r for r in records if r["side"] != "output" and r["level"] is not None]


def is_risky(record):
    return record["level"] == "risky"


def folded(text):
    """What both peers read: compatibility forms and case folded, lines joined."""
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def spaced(text):
    """Characters as fastText's words: one for each Han or other letter and sign, one for a run of ASCII letters."""
    words, run = [], ""
    for c in folded(text):
        if c.isascii() and c.isalnum():
            run += c
            continue
        if run:
            words.append(run)
            run = ""
        if not c.isspace():
            words.append(c)
    if run:
        words.append(run)
    return " ".join(words)


def threshold_at(negatives, rate):
    """The score above which at most this share of the negatives lies (crates/judge/src/metrics.rs)."""
    ranked = sorted(negatives, reverse=True)
    allowed = int(rate * len(ranked) + 1e-4)
    return ranked[allowed] if allowed < len(ranked) else float("-inf")


def rate(scores, threshold):
    return {"hits": sum(s > threshold for s in scores), "of": len(scores)}


class Scored:
    """A split with one score a text."""

    def __init__(self, records, scores):
        self.pairs = list(zip(records, scores, strict=True))

    def of(self, wanted):
        return [score for record, score in self.pairs if wanted(record)]

    def harmless(self, kind, lang=None):
        return self.of(
            lambda r: r["harmless"] == kind and r["attack"] is not True and (lang is None or r["lang"] == lang)
        )

    def risky(self, wanted=lambda r: True):
        return self.of(
            lambda r: is_risky(r) and r["attack"] is not True and r["source"] not in COMMENTS and wanted(r)
        )

    def recall_zh(self):
        """Recall of risky Chinese texts where exactly this share of the ordinary Chinese ones is flagged."""
        at = threshold_at(self.harmless("ordinary", "zh"), RATE)
        return rate(self.risky(lambda r: r["lang"] == "zh"), at)

    def figures(self, chosen):
        """Everything that is compared; `chosen` is the threshold that the development split gave."""
        exact = threshold_at(self.harmless("ordinary", "zh"), RATE)
        sources = sorted({r["source"] for r, _ in self.pairs})
        by_source = {name: self.risky(lambda r, name=name: r["source"] == name) for name in sources}
        return {
            "recall_at": self.recall_zh(),
            "by_source": {name: rate(scores, exact) for name, scores in by_source.items() if scores},
            "recall": rate(self.risky(lambda r: r["lang"] == "zh"), chosen),
            "flagged": {
                f"{kind} {lang}": rate(self.harmless(kind, lang), chosen)
                for kind in ("ordinary", "sensitive", "near_miss")
                for lang in ("zh", "en")
            },
            "sensitive_at": rate(self.harmless("sensitive", "zh"), exact),
        }
