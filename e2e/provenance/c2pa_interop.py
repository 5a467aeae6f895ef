"""Content Credentials between Menshen and the C2PA project's own Python library, both ways.

    pip install c2pa-python
    python c2pa_interop.py --menshen PATH --work DIR

Makes certificates (openssl) and small media (ffmpeg) in DIR, then for every format and algorithm:

* Menshen signs, c2pa-python reads it and calls it valid, and trusted with the anchor;
* c2pa-python signs, Menshen reads it and calls it valid, and finds the generator and the source type;
* a byte of the content is changed, and both call it invalid;
* Menshen signs what c2pa-python signed: the manifest of before stays as the parent, and both call it valid.

PATH is the program `menshen` built with credentials (`menshen label c2pa read|sign`), or the example
`content_credentials` of the crate menshen-provenance, which takes the same verbs.
"""

import argparse
import io
import json
import pathlib
import subprocess
import sys

import c2pa

TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
SOUND = ["-f", "lavfi", "-i", "sine=frequency=440:duration=1"]
PICTURE = ["-f", "lavfi", "-i", "testsrc=size=96x64:rate=5:duration=1"]
STILL = [*PICTURE, "-frames:v", "1"]
SAMPLES = {
    "jpg": ("image/jpeg", STILL),
    "png": ("image/png", STILL),
    "webp": ("image/webp", STILL),
    "tiff": ("image/tiff", STILL),
    "gif": ("image/gif", PICTURE),
    "avif": ("image/avif", STILL),
    "mp4": ("video/mp4", PICTURE),
    "mov": ("video/quicktime", PICTURE),
    "avi": ("video/avi", PICTURE),
    "m4a": ("audio/mp4", SOUND),
    "wav": ("audio/wav", SOUND),
    "mp3": ("audio/mpeg", SOUND),
    "flac": ("audio/flac", SOUND),
}
KEYS = {
    "es256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "es384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "ps256": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "ed25519": ["-algorithm", "ED25519"],
}
# The certificate profile of C2PA 2.2, 14.5.1: no self-signed leaf, a key usage, an extended one, the authority's key.
LEAF = """basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=critical,emailProtection
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
"""
ROOT = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"


def run(*command, check=True):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if check and done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return done


def certificates(work, algorithm):
    """The chain, the key and the anchor of an algorithm."""
    root, leaf = work / f"{algorithm}-root", work / f"{algorithm}-leaf"
    for one, extensions, name in [(root, ROOT, "Test Root"), (leaf, LEAF, "Test Signer")]:
        run("openssl", "genpkey", *KEYS[algorithm], "-out", f"{one}.key")
        one.with_suffix(".ext").write_text(extensions)
        run("openssl", "req", "-new", "-key", f"{one}.key", "-subj", f"/O=Interop/CN={name}", "-out", f"{one}.csr")
    sign = ["openssl", "x509", "-req", "-days", "3650", "-set_serial"]
    run(*sign, 1, "-in", f"{root}.csr", "-signkey", f"{root}.key", "-extfile", f"{root}.ext", "-out", f"{root}.pem")
    by = ["-CA", f"{root}.pem", "-CAkey", f"{root}.key"]
    run(*sign, 2, "-in", f"{leaf}.csr", *by, "-extfile", f"{leaf}.ext", "-out", f"{leaf}.pem")
    chain = work / f"{algorithm}-chain.pem"
    chain.write_text(leaf.with_suffix(".pem").read_text() + root.with_suffix(".pem").read_text())
    return chain, leaf.with_suffix(".key"), root.with_suffix(".pem")


def theirs(path, mime, anchor=None):
    """What c2pa-python says of a file: its state, and the active manifest."""
    settings = {"verify": {"remote_manifest_fetch": False}}
    if anchor:
        settings["trust"] = {"trust_anchors": anchor.read_text()}
    context = c2pa.Context.from_dict(settings)
    with open(path, "rb") as stream, c2pa.Reader(mime, stream, context=context) as reader:
        store = json.loads(reader.json())
    return store["validation_state"], store["manifests"][store["active_manifest"]]


