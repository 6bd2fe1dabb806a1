"""The transformer in PyTorch, computed the way one platform computes it.

Tokens of all running sequences are packed into one matrix, as serving engines do: the linear layers see
M = number of tokens of the step, attention runs per sequence over its KV cache.
"""
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

DTYPES = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
QUANTS = ("none", "fp8-tensor", "fp8-channel", "fp8-weight", "int8", "int4")
BACKENDS = {"math": SDPBackend.MATH, "flash": SDPBackend.FLASH_ATTENTION, "efficient": SDPBackend.EFFICIENT_ATTENTION,
            "cudnn": SDPBackend.CUDNN_ATTENTION}
E4M3 = torch.float8_e4m3fn
E4M3_MAX = 448.0


@dataclass(frozen=True)
class Options:
    """What makes a platform; the words are those of platforms.json."""
    device: str = "cpu"
    dtype: str = "fp32"
    head: str = "base"  # or fp32: the head's product in float32
    quant: str = "none"
    kv: str = "base"  # or fp8: e4m3, scale 1
    attention: str = "eager"
    compile: bool = False
    tp: int = 1
    scaled_mm: str = "auto"  # or emulated: fp8 products by dequantisation


def quantise(w, kind):
    """One weight matrix [out, in] in float32 -> (values, scale or None); the product is x @ values.T * scale.

    int4 comes back multiplied out (group 128, with a minimum per group), as its kernels do before the product.
    """
    if kind == "none":
        return w, None
    if kind.startswith("fp8"):
        top = w.abs().amax() if kind == "fp8-tensor" else w.abs().amax(1, keepdim=True)
        scale = top.clamp(min=1e-12) / E4M3_MAX
        return (w / scale).clamp(-E4M3_MAX, E4M3_MAX).to(E4M3), scale
    if kind == "int8":
        scale = w.abs().amax(1, keepdim=True).clamp(min=1e-12) / 127
        return torch.round(w / scale).clamp(-127, 127), scale
    if kind == "int4":
        g = w.view(w.shape[0], -1, 128)
        low, high = g.amin(-1, keepdim=True), g.amax(-1, keepdim=True)
        scale = ((high - low) / 15).clamp(min=1e-12)
        zero = torch.round(-low / scale)
        q = (torch.round(g / scale) + zero).clamp(0, 15)
        return ((q - zero) * scale).view_as(w), None
    raise ValueError(f"unknown quantisation {kind!r}")


def quantise_rows(x, per_row):
    """Activations -> (e4m3 values, float32 scale): one scale, or one per token."""
    f = x.float()
    top = f.abs().amax(-1, keepdim=True) if per_row else f.abs().amax()
    scale = top.clamp(min=1e-12) / E4M3_MAX
    return (f / scale).clamp(-E4M3_MAX, E4M3_MAX).to(E4M3), scale


def scaled_mm_mode(device, dtype, per_row):
    """How float8 products run here: direct, padded (to 16 tokens), or emulated."""
    if not device.startswith("cuda"):
        return "emulated"
    for mode, sizes in (("direct", (1, 3)), ("padded", (16,))):
        try:
            for m in sizes:
                x, s = quantise_rows(torch.ones(m, 32, device=device, dtype=dtype), per_row)
                w = torch.ones(48, 32, device=device).to(E4M3)
                ws = torch.ones(1, 48, device=device) if per_row else torch.ones((), device=device)
                y = torch._scaled_mm(x, w.t(), scale_a=s, scale_b=ws, out_dtype=dtype, use_fast_accum=True)
                if not torch.allclose(y.float(), torch.full_like(y.float(), 32.0)):
                    raise RuntimeError("wrong product")
            return mode
        except (RuntimeError, TypeError, AttributeError, NotImplementedError):
            continue
    return "emulated"


def _plain(x, w):
    return F.linear(x, w[0])


def _scaled(x, w):
    """Weight-only quantisation: the integers are exact in x's type, the scale follows the product."""
    return F.linear(x, w[0]) * w[1]


