"""The same transformer in JAX. Shapes are static, as servers on XLA keep them: a prompt is padded to a bucket and
computed alone, and each decoding step runs over all slots of the batch, used or not."""
import os

import numpy as np

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax
import jax.numpy as jnp

BUCKETS = (16, 64, 256, 512)


class Model:
    """The interface of model.Model, as far as the engine needs it; kv is the number of a slot."""

    def __init__(self, cfg, weights, device, dtype, slots=8, capacity=512):
        kinds = {"fp32": jnp.float32, "tf32": jnp.float32, "bf16": jnp.bfloat16, "fp16": jnp.float16}
        self.cfg, self.dtype, self.capacity = cfg, kinds[dtype], capacity
        precision = {"fp32": "highest", "tf32": "tensorfloat32"}.get(dtype)
        jax.config.update("jax_default_matmul_precision", precision)
        self.device = jax.devices("gpu" if device == "cuda" else "cpu")[0]
        jax.config.update("jax_default_device", self.device)
        self.free = list(range(slots))
        self.slots = slots
        shape = (cfg.layers, slots, 2, cfg.kv_heads, capacity, cfg.head_dim)
        self.kv = jnp.zeros(shape, self.dtype)
        self.params = self._load(weights)
        self._prefill = jax.jit(self._prefill_graph, donate_argnums=1)
        self._decode = jax.jit(self._decode_graph, donate_argnums=1)
        self._outputs = jax.jit(_outputs, static_argnums=1)

    def info(self):
        return {"jax": jax.__version__, "jax_device": str(self.device.device_kind)}

    def _load(self, weights):
        def put(bits):
            x = (bits.astype(np.uint32) << 16).view(np.float32)
            return jax.device_put(jnp.asarray(x, self.dtype), self.device)

        names = ["ln1", "ln2", *self.cfg.linears()]
        layers = {n: put(np.stack([weights[f"{i}.{n}"] for i in range(self.cfg.layers)])) for n in names}
        return {"embed": put(weights["embed"]), "head": put(weights["head"]), "norm": put(weights["norm"]), "layers": layers}

    def new_kv(self, capacity):
        if capacity > self.capacity:
            raise ValueError(f"{capacity} tokens exceed the context of {self.capacity}")
        if not self.free:
            raise RuntimeError("no slot is free")
        return self.free.pop(0)

    def free_kv(self, kv):
        self.free.append(kv)
        self.free.sort()

    def _rms(self, x, gain):
        f = x.astype(jnp.float32)
        return (f * jax.lax.rsqrt(jnp.mean(f * f, -1, keepdims=True) + self.cfg.eps)).astype(x.dtype) * gain

    def _turn(self, x, pos):
        half = self.cfg.head_dim // 2
        freq = jnp.asarray(self.cfg.theta ** (-np.arange(half) / half), jnp.float32)
        angle = pos[:, None, None].astype(jnp.float32) * jnp.concatenate([freq, freq])
        f = x.astype(jnp.float32)
        turned = jnp.concatenate([-f[..., half:], f[..., :half]], -1)
        return (f * jnp.cos(angle) + turned * jnp.sin(angle)).astype(x.dtype)

    def _qkv(self, x, p, pos):
        d = self.cfg.head_dim
        h = self._rms(x, p["ln1"])
        q, k, v = (jnp.dot(h, p[n].T).reshape(x.shape[0], -1, d) for n in ("q", "k", "v"))
        return self._turn(q, pos), self._turn(k, pos), v

    def _mlp(self, x, p):
        h = self._rms(x, p["ln2"])
        return x + jnp.dot(jax.nn.silu(jnp.dot(h, p["gate"].T)) * jnp.dot(h, p["up"].T), p["down"].T)

    def _logits(self, x, params):
        return jnp.dot(self._rms(x, params["norm"]), params["head"].T)

    def _prefill_graph(self, params, kv, ids, slot):
        """ids [bucket] -> logits of every position; writes the slot's keys and values."""
        cfg, t = self.cfg, ids.shape[0]
        pos = jnp.arange(t)
        mask = pos[:, None] >= pos[None, :]

        def layer(x, both):
            p, cache = both
            q, k, v = self._qkv(x, p, pos)
            new = jnp.stack([k, v]).transpose(0, 2, 1, 3)[None]  # [1, 2, kv_heads, t, d]
            cache = jax.lax.dynamic_update_slice(cache, new, (slot, 0, 0, 0, 0))
            k, v = (jnp.repeat(z, cfg.heads // cfg.kv_heads, 1) for z in (k, v))
            s = jnp.einsum("thd,shd->hts", q, k).astype(jnp.float32) * cfg.head_dim**-0.5
            a = jax.nn.softmax(jnp.where(mask, s, -jnp.inf), -1).astype(x.dtype)
            x = x + jnp.dot(jnp.einsum("hts,shd->thd", a, v).reshape(t, -1), p["o"].T)
            return self._mlp(x, p), cache

        x, kv = jax.lax.scan(layer, params["embed"][ids], (params["layers"], kv))
        return self._logits(x, params), kv

    def _decode_graph(self, params, kv, ids, pos):
        """ids, pos [slots] -> logits [slots, vocab]; one token for each slot."""
        cfg, n = self.cfg, self.slots
        mask = jnp.arange(self.capacity)[None, :] <= pos[:, None]
        rows = jnp.arange(n)

        def layer(x, both):
            p, cache = both
            q, k, v = self._qkv(x, p, pos)
            cache = cache.at[rows, 0, :, pos].set(k).at[rows, 1, :, pos].set(v)
            q = q.reshape(n, cfg.kv_heads, -1, cfg.head_dim)
            s = jnp.einsum("nkgd,nksd->nkgs", q, cache[:, 0]).astype(jnp.float32) * cfg.head_dim**-0.5
            a = jax.nn.softmax(jnp.where(mask[:, None, None], s, -jnp.inf), -1).astype(x.dtype)
            x = x + jnp.dot(jnp.einsum("nkgs,nksd->nkgd", a, cache[:, 1]).reshape(n, -1), p["o"].T)
            return self._mlp(x, p), cache

        x, kv = jax.lax.scan(layer, params["embed"][ids], (params["layers"], kv))
        return self._logits(x, params), kv

    def forward(self, items):
        """items: (tokens, start, kv, all_rows) per sequence -> logits, the last row of each, or all of its rows."""
        out = [None] * len(items)
        steps = [i for i, (tokens, start, *_) in enumerate(items) if start and len(tokens) == 1]
        if steps:
            ids, pos = np.zeros(self.slots, np.int32), np.zeros(self.slots, np.int32)
            pos[:] = self.capacity - 1  # free slots write where nobody reads
            for i in steps:
                tokens, start, slot, _ = items[i]
                ids[slot], pos[slot] = tokens[0], start
            logits, self.kv = self._decode(self.params, self.kv, ids, pos)
            host = np.asarray(logits)  # rows are picked here: each slice on the device would be compiled anew
            for i in steps:
                out[i] = host[items[i][2]][None]
        for i, (tokens, start, slot, every) in enumerate(items):
            if out[i] is not None:
                continue
            size = next(b for b in BUCKETS if b >= len(tokens))
            ids = np.zeros(size, np.int32)
            ids[: len(tokens)] = tokens
            logits, self.kv = self._prefill(self.params, self.kv, ids, slot)
            host = np.asarray(logits)
            out[i] = host[: len(tokens)] if every else host[len(tokens) - 1][None]
        return np.concatenate(out)

    def outputs(self, logits, k, temperature=None):
        heat = np.ones(logits.shape[0], np.float32) if temperature is None else np.asarray(temperature, np.float32)
        size = next(b for b in (1, *BUCKETS) if b >= logits.shape[0])  # few shapes to compile
        n = logits.shape[0]
        padded = np.zeros((size, logits.shape[1]), logits.dtype)
        padded[:n] = logits
        heat = np.pad(heat, (0, size - n), constant_values=1)
        lp, top, best = self._outputs(padded, 256 if k > 20 else 20, heat)
        return np.asarray(lp)[:n], np.asarray(top)[:n], np.asarray(best)[:n]


def _outputs(logits, k, heat):
    lp = jax.nn.log_softmax(logits.astype(jnp.float32) / heat[:, None], -1)
    return lp, jax.lax.top_k(lp, k)[1], jnp.argmax(logits, -1)
