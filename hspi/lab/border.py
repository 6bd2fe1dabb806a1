"""Makes border inputs: prompts after which platforms that serve the same model say different next tokens.

    python3 border.py --budget-s 180 --out border.json

A prompt is at the border where the two best tokens are nearly equal, for then the arithmetic decides. The gap between
the two best logits is brought to zero on a float32 reference by exchanging tokens: the gradient of the gap with respect
to the embeddings tells how much an exchange changes it, as the sign of the gradient does for pixels. What is found is
asked on every platform, each alone in the batch and with others; prompts on which many pairs of platforms differ, and
stay different, make the set. The same is done with prompts found without the gradient, to tell what it is worth.
"""
import argparse
import itertools
import json
import math
import multiprocessing
import os
import random
import re
import time

import numpy as np
import torch

import model
import serve
import session
import tokenizer
import weights

WORKSPACE = os.environ.get("CUBLAS_WORKSPACE_CONFIG")
import train  # sets it where it is not set; servers lack it, and with it cuBLAS chooses other kernels

if WORKSPACE is None:
    os.environ.pop("CUBLAS_WORKSPACE_CONFIG", None)

VERSION = 1
# Tokens that other sequences add to the step of a prompt: none, one that goes on, a few, one that begins.
LOADS = (0, 1, 8, 40)
# How well the gradient predicts an exchange, measured on the small model: the change is SHRINK times the prediction,
# with a standard error of SPREAD times the gradient's norm times the distance of the embeddings.
SHRINK, SPREAD = 0.35, 0.055
NEAR = 0.02  # gaps that are kept
ROUNDS = 6  # exchanges in a chain before a new prompt is drawn


def frame(api):
    """Token ids that an API puts before and after a prompt's own."""
    if api == "chat":
        return [tokenizer.BOS, tokenizer.USER], [tokenizer.ASSISTANT]
    return [tokenizer.BOS], []


def alphabet(tok):
    """(tokens to begin with, tokens to go on with): whole words, so that text gives the same tokens back."""
    def words(pattern):
        return [t for t in range(tokenizer.BYTE0, tok.vocab)
                if re.fullmatch(pattern, tok.token_bytes(t)) and tok.encode(tok.decode([t])) == [t]]

    return words(rb"[A-Za-z_]+"), words(rb" [A-Za-z_]+")


class Reference:
    """The model in float32, many prompts at a time, with gradients."""

    def __init__(self, cfg, bits, device, chunk=4096):
        self.cfg, self.device, self.chunk = cfg, device, chunk
        self.p = {k: torch.from_numpy(weights.from_bf16(v).copy()).to(device) for k, v in bits.items()}

    @torch.no_grad()
    def gaps(self, ids):
        """ids [n, length] -> how far the best logit is above the second, [n]."""
        out = []
        for part in ids.split(self.chunk):
            top = train.forward(self.p, self.cfg, part)[:, -1].topk(2, -1).values
            out.append(top[:, 0] - top[:, 1])
        return torch.cat(out)

    def slopes(self, ids):
        """-> gaps [n], and their gradients with respect to the embeddings [n, length, dim]."""
        leaf = self.p["embed"][ids.view(-1)].clone().requires_grad_(True)
        places = torch.arange(ids.numel(), device=self.device).view_as(ids)
        top = train.forward({**self.p, "embed": leaf}, self.cfg, places)[:, -1].topk(2, -1).values
        gap = top[:, 0] - top[:, 1]
        gap.sum().backward()
        return gap.detach(), leaf.grad.view(*ids.shape, -1)