def _fp8(mode, per_row):
    """Both sides in e4m3, activations scaled on the fly."""

    def emulated(x, w):
        q, s = quantise_rows(x, per_row)
        return (F.linear(q.float(), w[0].float()) * s * w[1]).to(x.dtype)

    def real(x, w):
        rows = x.shape[0]
        if mode == "padded":
            x = F.pad(x, (0, 0, 0, -rows % 16))
        q, s = quantise_rows(x, per_row)
        y = torch._scaled_mm(q, w[0].t(), scale_a=s, scale_b=w[1], out_dtype=x.dtype, use_fast_accum=True)
        return y[:rows]

    return emulated if mode == "emulated" else real


class Model:
    """weights: name -> bf16 bit patterns (weights.build)."""

    def __init__(self, cfg, weights, opts):
        if opts.dtype not in DTYPES:
            raise ValueError(f"unknown dtype {opts.dtype!r}")
        if opts.quant not in QUANTS:
            raise ValueError(f"unknown quantisation {opts.quant!r}")
        if opts.attention != "eager" and opts.attention not in BACKENDS:
            raise ValueError(f"unknown attention {opts.attention!r}")
        if opts.tp < 1 or cfg.heads % opts.tp or cfg.ffn % opts.tp:
            raise ValueError(f"tp {opts.tp} does not divide {cfg.heads} heads")
        self.cfg, self.opts = cfg, opts
        self.device, self.dtype = torch.device(opts.device), DTYPES[opts.dtype]
        torch.set_float32_matmul_precision("high" if opts.dtype == "tf32" else "highest")
        self._choose_linear()
        self._load(weights)
        self._rope = self._rope_table(4096)
        self._pre, self._post = self._qkv, self._output
        if opts.compile:
            torch._dynamo.config.cache_size_limit = 64
            self._pre = torch.compile(self._qkv, dynamic=True)
            self._post = torch.compile(self._output, dynamic=True)

    def info(self):
        return {"torch": torch.__version__, "scaled_mm": self.scaled_mm, "cpu": torch.backends.cpu.get_cpu_capability(),
                "threads": torch.get_num_threads(),
                "gpu": torch.cuda.get_device_name() if self.device.type == "cuda" else None}

    def _choose_linear(self):
        quant, self.scaled_mm = self.opts.quant, None
        if quant in ("fp8-tensor", "fp8-channel"):
            per_row = quant == "fp8-channel"
            auto = self.opts.scaled_mm == "auto"
            self.scaled_mm = scaled_mm_mode(self.opts.device, self.dtype, per_row) if auto else "emulated"
            self._linear = _fp8(self.scaled_mm, per_row)
        else:
            self._linear = _scaled if quant in ("fp8-weight", "int8") else _plain

    def _pack(self, w, scale, rows=slice(None), cols=slice(None)):
        """One shard of a quantised matrix on the device."""
        keep = self._linear not in (_plain, _scaled)
        w = w[rows, cols].to(self.device)
        w = w.contiguous() if keep else w.to(self.dtype).contiguous()
        if scale is None:
            return (w,)
        scale = scale.to(self.device)
        if scale.dim():
            scale = scale[rows].T.contiguous()  # [1, out]
        return (w, scale if keep else scale.to(self.dtype))

    def _load(self, weights):
        cfg, tp = self.cfg, self.opts.tp
        wide = {k: torch.from_numpy(v.view(np.int16).copy()).view(torch.bfloat16).float() for k, v in weights.items()}

        def dense(name):
            return wide[name].to(self.device, self.dtype)

        self.embed, self.norm = dense("embed"), dense("norm")
        head = wide["head"].to(self.device, torch.float32 if self.opts.head == "fp32" else self.dtype)
        self.head = [h.contiguous() for h in head.chunk(tp)]
        d, per, kvs = cfg.head_dim, cfg.heads // tp, max(1, cfg.kv_heads // tp)
        nq, nk = cfg.heads * d, cfg.kv_heads * d
        self.layers = []
        for i in range(cfg.layers):
            qkv = quantise(torch.cat([wide[f"{i}.{n}"] for n in ("q", "k", "v")]), self.opts.quant)
            gu = quantise(torch.cat([wide[f"{i}.gate"], wide[f"{i}.up"]]), self.opts.quant)
            o, down = (quantise(wide[f"{i}.{n}"], self.opts.quant) for n in ("o", "down"))
            layer = {"ln1": dense(f"{i}.ln1"), "ln2": dense(f"{i}.ln2"), "qkv": [], "o": [], "gu": [], "down": []}
            for r in range(tp):
                kv0 = r * cfg.kv_heads // tp * d
                rows = [*range(r * per * d, (r + 1) * per * d), *range(nq + kv0, nq + kv0 + kvs * d),
                        *range(nq + nk + kv0, nq + nk + kv0 + kvs * d)]
                f = cfg.ffn // tp
                both = [*range(r * f, (r + 1) * f), *range(cfg.ffn + r * f, cfg.ffn + (r + 1) * f)]
                layer["qkv"].append(self._pack(*qkv, rows=rows))
                layer["gu"].append(self._pack(*gu, rows=both))
                layer["o"].append(self._pack(*o, cols=slice(r * per * d, (r + 1) * per * d)))
                layer["down"].append(self._pack(*down, cols=slice(r * f, (r + 1) * f)))
            self.layers.append(layer)

    def _rope_table(self, length):
        half = self.cfg.head_dim // 2
        freq = self.cfg.theta ** (-np.arange(half) / half)
        angle = np.arange(length)[:, None] * freq
        table = np.stack([np.cos(angle), np.sin(angle)]).astype(np.float32)
        return torch.from_numpy(np.concatenate([table, table], -1)).to(self.device)

    def _rms(self, x, gain):
        f = x.float()
        return (f * torch.rsqrt(f.pow(2).mean(-1, keepdim=True) + self.cfg.eps)).to(x.dtype) * gain

    def _qkv(self, x, ln, weights, cos, sin):
        """-> q [tokens, heads, head_dim], k and v [tokens, kv_heads, head_dim], q and k turned by their position."""
        cfg, d = self.cfg, self.cfg.head_dim
        h = self._rms(x, ln)
        qs, ks, vs = [], [], []
        copies = max(1, self.opts.tp // cfg.kv_heads)  # ranks that hold the same KV head
        for r, w in enumerate(weights):
            y = self._linear(h, w).view(x.shape[0], -1, d)
            nq = cfg.heads // self.opts.tp
            nk = (y.shape[1] - nq) // 2
            qs.append(y[:, :nq])
            if r % copies == 0:
                ks.append(y[:, nq:nq + nk])
                vs.append(y[:, nq + nk:])
        q, k, v = torch.cat(qs, 1), torch.cat(ks, 1), torch.cat(vs, 1)
        return self._turn(q, cos, sin), self._turn(k, cos, sin), v

    def _turn(self, x, cos, sin):
        f, half = x.float(), x.shape[-1] // 2
        return (f * cos + torch.cat([-f[..., half:], f[..., :half]], -1) * sin).to(x.dtype)

    def _output(self, x, att, o, ln2, gu, down):
        """Attention output and MLP; with tp > 1 the ranks' partial sums are added in the model's type, in order."""
        width = att.shape[1] // len(o)
        y = self._linear(att[:, :width], o[0])
        for r in range(1, len(o)):
            y = y + self._linear(att[:, r * width:(r + 1) * width], o[r])
        x = x + y
        h = self._rms(x, ln2)
        y = None
        for w, wd in zip(gu, down):
            g, u = self._linear(h, w).chunk(2, -1)
            part = self._linear(F.silu(g) * u, wd)
            y = part if y is None else y + part
        return x + y

    def new_kv(self, capacity):
        """Room for the keys and values of one sequence: [layers, 2, kv_heads, capacity, head_dim]."""
        cfg = self.cfg
        kind = E4M3 if self.opts.kv == "fp8" else self.dtype
        return torch.zeros(cfg.layers, 2, cfg.kv_heads, capacity, cfg.head_dim, dtype=kind, device=self.device)

    def free_kv(self, kv):
        pass

    def copy_kv(self, kv, start, end):
        return kv[:, :, :, start:end].clone()

    def paste_kv(self, kv, start, block):
        kv[:, :, :, start:start + block.shape[3]] = block

    def _attend(self, q, k, v, start):
        """q [heads, t, d] against k, v [kv_heads, start + t, d] -> [t, heads * d]."""
        groups = self.cfg.heads // self.cfg.kv_heads
        k, v = k.repeat_interleave(groups, 0), v.repeat_interleave(groups, 0)
        t, length, scale = q.shape[1], k.shape[1], self.cfg.head_dim**-0.5
        mask = None
        if t > 1 and (start or self.opts.attention == "eager"):
            mask = torch.ones(t, length, dtype=torch.bool, device=q.device).tril(start)
        if self.opts.attention == "eager":
            s = (q @ k.transpose(1, 2)) * scale
            if mask is not None:
                s = s.masked_fill(~mask, float("-inf"))
            y = torch.softmax(s.float(), -1).to(q.dtype) @ v
        else:
            y = self._sdpa(q[None], k[None], v[None], mask, t > 1 and mask is None)[0]
        return y.transpose(0, 1).reshape(t, -1)

    def _sdpa(self, q, k, v, mask, causal):
        if mask is not None and self.opts.attention == "flash" and self.device.type == "cuda":
            # This kernel takes no mask; its causal form is aligned at the end, as a cached prefix needs it.
            return torch.ops.aten._scaled_dot_product_flash_attention(q, k, v, 0.0, True, False)[0]
        with sdpa_kernel(BACKENDS[self.opts.attention]):
            if mask is None:
                return F.scaled_dot_product_attention(q, k, v, is_causal=causal)
            if self.opts.attention == "efficient":
                mask = torch.zeros(mask.shape, dtype=q.dtype, device=q.device).masked_fill(~mask, float("-inf"))
                pad = F.pad(mask, (0, -mask.shape[1] % 16))  # the kernel wants aligned rows
                mask = pad[:, :mask.shape[1]].expand(1, q.shape[1], -1, -1)
            return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)

    @torch.inference_mode()
    def forward(self, items):
        """items: (tokens, start, kv, all_rows) per sequence -> logits, the last row of each, or all of its rows."""
        ids = torch.tensor([t for tokens, *_ in items for t in tokens], device=self.device)
        pos = torch.tensor([s + i for tokens, s, *_ in items for i in range(len(tokens))], device=self.device)
        x = self.embed[ids]
        cos, sin = self._rope[0][pos][:, None], self._rope[1][pos][:, None]
        for i, layer in enumerate(self.layers):
            q, k, v = self._pre(x, layer["ln1"], layer["qkv"], cos, sin)
            parts, at = [], 0
            for tokens, start, kv, _ in items:
                end, n = start + len(tokens), len(tokens)
                kv[i, 0, :, start:end] = k[at:at + n].transpose(0, 1).to(kv.dtype)
                kv[i, 1, :, start:end] = v[at:at + n].transpose(0, 1).to(kv.dtype)
                keys, values = kv[i, 0, :, :end].to(q.dtype), kv[i, 1, :, :end].to(q.dtype)
                parts.append(self._attend(q[at:at + n].transpose(0, 1), keys, values, start))
                at += n
            x = self._post(x, torch.cat(parts), layer["o"], layer["ln2"], layer["gu"], layer["down"])
        rows, at = [], 0
        for tokens, _, _, every in items:
            rows += range(at, at + len(tokens)) if every else [at + len(tokens) - 1]
            at += len(tokens)
        h = self._rms(x[torch.tensor(rows, device=self.device)], self.norm)
        h = h.to(self.head[0].dtype)
        return torch.cat([F.linear(h, w) for w in self.head], -1)

    @torch.inference_mode()
    def outputs(self, logits, k, temperature=None):
        """-> numpy: log-probabilities [rows, vocab], ids of the k largest [rows, k], greedy ids [rows].

        Logits go to float32 and through log_softmax there, as engines do; temperature: one per row, or None.
        """
        wide = logits.float()
        if temperature is not None:
            wide = wide / torch.tensor(temperature, device=wide.device)[:, None]
        lp = torch.log_softmax(wide, -1)
        top = torch.topk(lp, k).indices
        return lp.cpu().numpy(), top.cpu().numpy(), logits.argmax(-1).cpu().numpy()


