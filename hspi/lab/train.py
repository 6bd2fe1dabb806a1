"""Trains the small model briefly on text found on the machine; writes checkpoint/ (adapter, tokenizer, provenance)."""
import argparse
import glob
import hashlib
import json
import os
import sys
import time

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # deterministic cuBLAS

import numpy as np
import torch
import torch.nn.functional as F

import tokenizer
import weights


def corpus(limit):
    """Text of the standard library's sources and documents under sys.base_prefix, and the list of its files."""
    root = os.path.join(sys.base_prefix, "lib", f"python{sys.version_info[0]}.{sys.version_info[1]}")
    if not os.path.isdir(root):
        root = os.path.dirname(os.__file__)
    names = sorted(n for end in ("py", "txt") for n in glob.glob(f"{glob.escape(root)}/**/*.{end}", recursive=True))
    foreign = ("site-packages", "dist-packages", "/test/", "/tests/", "/encodings/")
    names = [n for n in names if not any(p in n for p in foreign)]
    text, files, size = [], [], 0
    for name in names:
        with open(name, "rb") as f:
            raw = f.read()
        text.append(raw.decode("utf-8", "replace"))
        files.append((os.path.relpath(name, root), hashlib.sha256(raw).hexdigest()))
        size += len(raw)
        if size > limit:
            break
    return text, files


