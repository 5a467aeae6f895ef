"""Trains a peer on the training texts, tunes it on the development texts, measures it on the test texts.

    peers.py train NAME WORK      the model and its figures, into WORK
    peers.py measure NAME WORK    what one text costs, in a process that does nothing else

NAME is `fasttext`, `fasttext-small` (the same, quantized) or `tfidf`. WORK holds train.jsonl, dev.jsonl, test.jsonl.
"""

import itertools
import json
import math
import pathlib
import resource
import sys
import time

import texts

# What is tried; the development split chooses.
FASTTEXT_GRID = {"comments": [True, False], "wordNgrams": [2, 3, 4], "lr": [0.1, 0.2]}
TFIDF_GRID = {"comments": [True, False], "C": [10.0, 100.0, 1000.0]}
SAMPLES = 200
ROUNDS = 10


class FastText:
    """Supervised fastText over characters and words."""

    file = "fasttext.bin"

    def __init__(self, model):
        self.model = model

    @classmethod
    def fit(cls, work, _records, params):
        import fasttext

        lines = work / "fasttext.train"
        model = fasttext.train_supervised(
            str(lines), dim=96, bucket=400_000, minCount=3, minn=0, maxn=0, epoch=40, thread=1, verbose=0, **params
        )
        return cls(model)

    @classmethod
    def prepare(cls, work, records):
        with open(work / "fasttext.train", "w", encoding="utf-8") as out:
            for r in records:
                out.write(f"__label__{'risky' if texts.is_risky(r) else 'other'} {texts.spaced(r['text'])}\n")

    @classmethod
    def load(cls, work):
        import fasttext

        return cls(fasttext.load_model(str(work / cls.file)))

    def save(self, work):
        self.model.save_model(str(work / self.file))

    def score(self, text):
        # Past the Python wrapper, which does not run with numpy 2; log-odds, so that certain texts still differ.
        found = {label: p for p, label in self.model.f.predict(texts.spaced(text) + "\n", 2, 0.0, "strict")}
        risky, other = found.get("__label__risky", 0.0), found.get("__label__other", 0.0)
        return math.log(risky + 1e-9) - math.log(other + 1e-9)


class FastTextSmall(FastText):
    """The same, product-quantized, with the 100,000 features that matter most."""

    file = "fasttext.ftz"

    @classmethod
    def load(cls, work):
        import fasttext

        if not (work / cls.file).exists():
            model = fasttext.load_model(str(work / FastText.file))
            model.quantize(input=str(work / "fasttext.train"), cutoff=100_000, qnorm=True, retrain=True, thread=1,
                           verbose=0)
            model.save_model(str(work / cls.file))
        return cls(fasttext.load_model(str(work / cls.file)))


class Tfidf:
    """TF-IDF of groups of one to four characters, and a logistic regression."""

    file = "tfidf.joblib"

    def __init__(self, vectors, regression):
        self.vectors, self.regression = vectors, regression

    @classmethod
    def prepare(cls, _work, records):
        from sklearn.feature_extraction.text import TfidfVectorizer

        cls.fitted = TfidfVectorizer(analyzer="char", ngram_range=(1, 4), min_df=3, sublinear_tf=True,
                                     preprocessor=texts.folded)
        cls.matrix = cls.fitted.fit_transform([r["text"] for r in records])

    @classmethod
    def fit(cls, _work, records, params):
        from sklearn.linear_model import LogisticRegression

        regression = LogisticRegression(solver="liblinear", **params)
        regression.fit(cls.matrix, [texts.is_risky(r) for r in records])
        return cls(cls.fitted, regression)

    @classmethod
    def load(cls, work):
        import joblib

        return cls(*joblib.load(work / cls.file))

    def save(self, work):
        import joblib

        joblib.dump((self.vectors, self.regression), work / self.file)

    def score(self, text):
        return float(self.regression.decision_function(self.vectors.transform([text]))[0])


PEERS = {"fasttext": (FastText, FASTTEXT_GRID), "fasttext-small": (FastTextSmall, None), "tfidf": (Tfidf, TFIDF_GRID)}


def scored(peer, records):
    return texts.Scored(records, [peer.score(r["text"]) for r in records])


def train(name, work):
    kind, grid = PEERS[name]
    dev, test = (texts.load(work / f"{split}.jsonl") for split in ("dev", "test"))
    chosen = {}
    if grid is None:
        best = kind.load(work)
    else:
        records = texts.load(work / "train.jsonl")
        best, best_recall, prepared = None, -1.0, None
        for values in itertools.product(*grid.values()):
            params = dict(zip(grid, values, strict=True))
            started = time.monotonic()
            # Insulting comments are many and alike; the judge learns from them with a small weight.
            if params["comments"] != prepared:
                prepared = params["comments"]
                wanted = [r for r in records if prepared or r["source"] not in texts.COMMENTS]
                kind.prepare(work, wanted)
            peer = kind.fit(work, wanted, {key: value for key, value in params.items() if key != "comments"})
            recall = scored(peer, dev).recall_zh()
            recall = recall["hits"] / max(recall["of"], 1)
            took = time.monotonic() - started
            print(f"{name} {params}: {recall:.3f} on the development split, {took:.0f} s", file=sys.stderr)
            if recall > best_recall:
                best, best_recall, chosen = peer, recall, params
        # Quantizing reads the texts again: those that the best was trained on.
        if chosen["comments"] != prepared:
            kind.prepare(work, [r for r in records if chosen["comments"] or r["source"] not in texts.COMMENTS])
        best.save(work)
    # As the judge's own threshold is chosen: over the ordinary texts of both languages.
    at = texts.threshold_at(scored(best, dev).harmless("ordinary"), texts.RATE)
    figures = scored(best, test).figures(at)
    figures["params"] = chosen
    figures["bytes"] = (work / kind.file).stat().st_size
    (work / f"{name}.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")


def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(name, work):
    kind, _ = PEERS[name]
    bare = peak_mib()
    peer = kind.load(work)
    peer.score(texts.PROSE)
    whole = peak_mib()
    took = []
    for _ in range(SAMPLES):
        started = time.perf_counter()
        for _ in range(ROUNDS):
            peer.score(texts.PROSE)
        took.append((time.perf_counter() - started) / ROUNDS * 1e6)
    path = work / f"{name}.json"
    figures = json.loads(path.read_text(encoding="utf-8"))
    figures.update(us=min(took), rss_mib=whole, rss_added_mib=whole - bare)
    path.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    {"train": train, "measure": measure}[sys.argv[1]](sys.argv[2], pathlib.Path(sys.argv[3]))
