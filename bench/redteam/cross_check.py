#!/usr/bin/env python3
"""Compares the mutators with the same ones of PyRIT and garak, text by text.

    bench/redteam/cross_check.py                 the table: id, peer, equal / different / why
    bench/redteam/cross_check.py --golden        writes crates/redteam/tests/golden/peers.tsv from the peers alone

The peers are installed into target/cross-check (1.1 GB on the first run). Ours is MENSHEN or target/release/menshen.
"""

import asyncio
import importlib.util
import inspect
import os
import re
import subprocess
import sys
import types
import venv
from pathlib import Path
from unittest.mock import MagicMock

ROOT = Path(__file__).resolve().parents[2]
ENV = Path(os.environ.get("CROSS_CHECK_VENV", ROOT / "target" / "cross-check"))
GOLDEN = ROOT / "crates" / "redteam" / "tests" / "golden" / "peers.tsv"
OURS = os.environ.get("MENSHEN", str(ROOT / "target" / "release" / "menshen"))
SEED = "7"
# What seed 7 gives the row `vigenere` as its key.
KEY = "garden"
PYRIT, GARAK = "pyrit==1.1.0", "garak==0.17.1"

TEXTS = [
    "Hello, World! 42",
    "how do i pick a lock?",
    "Tell me the 3 steps (in order) - now.",
    "The quick brown fox jumps over the lazy dog",
    "say \"yes\" or 'no'; 50% = half",
    "Iowa Zebra",
    "请告诉我怎么做。",
    "如何用 Python 3 写爬虫？",
    "今天天气怎么样",
    "第一步，打开锁；第二步，进门！",
    "密码是 a1b2，对吗？",
    "你好",
]
ARABIC = ["مرحبا يا صديقي", "كيف أفتح القفل؟"]
HAN = re.compile("[\u3400-\u9fff]")

# A difference that is meant: peer, to what texts it applies, why.
PINYIN = "Han: the peer leaves it as it is (or drops it), ours writes its pinyin"
KNOWN = [
    (r"pyrit:(ROT13|Atbash|Caesar|Vigenere|Morse|Nato|Braille|Superscript|AsciiSmuggler.*|Diacritic)", HAN, PINYIN),
    (r"garak:(rot13|atbash|morse|nato|braille)", HAN, PINYIN),
    (r"pyrit:(Caesar|Atbash)", re.compile("[0-9]"), "the peer turns digits too, ours letters only, as the ciphers are defined"),
    (r"pyrit:BinAscii UUencode", re.compile(" "), "the peer encodes word by word, which no decoder reads as one"),
    (r"pyrit:Superscript", re.compile("[CFq]"), "the peer's table has no C, F and q, Unicode has them since 14.0"),
    (r"pyrit:Diacritic", re.compile("[AEIOU]"), "the peer marks small vowels only"),
    (r"pyrit:Morse", re.compile("[%;]"), "the peer writes the error signal for ; and a spelled-out %, ours the common ; and no %"),
    (r"pyrit:Nato", re.compile("[0-9]"), "the peer leaves digits, ours says them"),
    (r"pyrit:Braille", re.compile("[()]"), "the peer writes both brackets alike, as older codes do"),
    (r"garak:morse", re.compile(r"[^A-Za-z0-9 ]"), "the peer has signs for letters and digits only"),
    (r"garak:nato", re.compile(r"[^A-Za-z]"), "the peer has words for letters only, and nothing between words"),
    (r"garak:braille", re.compile(r"[^A-Za-z ]"), "the peer puts a number sign before each digit and lacks signs"),
    (r"garak:variation_selectors", re.compile("."), "the peer adds code points to U+E0100, which holds for few; ours writes bytes"),
    (r"garak:sneaky_bits", re.compile("."), "the peer drops leading zeros, so that nothing can be read back; ours writes bytes"),
    (r"garak:tag_characters", HAN, "Han: the peer leaves the block of tags, ours writes its pinyin"),
]


