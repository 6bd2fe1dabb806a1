"""Weights that every machine remakes bit for bit.

The base is random: an integer hash of (seed, tensor name, index), so no library's random stream matters. The
trained model is the base plus a small committed checkpoint: low-rank changes of the linear layers, embeddings, head
and norms. Everything is bf16, as published models are; wider platforms serve the same values.
"""
import hashlib
import json
import os
import struct
from dataclasses import asdict, dataclass

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
CHECKPOINT = os.path.join(HERE, "checkpoint")


@dataclass(frozen=True)
class Config:
    dim: int = 512
    layers: int = 8
    heads: int = 8
    kv_heads: int = 4
    head_dim: int = 64
    ffn: int = 1536
    vocab: int = 2048
    rank: int = 16
    theta: float = 10000.0
    eps: float = 1e-5
    seed: int = 20261125

    def linears(self):
        """name -> (rows out, columns in) of one layer's matrices."""
        q, kv = self.heads * self.head_dim, self.kv_heads * self.head_dim
        return {"q": (q, self.dim), "k": (kv, self.dim), "v": (kv, self.dim), "o": (self.dim, q),
                "gate": (self.ffn, self.dim), "up": (self.ffn, self.dim), "down": (self.dim, self.ffn)}


SMALL = Config()
TINY = Config(dim=128, layers=2, heads=4, kv_heads=2, head_dim=32, ffn=256, vocab=512, rank=4)
PRESETS = {"small": SMALL, "tiny": TINY}


def gauss(seed, name, shape):
    """Near-normal float64 values, mean 0 and variance 1: four 16-bit pieces of a splitmix64 hash, summed."""
    key = struct.unpack("<Q", hashlib.sha256(f"{seed}:{name}".encode()).digest()[:8])[0]
    with np.errstate(over="ignore"):
        z = np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    total = sum(((z >> np.uint64(16 * i)) & np.uint64(0xFFFF)).astype(np.float64) for i in range(4))
    return ((total - 2 * 65535.0) / np.sqrt(4 * (65536.0**2 - 1) / 12)).reshape(shape)


def to_bf16(x):
    """float array -> bf16 bit patterns (uint16), to nearest, ties to even."""
    u = np.ascontiguousarray(x, dtype=np.float32).view(np.uint32)
    return ((u + np.uint32(0x7FFF) + ((u >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)).astype(np.uint16)


def from_bf16(bits):
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def base(cfg, head_std=4.5):
    """float64 tensors of the random model; head_std is the spread of its logits."""
    def norm(name):
        gain = 1 + 0.1 * gauss(cfg.seed, name, (cfg.dim,))
        gain[:: cfg.dim // 4] *= 5  # real models have outlier channels, and quantisation feels them
        return gain

    w = {"embed": gauss(cfg.seed, "embed", (cfg.vocab, cfg.dim)),
         "head": gauss(cfg.seed, "head", (cfg.vocab, cfg.dim)) * head_std / np.sqrt(cfg.dim),
         "norm": np.ones(cfg.dim)}
    for i in range(cfg.layers):
        w[f"{i}.ln1"], w[f"{i}.ln2"] = norm(f"{i}.ln1"), norm(f"{i}.ln2")
        for name, (rows, cols) in cfg.linears().items():
            std = cols**-0.5 / (np.sqrt(2 * cfg.layers) if name in ("o", "down") else 1)
            w[f"{i}.{name}"] = gauss(cfg.seed, f"{i}.{name}", (rows, cols)) * std
    return w


def merge(cfg, adapter):
    """base + adapter in float64, one rank after the other: the same bits on every machine."""
    w = base(cfg)
    for name, bits in adapter.items():
        if name.endswith(".B"):
            continue
        x = from_bf16(bits).astype(np.float64)
        if not name.endswith(".A"):
            w[name] = x
            continue
        b = from_bf16(adapter[name[:-1] + "B"]).astype(np.float64)
        for r in range(x.shape[1]):
            w[name[:-2]] += x[:, r:r + 1] * b[r]
    return w


def build(cfg, kind="trained", checkpoint=CHECKPOINT):
    """name -> bf16 bit patterns, of the random or of the trained model."""
    if kind == "random":
        w = base(cfg)
    elif kind == "trained":
        w = merge(cfg, load(os.path.join(checkpoint, "adapter.safetensors"))[0])
    else:
        raise ValueError(f"weights are 'random' or 'trained', not {kind!r}")
    return {k: to_bf16(v) for k, v in w.items()}


def digest(tensors):
    """sha256 over names, shapes and bits in order of the names."""
    h = hashlib.sha256()
    for name in sorted(tensors):
        h.update(f"{name}{list(tensors[name].shape)}".encode())
        h.update(np.ascontiguousarray(tensors[name]).tobytes())
    return h.hexdigest()


def save(path, tensors, meta):
    """A safetensors file of bf16 tensors; meta: strings."""
    head, at = {"__metadata__": meta}, 0
    for name in sorted(tensors):
        size = tensors[name].nbytes
        head[name] = {"dtype": "BF16", "shape": list(tensors[name].shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(head, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path + ".part", "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for name in sorted(tensors):
            f.write(np.ascontiguousarray(tensors[name]).tobytes())
    os.replace(path + ".part", path)


def load(path):
    """A safetensors file of bf16 tensors -> (name -> bit patterns, meta)."""
    with open(path, "rb") as f:
        (size,) = struct.unpack("<Q", f.read(8))
        head = json.loads(f.read(size))
        data = f.read()
    meta = head.pop("__metadata__", {})
    out = {}
    for name, t in head.items():
        a, b = t["data_offsets"]
        out[name] = np.frombuffer(data[a:b], dtype=np.uint16).reshape(t["shape"])
    return out, meta


def cached(cfg, kind, folder, checkpoint=CHECKPOINT):
    """build(), kept as a file in folder (the base takes seconds to make). -> (tensors, sha256)"""
    sources = [repr(asdict(cfg)), kind]
    if kind == "trained":
        with open(os.path.join(checkpoint, "adapter.safetensors"), "rb") as f:
            sources.append(hashlib.sha256(f.read()).hexdigest())
    key = hashlib.sha256("\n".join(sources).encode()).hexdigest()[:16]
    path = os.path.join(folder, f"{kind}-{key}.safetensors")
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        tensors = build(cfg, kind, checkpoint)
        save(path, tensors, {"kind": kind, "sha256": digest(tensors), "config": json.dumps(asdict(cfg))})
    tensors, meta = load(path)
    return tensors, meta["sha256"]