def signed_by_them(source, out, mime, algorithm, chain, key):
    definition = {
        "claim_generator_info": [{"name": "Their Painter", "version": "1.2"}],
        "title": "theirs",
        "assertions": [
            {
                "label": "c2pa.actions.v2",
                "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": TRAINED}]},
            }
        ],
    }
    info = c2pa.C2paSignerInfo(algorithm.encode(), chain.read_bytes(), key.read_bytes(), None)
    result = io.BytesIO()
    with c2pa.Signer.from_info(info) as signer, c2pa.Builder(definition) as builder, open(source, "rb") as stream:
        builder.sign(signer, mime, stream, result)
    out.write_bytes(result.getvalue())


class Menshen:
    def __init__(self, program):
        self.program = program

    def call(self, *words, check=True):
        return run(self.program, "label", "c2pa", *words, check=check)

    def read(self, path, anchor=None):
        extra = ["--anchors", anchor] if anchor else []
        done = self.call("read", "--json", *extra, path, check=False)
        # A file that cannot be read any more is not valid either.
        return json.loads(done.stdout) if done.returncode == 0 else {"error": done.stderr}

    def sign(self, source, out, algorithm, chain, key):
        self.call("sign", "--cert", chain, "--key", key, "--alg", algorithm, source, "-o", out)


def changed(path, out, source):
    """The signed file with a byte of the content changed: the first of 16 that stand once in both files."""
    content, whole = source.read_bytes(), bytearray(path.read_bytes())
    windows = (content[at : at + 16] for at in range(len(content) // 2, len(content) - 16))
    once = next((one for one in windows if content.count(one) == 1 and whole.count(one) == 1), None)
    assert once, "no part of the content is to be found in the signed file"
    whole[whole.index(once)] ^= 1
    out.write_bytes(whole)


def state(answer):
    return (answer.get("validation") or {}).get("state", "unreadable")


def check(menshen, work, ending, algorithm, keys):
    chain, key, anchor = keys
    mime, source = SAMPLES[ending][0], work / f"sample.{ending}"
    ours, other, both, broken = (work / f"{name}-{algorithm}.{ending}" for name in ["ours", "theirs", "both", "broken"])

    menshen.sign(source, ours, algorithm, chain, key)
    verdict, manifest = theirs(ours, mime)
    assert verdict == "Valid", verdict
    assert theirs(ours, mime, anchor)[0] == "Trusted"
    action = next(a for a in manifest["assertions"] if a["label"].startswith("c2pa.actions"))["data"]["actions"][0]
    assert (action["action"], action["digitalSourceType"]) == ("c2pa.created", TRAINED), action

    signed_by_them(source, other, mime, algorithm, chain, key)
    answer = menshen.read(other)
    assert state(answer) == "valid", answer
    assert state(menshen.read(other, anchor)) == "trusted"
    found = answer["manifest"]
    assert found["generator"] == {"name": "Their Painter", "version": "1.2"}, found
    assert found["generated"] and found["actions"][0]["source"] == TRAINED, found

    for one in (ours, other):
        changed(one, broken, source)
        assert state(menshen.read(broken)) in ("invalid", "unreadable")
        try:
            assert theirs(broken, mime)[0] == "Invalid"
        except c2pa.C2paError:
            pass

    menshen.sign(other, both, algorithm, chain, key)
    verdict, manifest = theirs(both, mime)
    assert verdict == "Valid", verdict
    assert [i["relationship"] for i in manifest["ingredients"]] == ["parentOf"], manifest["ingredients"]
    answer = menshen.read(both)
    assert state(answer) == "valid" and answer["manifest"]["manifests"] == 2, answer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--menshen", required=True, type=pathlib.Path)
    parser.add_argument("--work", required=True, type=pathlib.Path)
    options = parser.parse_args()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    menshen = Menshen(options.menshen.resolve())
    keys = {algorithm: certificates(work, algorithm) for algorithm in KEYS}
    failed = 0
    for ending, (_, made) in SAMPLES.items():
        run("ffmpeg", "-y", "-loglevel", "error", *made, work / f"sample.{ending}")
        # Every format once, every algorithm on one.
        for algorithm in KEYS if ending == "jpg" else ["es256"]:
            try:
                check(menshen, work, ending, algorithm, keys[algorithm])
                print(f"ok      {ending} {algorithm}")
            except (AssertionError, SystemExit, c2pa.C2paError) as problem:
                failed += 1
                print(f"FAILED  {ending} {algorithm}: {type(problem).__name__} {problem}")
    print(f"c2pa-python {c2pa.__version__} (c2pa-rs {c2pa.sdk_version()}): {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