class Search:
    """Looks for prompts with a small gap; what is seen below NEAR is kept."""

    def __init__(self, ref, tok, api, length, seed, batch, candidates):
        self.ref, self.batch, self.candidates = ref, batch, candidates
        self.before, self.after = frame(api)
        self.free = length - len(self.before) - len(self.after)
        first, word = alphabet(tok)
        self.first, self.word = (torch.tensor(t, device=ref.device) for t in (first, word))
        self.random = torch.Generator(ref.device).manual_seed(seed)
        self.chain = 0

    def _draw(self, of, *shape):
        return of[torch.randint(len(of), shape, generator=self.random, device=self.ref.device)]

    def fresh(self, n):
        """n random prompts [n, free]."""
        return torch.cat([self._draw(self.first, n, 1), self._draw(self.word, n, self.free - 1)], 1)

    def full(self, own):
        """Prompts as the model sees them."""
        def fixed(ids):
            return torch.tensor(ids, device=own.device, dtype=own.dtype).expand(len(own), -1)

        return torch.cat([fixed(self.before), own, fixed(self.after)], 1)

    def _exchanges(self, own, gradient):
        """-> places and new tokens [n, candidates] of exchanges to try; the first token stays."""
        n, k = len(own), self.candidates
        if not gradient:
            place = torch.randint(1, self.free, (n, k), generator=self.random, device=own.device)
            return place, self._draw(self.word, n, k)
        gap, slope = self.ref.slopes(self.full(own))
        at = len(self.before)
        g = slope[:, at + 1:at + self.free]
        old, new = self.ref.p["embed"][own[:, 1:]], self.ref.p["embed"][self.word]
        change = g @ new.T - (g * old).sum(-1, keepdim=True)
        sigma = SPREAD * g.norm(dim=-1, keepdim=True) * torch.cdist(old, new.expand(n, -1, -1)) + 1e-9
        # The density, at zero, of the gap after the exchange; a half of the exchanges, so that rounds differ.
        score = -((gap[:, None, None] + SHRINK * change) / sigma) ** 2 / 2 - sigma.log()
        drop = torch.rand(score.shape, generator=self.random, device=own.device) < 0.5
        score[drop | (own[:, 1:, None] == self.word)] = -math.inf
        best = score.flatten(1).topk(k).indices
        return best // len(self.word) + 1, self.word[best % len(self.word)]

    def exchange(self, seconds, gradient):
        """Chains of exchanges for a time -> found, evaluations. found: (gap, chain, own tokens)."""
        found, tried, began = [], 0, time.time()
        while time.time() - began < seconds:
            own = self.fresh(self.batch)
            gap = self.ref.gaps(self.full(own))
            for _ in range(ROUNDS):
                place, token = self._exchanges(own, gradient)
                tests = own[:, None].repeat(1, self.candidates, 1)
                tests.scatter_(2, place[..., None], token[..., None])
                gaps = self.ref.gaps(self.full(tests.flatten(0, 1))).view(len(own), -1)
                tried += gaps.numel()
                near = gaps < NEAR
                chains = (self.chain + near.nonzero()[:, 0]).tolist()
                found += zip(gaps[near].tolist(), chains, tests[near].tolist())
                least, which = gaps.min(1)
                better = least < gap
                own = torch.where(better[:, None], tests[torch.arange(len(own)), which], own)
                gap = torch.where(better, least, gap)
                if time.time() - began >= seconds:
                    break
            self.chain += self.batch
        return found, tried

    def screen(self, seconds):
        """Random prompts for a time, without any exchange."""
        found, tried, began = [], 0, time.time()
        while time.time() - began < seconds:
            own = self.fresh(self.batch * self.candidates)
            gaps = self.ref.gaps(self.full(own))
            tried += len(gaps)
            near = gaps < NEAR
            found += zip(gaps[near].tolist(), itertools.count(self.chain), own[near].tolist())
            self.chain += len(own)
        return found, tried


def smallest(found, n):
    """The n smallest gaps, at most two of a chain."""
    out, of_chain, seen = [], {}, set()
    for gap, chain, own in sorted(found):
        if of_chain.get(chain, 0) < 2 and tuple(own) not in seen:
            of_chain[chain] = of_chain.get(chain, 0) + 1
            seen.add(tuple(own))
            out.append((gap, own))
        if len(out) == n:
            break
    return out


