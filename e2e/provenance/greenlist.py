"""The green-list watermark of docs/watermark.md, in plain Python: for other servers to copy from, and as a second
implementation that the first is checked against (test_greenlist.py).

Nothing but the standard library. For a server, precompute `green_ids` a context, or move `siphash` to where your logits
are: here it takes some 5 µs a token of the vocabulary.
"""

import hashlib
import hmac
import math
import struct

SCHEME = "kgw-sm3-siphash-1"
PURPOSE = b"menshen-greenlist-1"
MINIMUM = 40
MASK = (1 << 64) - 1


class GreenList:
    """A specification (the JSON of `menshen label watermark spec`, as a dict) and its secret (bytes)."""

    def __init__(self, spec: dict, secret: bytes):
        if spec["scheme"] != SCHEME:
            raise ValueError(f"the scheme {spec['scheme']!r} is not known; known is {SCHEME}")
        if len(secret) < 16:
            raise ValueError("a watermark's secret has at least 16 bytes")
        self.gamma, self.delta, self.context = spec["gamma"], spec["delta"], spec["context"]
        self.secret = secret
        # The fraction below gamma, without floating point: upper 53 bits below ceil(gamma * 2^53).
        self.bound = math.ceil(self.gamma * (1 << 53))
        self._keys = {}

    def is_green(self, context, token: int) -> bool:
        """Whether a token is green after a context: a sequence of `self.context` token ids, the oldest first."""
        context = tuple(context)
        if context not in self._keys:
            self._keys[context] = derive(self.secret, context)
        return siphash(*self._keys[context], token) >> 11 < self.bound

    def green_ids(self, context, vocabulary: int) -> list[int]:
        """The green tokens of a vocabulary after a context."""
        return [token for token in range(vocabulary) if self.is_green(context, token)]

    def bias(self, answer, logits, ends=()) -> None:
        """Adds delta to the logits of green tokens, in place; `answer` holds the tokens generated so far, no prompt;
        `ends` the ids that end an answer, which are left alone."""
        if len(answer) < self.context:
            return
        for token in self.green_ids(answer[len(answer) - self.context :], len(logits)):
            if token not in ends:
                logits[token] += self.delta

    def detect(self, tokens) -> dict:
        """Counts green tokens, each n-gram of context and token once."""
        width = self.context + 1
        windows = {tuple(tokens[i : i + width]) for i in range(len(tokens) - self.context)}
        green = sum(self.is_green(window[:-1], window[-1]) for window in windows)
        scored = len(windows)
        spread = math.sqrt(scored * self.gamma * (1 - self.gamma))
        z = (green - self.gamma * scored) / spread if scored else 0.0
        return {"scored": scored, "green": green, "z": z, "p": tail(scored, green, self.gamma), "enough": scored >= MINIMUM}


def derive(secret: bytes, context) -> tuple[int, int]:
    """The SipHash key of a context: the first 16 bytes of HMAC-SM3."""
    message = PURPOSE + b"".join(struct.pack("<I", token) for token in context)
    hashed = hmac.new(secret, message, "sm3" if SM3 else OwnSm3)
    return struct.unpack("<QQ", hashed.digest()[:16])


def siphash(k0: int, k1: int, word: int) -> int:
    """SipHash-2-4 of one 64-bit word."""
    v0, v1 = k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D
    v2, v3 = k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573
    # The message is 8 bytes: the word, then a block with nothing but the length.
    for block, rounds in ((word, 2), (8 << 56, 2), (None, 4)):
        if block is None:
            v2 ^= 0xFF
        else:
            v3 ^= block
        for _ in range(rounds):
            v0 = (v0 + v1) & MASK
            v1 = ((v1 << 13 | v1 >> 51) & MASK) ^ v0
            v0 = (v0 << 32 | v0 >> 32) & MASK
            v2 = (v2 + v3) & MASK
            v3 = ((v3 << 16 | v3 >> 48) & MASK) ^ v2
            v0 = (v0 + v3) & MASK
            v3 = ((v3 << 21 | v3 >> 43) & MASK) ^ v0
            v2 = (v2 + v1) & MASK
            v1 = ((v1 << 17 | v1 >> 47) & MASK) ^ v2
            v2 = (v2 << 32 | v2 >> 32) & MASK
        if block is not None:
            v0 ^= block
    return v0 ^ v1 ^ v2 ^ v3


def tail(n: int, least: int, p: float) -> float:
    """P(X >= least) of X ~ Bin(n, p)."""
    if least <= 0:
        return 1.0

    def term(k):
        chosen = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        return math.exp(chosen + k * math.log(p) + (n - k) * math.log1p(-p))

    if least > n * p:
        return min(1.0, math.fsum(term(k) for k in range(least, n + 1)))
    return max(0.0, 1.0 - math.fsum(term(k) for k in range(least)))


def rotate(x: int, n: int) -> int:
    n %= 32
    return (x << n | x >> (32 - n)) & 0xFFFFFFFF


class OwnSm3:
    """SM3 (GB/T 32905-2016), for a Python whose OpenSSL was built without it. As `hmac` wants a hash."""

    digest_size, block_size, name = 32, 64, "sm3"

    def __init__(self, data: bytes = b""):
        self.data = data

    def update(self, data: bytes) -> None:
        self.data += data

    def copy(self):
        return OwnSm3(self.data)

    def digest(self) -> bytes:
        padded = self.data + b"\x80" + bytes(-(len(self.data) + 9) % 64) + struct.pack(">Q", len(self.data) * 8)
        state = (0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600, 0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E)
        for at in range(0, len(padded), 64):
            state = self._compress(state, struct.unpack(">16I", padded[at : at + 64]))
        return struct.pack(">8I", *state)

    @staticmethod
    def _compress(state, block):
        w = list(block)
        for j in range(16, 68):
            x = w[j - 16] ^ w[j - 9] ^ rotate(w[j - 3], 15)
            w.append(x ^ rotate(x, 15) ^ rotate(x, 23) ^ rotate(w[j - 13], 7) ^ w[j - 6])
        a, b, c, d, e, f, g, h = state
        for j in range(64):
            constant = 0x79CC4519 if j < 16 else 0x7A879D8A
            ss1 = rotate((rotate(a, 12) + e + rotate(constant, j)) & 0xFFFFFFFF, 7)
            ff = a ^ b ^ c if j < 16 else a & b | a & c | b & c
            gg = e ^ f ^ g if j < 16 else e & f | ~e & g
            tt1 = (ff + d + (ss1 ^ rotate(a, 12)) + (w[j] ^ w[j + 4])) & 0xFFFFFFFF
            tt2 = (gg + h + ss1 + w[j]) & 0xFFFFFFFF
            a, b, c, d = tt1, a, rotate(b, 9), c
            e, f, g, h = tt2 ^ rotate(tt2, 9) ^ rotate(tt2, 17), e, rotate(f, 19), g
        return tuple(x ^ y for x, y in zip(state, (a, b, c, d, e, f, g, h)))


SM3 = "sm3" in hashlib.algorithms_available
