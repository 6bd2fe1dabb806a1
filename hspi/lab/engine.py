"""Continuous batching over a model: requests join the running batch at any step, as in serving engines."""
import math
import queue
import random
import threading
import time
import traceback
from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np

BLOCK = 16  # tokens per block of the prefix cache

# How many sequences share the batch when a request arrives: each entry equally likely.
LOADS = {"idle": [1], "light": [1, 1, 1, 1, 2, 2, 3, 4], "heavy": list(range(8, 17)), "b8": [8]}


@dataclass
class Token:
    """One position: its log-probability, and the top ones as (id, log-probability), best first."""
    id: int
    logprob: float | None
    top: list


@dataclass
class Request:
    prompt: list
    max_tokens: int = 16
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    logprobs: int | None = None  # how many of the largest; 0: of the token alone
    prompt_logprobs: int | None = None
    salt: str = ""
    ignore_eos: bool = False
    bias: dict = field(default_factory=dict)
    events: queue.Queue = field(default_factory=queue.Queue)  # ("prompt", [Token]), ("token", Token), ("end", reason)
    cancelled: bool = False


@dataclass(eq=False)
class _Sequence:
    request: Request
    tokens: list
    rng: np.random.Generator
    filler: bool = False
    kv: object = None
    done: int = 0  # tokens whose keys and values are in kv
    made: int = 0