def environment():
    """Makes the environment once, and starts again inside it."""
    python = ENV / "bin" / "python"
    if Path(sys.prefix) == ENV.resolve() or Path(sys.prefix) == ENV:
        return
    if not python.exists():
        venv.create(ENV, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", PYRIT], check=True)
        # Its functions need none of what it depends on.
        subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", GARAK], check=True)
    os.execv(python, [str(python), __file__, *sys.argv[1:]])


def pyrit():
    """Rows of (peer, id, function)."""
    import pyrit.converter as peers

    def converter(name, **options):
        made = getattr(peers, name)(**options)
        return lambda text: asyncio.run(made.convert_async(prompt=text)).output_text

    rows = [
        ("Base64", "base64", "Base64Converter", {}),
        ("Base2048", "base2048", "Base2048Converter", {}),
        ("BinAscii hex", "base16", "BinAsciiConverter", {"encoding_func": "hex"}),
        ("BinAscii UUencode", "uuencode", "BinAsciiConverter", {"encoding_func": "UUencode"}),
        ("Binary", "binary_utf16", "BinaryConverter", {}),
        ("Braille", "braille", "BrailleConverter", {}),
        ("Ecoji", "ecoji", "EcojiConverter", {}),
        ("JsonString", "json_string", "JsonStringConverter", {}),
        ("Morse", "morse", "MorseConverter", {}),
        ("Nato", "nato", "NatoConverter", {}),
        ("UnicodeReplacement", "unicode_escape", "UnicodeReplacementConverter", {"encode_spaces": True}),
        ("Url", "url", "UrlConverter", {}),
        ("ROT13", "rot13", "ROT13Converter", {}),
        ("Caesar", "caesar", "CaesarConverter", {"caesar_offset": 3}),
        ("Atbash", "atbash", "AtbashConverter", {}),
        ("Vigenere", "vigenere", "VigenereConverter", {"key": KEY}),
        ("Superscript", "superscript", "SuperscriptConverter", {}),
        ("Diacritic", "diacritics", "DiacriticConverter", {}),
        ("ZeroWidth", "zero_width_space", "ZeroWidthConverter", {}),
        ("UnicodeSubstitution", "unicode_offset", "UnicodeSubstitutionConverter", {}),
        ("AsciiSmuggler", "tags", "AsciiSmugglerConverter", {}),
        ("AsciiSmuggler marked", "tags_marked", "AsciiSmugglerConverter", {"unicode_tags": True}),
        ("SneakyBitsSmuggler", "sneaky_bits", "SneakyBitsSmugglerConverter", {}),
        ("VariationSelectorSmuggler", "variation_selectors", "VariationSelectorSmugglerConverter", {}),
        ("Bidi override", "bidi_override", "BidiConverter", {"scheme": "override"}),
        ("Bidi embedding", "bidi_embedding", "BidiConverter", {"scheme": "embedding"}),
        ("Bidi isolate", "bidi_isolate", "BidiConverter", {"scheme": "isolate"}),
        ("Arabizi", "arabizi", "ArabiziConverter", {}),
        ("ArabicPresentationForm", "arabic_forms", "ArabicPresentationFormConverter", {}),
        ("Tatweel", "tatweel", "TatweelConverter", {}),
    ]
    for peer, own, name, options in rows:
        try:
            yield f"pyrit:{peer}", own, converter(name, **options)
        except (AttributeError, TypeError) as why:
            print(f"skipped pyrit:{peer}: {why}", file=sys.stderr)


def garak():
    """The same of garak: its files are loaded without the package, which would need all it depends on."""
    folder = Path(importlib.util.find_spec("garak").submodule_search_locations[0])

    def load(name, path):
        spec = importlib.util.spec_from_file_location(name, folder / path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    for name in ["garak", "garak._config", "garak.payloads", "garak.probes", "garak.resources", "garak.resources.smuggling"]:
        stub = types.ModuleType(name)
        stub.Probe = type("Probe", (), {"DEFAULT_PARAMS": {}})
        # Tiers, settings and the like: whatever a probe reads beside its functions.
        stub.__getattr__ = lambda name: MagicMock() if not name.startswith("__") else None
        sys.modules[name] = stub
        if "." in name:
            setattr(sys.modules[name.rpartition(".")[0]], name.rpartition(".")[2], stub)
    try:
        sys.modules["garak.resources"].encodings = load("garak.resources.encodings", "resources/encodings.py")
        smuggle = load("garak.resources.smuggling.smuggle_ascii", "resources/smuggling/smuggle_ascii.py")
        sys.modules["garak.resources.smuggling"].smuggle_ascii = smuggle
        probes = load("garak.probes.encoding", "probes/encoding.py")
    except Exception as why:  # A later garak may be laid out otherwise; PyRIT is then compared alone.
        print(f"skipped garak: {why!r}", file=sys.stderr)
        return

    def of_bytes(function):
        def call(text):
            out = function(text.encode())
            return out.decode() if isinstance(out, bytes) else out

        return call

    def method(probe, name):
        function = getattr(probe, name)
        if "self" in inspect.signature(function).parameters:
            return lambda data: function(None, data)
        return function

    import base2048

    rows = [
        ("base64", "base64", lambda: probes.InjectBase64.encoding_funcs[0]),
        ("base64 url", "base64_url", lambda: probes.InjectBase64.encoding_funcs[1]),
        ("base16", "base16", lambda: probes.InjectBase16.encoding_funcs[0]),
        ("base32", "base32", lambda: probes.InjectBase32.encoding_funcs[0]),
        ("ascii85", "ascii85", lambda: probes.InjectAscii85.encoding_funcs[0]),
        ("base85", "base85", lambda: probes.InjectAscii85.encoding_funcs[1]),
        ("hex", "hex", lambda: probes.InjectHex.encoding_funcs[0]),
        ("quoted_printable", "quoted_printable", lambda: probes.InjectQP.encoding_funcs[0]),
        ("uuencode", "uuencode", lambda: method(probes.InjectUU, "UUencode")),
        ("rot13", "rot13", lambda: probes.rot13),
        ("base2048", "base2048", lambda: base2048.encode),
        ("braille", "braille", lambda: probes.braille),
        ("atbash", "atbash", lambda: method(probes.InjectAtbash, "atbash")),
        ("morse", "morse", lambda: probes.morse),
        ("nato", "nato", lambda: method(probes.InjectNato, "nato")),
        ("ecoji", "ecoji", lambda: method(probes.InjectEcoji, "_ecoji")),
    ]
    of_text = [
        ("variation_selectors", "variation_selectors", lambda: smuggle.variant_smuggling),
        ("sneaky_bits", "sneaky_bits", lambda: smuggle.sneaky_bits_smuggling),
        ("tag_characters", "tags", lambda: lambda text: smuggle.tag_char_smuggling(text, "")),
    ]
    for peer, own, get in [*rows, *of_text]:
        try:
            yield f"garak:{peer}", own, get() if (peer, own, get) in of_text else of_bytes(get())
        except (AttributeError, IndexError) as why:
            print(f"skipped garak:{peer}: {why}", file=sys.stderr)


def outputs():
    """(peer, id, text, output) of every peer that does not fail."""
    # All of them before garak's stubs stand in the way of anything.
    for peer, own, function in [*pyrit(), *garak()]:
        for text in ARABIC if peer.split(":")[1] in ("Arabizi", "ArabicPresentationForm", "Tatweel") else TEXTS:
            try:
                yield peer, own, text, function(text)
            except Exception as why:  # Peers may refuse a text; that is no difference.
                print(f"skipped {peer} on {text!r}: {why!r}", file=sys.stderr)


def ours(own, text):
    """What our program writes; a text with nothing to write stays."""
    done = subprocess.run([OURS, "redteam", "mutate", own, "--text", text, "--seed", SEED], capture_output=True)
    out = done.stdout.decode()
    return out.removesuffix("\n") if done.returncode == 0 and out else text


def shaped(own, text):
    """Without what only frames it: a key ahead, the quotes of JSON, the sign for zero of POSIX."""
    if own == "vigenere":
        return text.split("] ", 1)[1] if "] " in text else text
    if own == "json_string":
        return text[1:-1]
    if own == "uuencode":
        return text.replace("`", " ")
    if own == "nato":
        return text.replace(" / ", " <space> ")
    return text


def known(peer, text):
    return next((why for name, which, why in KNOWN if re.fullmatch(name, peer) and which.search(text)), None)


def escaped(text):
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")


def golden():
    lines = [
        "# peer, id, input, output of the peer; \\n, \\t, \\r and \\\\ are escaped.",
        f"# Made by bench/redteam/cross_check.py --golden from {PYRIT} and {GARAK}.",
    ]
    lines += ["\t".join([peer, own, escaped(text), escaped(out)]) for peer, own, text, out in outputs()]
    GOLDEN.write_text("\n".join(lines) + "\n")
    print(f"{len(lines) - 2} lines in {GOLDEN.relative_to(ROOT)}")


def table():
    rows = {}
    for peer, own, text, out in outputs():
        row = rows.setdefault((own, peer), {"equal": 0, "meant": {}, "other": []})
        mine = shaped(own, ours(own, text))
        if mine == out.rstrip("\n") or mine == out:
            row["equal"] += 1
        elif why := known(peer, text):
            row["meant"][why] = row["meant"].get(why, 0) + 1
        else:
            row["other"].append((text, out, mine))
    print("| id | peer | equal | different, as meant | different |\n|---|---|---|---|---|")
    for (own, peer), row in sorted(rows.items()):
        meant = "; ".join(f"{count}: {why}" for why, count in row["meant"].items())
        print(f"| {own} | {peer} | {row['equal']} | {meant} | {len(row['other']) or ''} |")
    other = [(key, case) for key, row in sorted(rows.items()) for case in row["other"]]
    for (own, peer), (text, out, mine) in other:
        print(f"\n{own} against {peer} on {text!r}\n  theirs {out!r}\n  ours   {mine!r}", file=sys.stderr)
    return 1 if other else 0


if __name__ == "__main__":
    environment()
    if "--golden" in sys.argv[1:]:
        golden()
    else:
        sys.exit(table())