class Platform:
    """One platform of platforms.json, computed as its server does."""

    def __init__(self, platform, cfg, bits, seed):
        a = serve.parser().parse_args(platform["args"])
        self.model = model.Model(cfg, bits, model.Options(
            device=a.device, dtype=a.dtype, head=a.head, quant=a.quant, kv=a.kv, attention=a.attention, tp=a.tp,
            scaled_mm=a.scaled_mm))
        self.precision = "high" if a.dtype == "tf32" else "highest"  # of the whole process: set before every use
        draw = random.Random(seed)
        self.others = {n: [draw.randrange(4, cfg.vocab) for _ in range(n)] for n in LOADS if n}
        self.kv = {}

    def _room(self, name, tokens):
        if name not in self.kv or self.kv[name].shape[3] < tokens:
            self.kv[name] = self.model.new_kv(tokens)
        return self.kv[name]

    def answers(self, prompts, loads):
        """The greedy next token [prompt][load]."""
        torch.set_float32_matmul_precision(self.precision)
        out = []
        for ids in prompts:
            for load in loads:
                items = [(ids, 0, self._room("own", len(ids)), False)]
                if load:
                    items.append((self.others[load], 0, self._room(load, load), False))
                out.append(self.model.forward(items)[0].argmax())
        return torch.stack(out).view(len(prompts), -1).tolist()


class Group:
    """Some platforms in one process. What cannot be computed here is in failed."""

    def __init__(self, platforms, cfg, kind, cache, checkpoint, seed):
        bits, _ = weights.cached(cfg, kind, cache, checkpoint)
        self.platforms, self.failed = {}, {}
        for p in platforms:
            try:
                made = Platform(p, cfg, bits, seed)
                made.answers([list(range(10, 26))], LOADS)
                self.platforms[p["id"]] = made
            except Exception as e:
                self.failed[p["id"]] = f"{type(e).__name__}: {e}"[:300]

    def ask(self, prompts, loads):
        return {name: p.answers(prompts, loads) for name, p in self.platforms.items()}


def work(link, *args):
    """A process with a Group: answers what comes through the link."""
    torch.set_num_threads(1)
    group = Group(*args)
    link.send((list(group.platforms), group.failed))
    while (ask := link.recv()) is not None:
        link.send(group.ask(*ask))


class Panel:
    """All platforms, in several processes, or in this one where workers is 0."""

    def __init__(self, platforms, workers, *args):
        self.links, self.failed, self.names = [], {}, []
        if not workers:
            self.here = Group(platforms, *args)
            self.names, self.failed = list(self.here.platforms), self.here.failed
            return
        context = multiprocessing.get_context("spawn")
        for i in range(min(workers, len(platforms))):
            near, far = context.Pipe()
            context.Process(target=work, args=(far, platforms[i::workers], *args), daemon=True).start()
            far.close()  # so that a process that dies is noticed
            self.links.append(near)
        for link in self.links:
            names, failed = link.recv()
            self.names += names
            self.failed.update(failed)

    def ask(self, prompts, loads):
        """-> answers [prompt, platform, load], platforms in the order of names."""
        got = {}
        for link in self.links:
            link.send((prompts, loads))
        for link in self.links:
            got.update(link.recv())
        if not self.links:
            got = self.here.ask(prompts, loads)
        return np.array([got[n] for n in self.names]).transpose(1, 0, 2)

    def close(self):
        for link in self.links:
            link.send(None)


def usable(path, device, only):
    """Platforms that this process and its children can compute: of the device, in torch, without a compiler. A CPU
    platform that needs an environment of its own is left out."""
    machine = {"torch": torch.__version__, "cuda": torch.cuda.is_available(), "flags": []}
    if machine["cuda"]:
        machine["gpu"] = torch.cuda.get_device_name()
    return [p for p in session.plan(path, machine, only)
            if p["role"] == "platform" and not {"--framework", "--compile"} & set(p["args"]) and not p.get("env")
            and serve.parser().parse_args(p["args"]).device == device and session.lacks(p, machine) is None]


def differ(answers):
    """answers [prompt, platform, load] -> [prompt, pair]: both platforms always say the same, and it is not the same."""
    steady = (answers == answers[:, :, :1]).all(2)
    first = answers[:, :, 0]
    a, b = np.triu_indices(first.shape[1], 1)
    return (first[:, a] != first[:, b]) & steady[:, a] & steady[:, b]


def cover(apart, n, fade=0.85):
    """Chooses n prompts so that every pair of platforms has some: a prompt is worth the pairs that it tells apart,
    and a pair counts the less the more prompts it has."""
    worth, chosen, free = np.ones(apart.shape[1]), [], np.ones(len(apart), bool)
    while len(chosen) < min(n, len(apart)):
        gain = np.where(free, apart @ worth, 0)
        i = int(gain.argmax())
        if gain[i] <= 0:
            break
        chosen.append(i)
        free[i] = False
        worth *= np.where(apart[i], fade, 1)
    return chosen