class Engine:
    """One worker thread owns the model. eos: the token that ends a text.

    load names the co-batched fillers (LOADS), drawn from seed; invariant computes every sequence by itself, so that
    nothing depends on its neighbours; processed serves log-probabilities after the temperature.
    """

    def __init__(self, model, vocab, eos, load="idle", seed=0, prefix_cache=True, invariant=False, processed=False,
                 max_batch=16, max_len=1024, wait=0.002):
        if load not in LOADS:
            raise ValueError(f"unknown load {load!r}")
        self.model, self.vocab, self.eos, self.load = model, vocab, eos, load
        self.random = random.Random(seed)
        self.prefix_cache, self.invariant, self.processed = prefix_cache, invariant, processed
        self.max_batch, self.max_len, self.wait = max_batch, max_len, wait
        self.inbox, self.running, self.fillers = queue.Queue(), [], []
        self.blocks = OrderedDict()  # (salt, tokens up to here) -> keys and values of the last BLOCK tokens
        self.batches = {}  # sequences in a step -> how often
        self.stopping = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def submit(self, request):
        self.inbox.put(request)

    def close(self):
        self.stopping = True
        self.inbox.put(None)
        self.thread.join()

    def _run(self):
        while not self.stopping:
            self._admit()
            if not self.running:
                continue
            try:
                self._step()
            except Exception as e:  # the requests of this step fail; the server goes on
                self._fail(e)

    def _fail(self, error):
        traceback.print_exc()
        for s in list(self.running):
            s.request.events.put(("error", f"{type(error).__name__}: {error}"))
            self._drop(s)

    def _admit(self):
        """Takes what waits; blocks only where nothing runs."""
        fresh = []
        if not self.running:
            self._clear_fillers()
            fresh.append(self.inbox.get())
            time.sleep(self.wait)  # requests sent at the same time start together
        while not self.inbox.empty() and len(self.running) + len(fresh) < self.max_batch:
            fresh.append(self.inbox.get())
        for request in fresh:
            if request is None:
                continue
            if self.fillers and len(self.running) + len(self.fillers) >= self.max_batch:
                self._drop(self.fillers[0])
            try:
                self.running.append(self._start(request))
                self._add_fillers()
            except Exception as e:  # no memory for it, say
                self._fail(e)
                request.events.put(("error", f"{type(e).__name__}: {e}"))

    def _start(self, request, filler=False):
        seed = request.seed if request.seed is not None else self.random.getrandbits(32)
        s = _Sequence(request, list(request.prompt), np.random.default_rng(seed & 0xFFFFFFFFFFFFFFFF), filler)
        s.kv = self.model.new_kv(len(s.tokens) + request.max_tokens)
        if self.prefix_cache and not filler and request.prompt_logprobs is None:
            self._reuse(s)
        return s

    def _add_fillers(self):
        """Fillers up to the drawn batch size; some are already in mid-answer when the request starts."""
        want = self.random.choice(LOADS[self.load]) - 1
        ahead = []
        while len(self.fillers) < min(want, self.max_batch - len(self.running)):
            prompt = [self.random.randrange(4, self.vocab) for _ in range(self.random.randrange(8, 64))]
            s = self._start(Request(prompt, self.random.randrange(32, 96), ignore_eos=True), True)
            self.fillers.append(s)
            if self.random.random() < 0.5:
                ahead.append(s)
        if ahead:
            self._forward(ahead)

    def _clear_fillers(self):
        for s in self.fillers:
            self.model.free_kv(s.kv)
        self.fillers = []

    def _step(self):
        for s in [s for s in self.running if s.request.cancelled]:
            s.request.events.put(("end", "stop"))
            self._drop(s)
        batch = self.running + self.fillers
        if not self.running:
            return
        self.batches[len(batch)] = self.batches.get(len(batch), 0) + 1
        for group in [[s] for s in batch] if self.invariant else [batch]:
            self._forward(group)

    def _forward(self, group):
        items = []
        for s in group:
            every = s.request.prompt_logprobs is not None and s.made == 0
            items.append((s.tokens[s.done:], s.done, s.kv, every))
        logits = self.model.forward(items)
        need = [max(s.request.logprobs or 0, s.request.prompt_logprobs or 0) for s in group]
        heat = [s.request.temperature or 1.0 for (tokens, _, _, every), s in zip(items, group)
                for _ in range(len(tokens) if every else 1)] if self.processed else None
        lp, top, best = self.model.outputs(logits, max(1, *need), heat)
        at = 0
        for s, (tokens, _, _, every) in zip(group, items):
            n = len(tokens) if every else 1
            self._advance(s, lp[at:at + n], top[at:at + n], int(best[at + n - 1]), every)
            at += n

    def _advance(self, s, lp, top, best, every):
        r = s.request
        first = s.made == 0
        s.done = len(s.tokens)
        if every:
            k = r.prompt_logprobs
            rows = [Token(s.tokens[0], None, [])]
            rows += [_token(t, lp[i], top[i][:k]) for i, t in enumerate(s.tokens[1:])]
            r.events.put(("prompt", rows))
        if first and self.prefix_cache and not s.filler:
            self._keep(s)
        if s.made >= r.max_tokens:  # a prompt only
            return self._finish(s, "length")
        token = self._choose(s, lp[-1], best)
        s.tokens.append(token)
        s.made += 1
        if s.filler:
            if s.made >= r.max_tokens:
                self._drop(s)
            return
        k = r.logprobs
        r.events.put(("token", _token(token, lp[-1], top[-1][:k]) if k is not None else Token(token, None, [])))
        if token == self.eos and not r.ignore_eos:
            self._finish(s, "stop")
        elif s.made >= r.max_tokens or len(s.tokens) >= self.max_len:
            self._finish(s, "length")

    def _choose(self, s, lp, best):
        r = s.request
        if r.temperature == 0 and not r.bias:
            return best
        z = lp.astype(np.float64)
        for token, b in r.bias.items():
            z[token] += b
        if r.temperature == 0:
            return int(z.argmax())
        z = z if self.processed else z / r.temperature
        p = np.exp(z - z.max())
        p /= p.sum()
        order = np.argsort(-p, kind="stable")
        keep = order[: int(np.searchsorted(np.cumsum(p[order]), r.top_p)) + 1]
        return int(s.rng.choice(keep, p=p[keep] / p[keep].sum()))

    def _finish(self, s, reason):
        if self.prefix_cache and not s.filler:
            self._keep(s)
        s.request.events.put(("end", reason))
        self._drop(s)

    def _drop(self, s):
        self.model.free_kv(s.kv)
        (self.fillers if s.filler else self.running).remove(s)

    def _reuse(self, s):
        """Takes the longest known prefix from the cache, but leaves a token to compute."""
        for end in range(BLOCK, len(s.tokens), BLOCK):
            block = self.blocks.get((s.request.salt, *s.tokens[:end]))
            if block is None:
                break
            self.model.paste_kv(s.kv, end - BLOCK, block)
            s.done = end

    def _keep(self, s):
        for end in range(BLOCK, s.done + 1, BLOCK):
            key = (s.request.salt, *s.tokens[:end])
            if key not in self.blocks:
                self.blocks[key] = self.model.copy_kv(s.kv, end - BLOCK, end)
            self.blocks.move_to_end(key)
        while len(self.blocks) > 2048:
            self.blocks.popitem(last=False)


def _token(token, lp, top):
    return Token(token, _number(lp[token]), [(int(t), _number(lp[t])) for t in top])


def _number(x):
    """float32 -> the JSON number; what is not finite is -9999.0, as engines write it."""
    x = float(x)
    return x if math.isfinite(x) else -9999.0
