"""Byte-level BPE: every text is a token sequence and comes back byte for byte."""
import heapq
import json
import re
from collections import Counter, defaultdict

SPECIALS = ["<bos>", "<eos>", "<user>", "<assistant>"]
BOS, EOS, USER, ASSISTANT = range(4)
BYTE0 = len(SPECIALS)  # token id of byte 0
_WORDS = re.compile(r" ?[A-Za-z_]+| ?\d| ?[^\sA-Za-z_\d]+|\n+|[^\S\n]+")


class Tokenizer:
    """merges: pairs of token ids; the n-th merge makes token BYTE0 + 256 + n."""

    def __init__(self, merges):
        self.merges = [tuple(m) for m in merges]
        self.rank = {m: i for i, m in enumerate(self.merges)}
        self.bytes = [b""] * BYTE0 + [bytes([b]) for b in range(256)]
        for a, b in self.merges:
            self.bytes.append(self.bytes[a] + self.bytes[b])
        self._cache = {}

    @property
    def vocab(self):
        return len(self.bytes)

    @classmethod
    def load(cls, path):
        with open(path) as f:
            return cls(json.load(f)["merges"])

    def save(self, path):
        with open(path, "w") as f:
            json.dump({"merges": self.merges}, f, separators=(",", ":"))

    def encode(self, text):
        out = []
        for word in _WORDS.findall(text):
            ids = self._cache.get(word)
            if ids is None:
                ids = self._word(word)
                if len(self._cache) < 200_000:
                    self._cache[word] = ids
            out += ids
        return out

    def _word(self, word):
        ids = [BYTE0 + b for b in word.encode("utf-8", "surrogatepass")]
        while len(ids) > 1:
            best = min(zip(ids, ids[1:]), key=lambda p: self.rank.get(p, 1 << 30))
            if best not in self.rank:
                break
            ids = _merge(ids, best, BYTE0 + 256 + self.rank[best])
        return ids

    def token_bytes(self, token):
        return self.bytes[token] if token < len(self.bytes) else b""

    def decode(self, ids):
        return b"".join(self.token_bytes(t) for t in ids).decode("utf-8", "replace")

    def token_text(self, token):
        """What a server prints for one token: specials by name, broken UTF-8 as U+FFFD."""
        if token < BYTE0:
            return SPECIALS[token]
        return self.decode([token])


def _merge(ids, pair, new):
    out, i = [], 0
    while i < len(ids):
        if i + 1 < len(ids) and (ids[i], ids[i + 1]) == pair:
            out.append(new)
            i += 2
        else:
            out.append(ids[i])
            i += 1
    return out


def train(text, vocab, max_words=40_000):
    """The usual greedy merges; ties go to the smaller pair, so the result depends on the text alone."""
    counts = Counter(_WORDS.findall(text))
    common = sorted(counts.items(), key=lambda kv: (-kv[1], kv[0]))[:max_words]
    words = [[BYTE0 + b for b in w.encode()] for w, _ in common]
    freq = [n for _, n in common]
    pairs, where = Counter(), defaultdict(set)
    for i, ids in enumerate(words):
        for p in zip(ids, ids[1:]):
            pairs[p] += freq[i]
            where[p].add(i)
    heap = [(-n, p) for p, n in pairs.items()]
    heapq.heapify(heap)
    merges = []
    while heap and BYTE0 + 256 + len(merges) < vocab:
        n, pair = heapq.heappop(heap)
        if pairs[pair] != -n:  # an outdated entry: put it back with its count of today
            if pairs[pair] > 0:
                heapq.heappush(heap, (-pairs[pair], pair))
            continue
        new = BYTE0 + 256 + len(merges)
        merges.append(pair)
        changed = set()
        for i in where.pop(pair):
            old, ids = words[i], _merge(words[i], pair, new)
            for p in zip(old, old[1:]):
                pairs[p] -= freq[i]
                changed.add(p)
            for p in zip(ids, ids[1:]):
                pairs[p] += freq[i]
                where[p].add(i)
                changed.add(p)
            words[i] = ids
        pairs.pop(pair, None)
        for p in changed:
            if pairs[p] > 0:
                heapq.heappush(heap, (-pairs[p], p))
    return Tokenizer(merges)