def texts(tok, tokens):
    """The answers as a client sees them, or None where it may not tell them apart."""
    said = [tok.decode([t]) for t in tokens]
    return None if len(set(said)) < len(said) or "" in said or any("\ufffd" in s for s in said) else said


class Clock:
    """Shares of a budget."""

    def __init__(self, budget):
        self.began, self.budget = time.time(), budget

    def left(self, until):
        """Seconds until a share of the budget is used."""
        return self.began + until * self.budget - time.time()


def look(search, clock, total):
    """All ways to find prompts -> way: (prompts to ask as (gap, own), what it took). What is kept costs each way the
    same time a prompt."""
    out = {}
    spare = max(clock.left(0.4), 1.0)
    ways = {"gradient": (0.7, lambda s: search.exchange(s, True)), "exchange": (0.15, lambda s: search.exchange(s, False)),
            "screen": (0.15, search.screen)}
    for way, (share, find) in ways.items():
        began = time.time()
        found, tried = find(share * spare)
        seconds = time.time() - began
        kept = smallest(found, max(1, round(total * share)))
        out[way] = (kept, {"seconds": round(seconds, 2), "evaluated": tried, "below_0.001": sum(f[0] < 1e-3 for f in found),
                           "kept": len(kept), "seconds_each": seconds / max(1, len(kept))})
    out["random"] = ([(None, own) for own in search.fresh(max(4, total // 10)).tolist()], {"seconds_each": 0.0})
    return out


def ask(panel, prompts, loads, clock, until, chunk=8):
    """Answers to the first of the prompts, as far as the time goes."""
    got = []
    for i in range(0, len(prompts), chunk):
        if clock.left(until) < 0:
            break
        got.append(panel.ask(prompts[i:i + chunk], loads))
    return np.concatenate(got) if got else np.zeros((0, len(panel.names), len(loads)), int)


def mixed(found, seed):
    """(way, gap, own) of all ways, in an order in which a part has all ways in their shares."""
    order = random.Random(seed)
    items = [(order.random(), way, gap, own) for way, (kept, _) in found.items() for gap, own in kept]
    return [item[1:] for item in sorted(items, key=lambda x: x[0])]


def gains(found, pool, answers, seconds, names):
    """How many border inputs of each pair each way finds in a second, searching and asking."""
    apart, out = differ(answers), {}
    each = seconds / max(1, len(answers))
    pairs = [" / ".join(p) for p in itertools.combinations(names, 2)]
    for way, (_, took) in found.items():
        mine = np.array([p[0] == way for p in pool[:len(answers)]], bool)
        share = apart[mine].mean(0) if mine.any() else np.zeros(len(pairs))
        cost = took["seconds_each"] + each
        out[way] = {**took, "asked": int(mine.sum()), "seconds_asking_each": each, "share_mean": float(share.mean()),
                    "a_second_mean": float(share.mean() / cost), "pairs_never": int((share == 0).sum()),
                    "share": {p: round(float(s), 4) for p, s in zip(pairs, share)}}
    return out


def build(args):
    """Searches, asks and chooses -> the set."""
    clock = Clock(args.budget_s)
    cfg = weights.PRESETS[args.preset]
    bits, sha = weights.cached(cfg, args.weights, args.cache, args.checkpoint)
    tok = tokenizer.Tokenizer.load(os.path.join(args.checkpoint, "tokenizer.json"))
    platforms = usable(args.platforms, args.device, [w for w in args.only.split(",") if w])
    panel = Panel(platforms, args.workers, cfg, args.weights, args.cache, args.checkpoint, args.seed)
    print(f"[{time.time() - clock.began:5.1f} s] {len(panel.names)} platforms; not here: {panel.failed}", flush=True)
    if len(panel.names) < 2:
        raise SystemExit("it takes two platforms")
    torch.set_float32_matmul_precision("highest")
    search = Search(Reference(cfg, bits, args.device), tok, args.api, args.length, args.seed, args.batch, args.candidates)
    found = look(search, clock, args.pool)
    pool = mixed(found, args.seed)
    full = search.full(torch.tensor([p[2] for p in pool], device=args.device)).tolist()
    print(f"[{time.time() - clock.began:5.1f} s] {len(pool)} prompts to ask", flush=True)
    began = time.time()
    answers = ask(panel, full, LOADS[:1], clock, 0.68)
    report = gains(found, pool, answers, time.time() - began, panel.names)
    print(f"[{time.time() - clock.began:5.1f} s] {len(answers)} asked", flush=True)
    chosen = cover(differ(answers), 4 * args.prompts)
    loaded = ask(panel, [full[i] for i in chosen], LOADS[1:], clock, 0.97)
    panel.close()
    if not len(loaded):
        raise SystemExit("no border input was found in the time: --budget-s gives more")
    under_load = np.concatenate([answers[chosen[:len(loaded)]], loaded], 2)
    rows = [choice(tok, panel.names, pool[i], a) for i, a in zip(chosen, under_load)]
    good = [i for i, row in enumerate(rows) if row]
    apart = differ(under_load[good])
    final = cover(apart, args.prompts)
    print(f"[{time.time() - clock.began:5.1f} s] {len(final)} of {len(good)} chosen; pairs that nothing tells apart: "
          f"{int((~apart[final].any(0)).sum())} of {apart.shape[1]}", flush=True)
    about = {p["id"]: p["labels"] for p in platforms}
    return {"version": VERSION, "model": args.name, "weights_sha256": sha, "api": args.api, "seed": args.seed,
            "torch": torch.__version__, "gpu": torch.cuda.get_device_name() if args.device == "cuda" else "",
            "tokens": args.length, "loads": LOADS, "platforms": [{"id": n, "labels": about[n]} for n in panel.names],
            "prompts": [rows[good[i]] for i in final], "search": report, "unsupported": panel.failed}


def choice(tok, names, item, answers):
    """A prompt of the set, or None where its text or its answers are not clear. answers: [platform, load]."""
    way, gap, own = item
    text = tok.decode(own)
    tokens = sorted({int(t) for t in answers.flat}, key=lambda t: (-int((answers == t).sum()), t))
    said = texts(tok, tokens)
    if said is None or tok.encode(text) != own:
        return None
    row = {"text": text, "tokens": own, "found": way, "says": said,
           "answers": {n: [tokens.index(t) for t in a] for n, a in zip(names, answers.tolist())}}
    return row if gap is None else {**row, "gap": gap}


def parser():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--platforms", default=os.path.join(session.HERE, "platforms.json"))
    ap.add_argument("--only", default="", help="ids, with commas")
    ap.add_argument("--budget-s", type=float, default=180)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--api", default="completions", choices=["completions", "chat"])
    ap.add_argument("--length", type=int, default=16, help="tokens of a prompt: no more than a block of a prefix cache")
    ap.add_argument("--prompts", type=int, default=160, help="of the set")
    ap.add_argument("--pool", type=int, default=2000, help="prompts to ask at most")
    ap.add_argument("--batch", type=int, default=128, help="chains at a time")
    ap.add_argument("--candidates", type=int, default=32, help="exchanges that are tried in each")
    ap.add_argument("--workers", type=int, default=8, help="processes for the platforms; 0: this one")
    ap.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    ap.add_argument("--preset", default="small", choices=weights.PRESETS)
    ap.add_argument("--weights", default="trained", choices=["trained", "random"])
    ap.add_argument("--checkpoint", default=weights.CHECKPOINT)
    ap.add_argument("--cache", default="/tmp/gpubench-lab", help="folder for the built weights")
    ap.add_argument("--name", default="lab", help="the model's name")
    ap.add_argument("--out", default="border.json")
    return ap


def main():
    args = parser().parse_args()
    made = build(args)
    with open(args.out + ".part", "w") as f:
        json.dump(made, f, separators=(",", ":"))
    os.replace(args.out + ".part", args.out)
    for way, r in made["search"].items():
        print(f"{way:10} {r['asked']} asked, a pair differs at {100 * r['share_mean']:.2f} % of them: "
              f"{r['a_second_mean']:.3f} a second and pair; {r['pairs_never']} pairs never")


if __name__ == "__main__":
    main()