def forward(p, cfg, ids):
    """Logits [batch, time, vocab] of the dense training graph."""
    b, t = ids.shape
    x = F.embedding(ids, p["embed"])
    half = cfg.head_dim // 2
    freq = cfg.theta ** (-torch.arange(half, device=x.device, dtype=torch.float32) / half)
    angle = torch.arange(t, device=x.device)[:, None] * freq
    cos, sin = torch.cat([angle.cos()] * 2, -1), torch.cat([angle.sin()] * 2, -1)

    def lin(name, h):
        y = h @ p[name].T
        return y + (h @ p[name + ".B"].T) @ p[name + ".A"].T if name + ".A" in p else y

    def rope(h):
        return h * cos + torch.cat([-h[..., half:], h[..., :half]], -1) * sin

    def rms(h, gain):
        h = h.float()
        return h * torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + cfg.eps) * gain

    for i in range(cfg.layers):
        h = rms(x, p[f"{i}.ln1"])
        q = rope(lin(f"{i}.q", h).view(b, t, cfg.heads, -1).transpose(1, 2))
        k = rope(lin(f"{i}.k", h).view(b, t, cfg.kv_heads, -1).transpose(1, 2))
        v = lin(f"{i}.v", h).view(b, t, cfg.kv_heads, -1).transpose(1, 2)
        k, v = (z.repeat_interleave(cfg.heads // cfg.kv_heads, 1) for z in (k, v))
        a = F.scaled_dot_product_attention(q.to(v.dtype), k.to(v.dtype), v, is_causal=True)
        x = x + lin(f"{i}.o", a.transpose(1, 2).reshape(b, t, -1))
        h = rms(x, p[f"{i}.ln2"])
        x = x + lin(f"{i}.down", F.silu(lin(f"{i}.gate", h)) * lin(f"{i}.up", h))
    return rms(x, p["norm"]) @ p["head"].T


def parameters(cfg, device):
    """(all tensors, the trainable ones): base matrices frozen, low-rank changes from zero."""
    p = {k: torch.tensor(v, dtype=torch.float32, device=device) for k, v in weights.base(cfg, head_std=0.3).items()}
    p["embed"][:, 1] = 4.0  # a channel that is nearly constant, as large models grow one: it lifts all logits
    p["head"][:, 1] = 3.0
    train = {k: p[k] for k in p if k.split(".")[-1] in ("embed", "head", "norm", "ln1", "ln2")}
    for i in range(cfg.layers):
        for name, (rows, cols) in cfg.linears().items():
            key = f"{i}.{name}"
            train[key + ".A"] = torch.zeros(rows, cfg.rank, device=device)
            b = weights.gauss(cfg.seed, key + ".B", (cfg.rank, cols)) / np.sqrt(cols)
            train[key + ".B"] = torch.tensor(b, dtype=torch.float32, device=device)
    for t in train.values():
        t.requires_grad_(True)
    return {**p, **train}, train


def loss_of(logits, target, level, pull):
    """Cross entropy, and a pull of log Z towards `level`: logits get the scale that served models have."""
    z = torch.logsumexp(logits.float(), -1)
    ce = (z - logits.float().gather(-1, target[..., None])[..., 0]).mean()
    return ce, ce + pull * (z - level).pow(2).mean()


def run(args):
    torch.manual_seed(args.seed)
    if args.device == "cuda":
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.backends.cuda.matmul.allow_tf32 = True
    cfg = weights.PRESETS[args.preset]
    texts, files = corpus(args.chars)
    tok = tokenizer.train("".join(texts)[: args.bpe_chars], cfg.vocab)
    data = np.array([t for text in texts for t in [tokenizer.BOS, *tok.encode(text), tokenizer.EOS]], dtype=np.int64)
    print(f"corpus: {len(files)} files, {len(data)} tokens, vocabulary {tok.vocab}", flush=True)
    p, train = parameters(cfg, args.device)
    groups = [{"params": [v for k, v in train.items() if k[-2:] in (".A", ".B")], "lr": args.lr * 2},
              {"params": [v for k, v in train.items() if k[-2:] not in (".A", ".B")], "lr": args.lr}]
    opt = torch.optim.AdamW(groups, betas=(0.9, 0.95), weight_decay=0.0)
    base_lr = [g["lr"] for g in groups]
    rng, start, log = np.random.RandomState(args.seed), time.time(), []
    for step in range(args.steps):
        if time.time() - start > args.seconds:
            print(f"stopped by the clock at step {step}: not reproducible", flush=True)
            break
        scale = min(1, (step + 1) / 50) * (1 - 0.9 * step / args.steps)
        for g, lr in zip(opt.param_groups, base_lr):
            g["lr"] = lr * scale
        at = rng.randint(0, len(data) - args.length - 1, size=args.batch)
        ids = torch.from_numpy(np.stack([data[a:a + args.length + 1] for a in at])).to(args.device)
        with torch.autocast(args.device, dtype=torch.bfloat16):
            logits = forward(p, cfg, ids[:, :-1])
        ce, loss = loss_of(logits, ids[:, 1:], args.level, args.pull)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(train.values()), 1.0)
        opt.step()
        if step % 50 == 0 or step == args.steps - 1:
            log.append((step, round(ce.item(), 4)))
            print(f"step {step} loss {ce.item():.3f} top logit {logits.max(-1).values.mean().item():.2f} "
                  f"{time.time() - start:.0f} s", flush=True)
    os.makedirs(args.out, exist_ok=True)
    adapter = {k: weights.to_bf16(v.detach().cpu().numpy()) for k, v in train.items()}
    weights.save(os.path.join(args.out, "adapter.safetensors"), adapter, {})
    tok.save(os.path.join(args.out, "tokenizer.json"))
    about = {"preset": args.preset, "device": args.device, "torch": torch.__version__, "python": sys.version.split()[0],
             "args": {k: v for k, v in vars(args).items() if k != "out"}, "tokens": len(data), "files": len(files),
             "corpus_sha256": hashlib.sha256(json.dumps(files).encode()).hexdigest(), "loss": log,
             "weights_sha256": weights.digest(weights.build(cfg, "trained", args.out))}
    with open(os.path.join(args.out, "about.json"), "w") as f:
        json.dump(about, f, indent=1)
    print("weights", about["weights_sha256"], flush=True)


def main():
    cuda = torch.cuda.is_available()
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--preset", default="small", choices=weights.PRESETS)
    ap.add_argument("--device", default="cuda" if cuda else "cpu")
    ap.add_argument("--steps", type=int, default=2000 if cuda else 1200)
    ap.add_argument("--batch", type=int, default=32 if cuda else 8)
    ap.add_argument("--length", type=int, default=256 if cuda else 128)
    ap.add_argument("--lr", type=float, default=1.5e-3)
    ap.add_argument("--level", type=float, default=16.0, help="log Z that training pulls towards")
    ap.add_argument("--pull", type=float, default=1e-2)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--chars", type=int, default=15_000_000, help="corpus size limit in bytes")
    ap.add_argument("--bpe-chars", type=int, default=2_000_000)
    ap.add_argument("--seconds", type=float, default=3600, help="stop after this time")
    ap.add_argument("--out", default=weights.CHECKPOINT)
    run(ap.parse_args())


if __name__ == "__main__":
    main()
