"""Writes a tiny random Llama as GGUF, in one of the types f32, f16, bf16, q8_0, q4_0.

    make_gguf.py TYPE PATH [SEED]

The weights are the same for every type, but for their rounding. The vocabulary
has 3 special tokens, 256 bytes, and pieces of two letters with and without a
space before, so any text can be told.
"""

import sys

import gguf
import numpy as np

DIM, LAYERS, HEADS, FFN, CONTEXT = 128, 2, 4, 256, 2048


def vocabulary():
    """Tokens, scores and types, as a SentencePiece model would have them."""
    tokens = [(b"<unk>", 0.0, gguf.TokenType.UNKNOWN), (b"<s>", 0.0, gguf.TokenType.CONTROL), (b"</s>", 0.0, gguf.TokenType.CONTROL)]
    tokens += [(f"<0x{b:02X}>".encode(), 0.0, gguf.TokenType.BYTE) for b in range(256)]
    letters = "abcdefghijklmnopqrstuvwxyz"
    space = "\u2581"
    pieces = [space] + list(letters) + [space + a for a in letters] + [a + b for a in letters for b in "aeiourstln"]
    tokens += [(p.encode(), -float(i), gguf.TokenType.NORMAL) for i, p in enumerate(pieces)]
    return tokens


def tensors(vocabulary_size, seed):
    """Names and values; matrices are [out, in]."""
    random = np.random.default_rng(seed)

    def matrix(rows, columns, scale):
        return (random.standard_normal((rows, columns)) * scale / np.sqrt(columns)).astype(np.float32)

    yield "token_embd.weight", matrix(vocabulary_size, DIM, np.sqrt(DIM))
    for i in range(LAYERS):
        block = f"blk.{i}."
        yield block + "attn_norm.weight", np.ones(DIM, np.float32)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield block + name + ".weight", matrix(DIM, DIM, 1.0)
        yield block + "ffn_norm.weight", np.ones(DIM, np.float32)
        yield block + "ffn_gate.weight", matrix(FFN, DIM, 1.0)
        yield block + "ffn_up.weight", matrix(FFN, DIM, 1.0)
        yield block + "ffn_down.weight", matrix(DIM, FFN, 1.0)
    yield "output_norm.weight", np.ones(DIM, np.float32)
    yield "output.weight", matrix(vocabulary_size, DIM, 2.5)


def write(kind, path, seed):
    types = {"f32": gguf.GGMLQuantizationType.F32, "f16": gguf.GGMLQuantizationType.F16, "bf16": gguf.GGMLQuantizationType.BF16,
             "q8_0": gguf.GGMLQuantizationType.Q8_0, "q4_0": gguf.GGMLQuantizationType.Q4_0}
    if kind not in types:
        sys.exit(f"{kind} is none of {', '.join(types)}")
    words = vocabulary()
    w = gguf.GGUFWriter(path, "llama")
    w.add_name("tiny random llama")
    w.add_context_length(CONTEXT)
    w.add_embedding_length(DIM)
    w.add_block_count(LAYERS)
    w.add_feed_forward_length(FFN)
    w.add_head_count(HEADS)
    w.add_head_count_kv(HEADS)
    w.add_rope_dimension_count(DIM // HEADS)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_vocab_size(len(words))
    w.add_tokenizer_model("llama")
    w.add_token_list([t for t, _, _ in words])
    w.add_token_scores([s for _, s, _ in words])
    w.add_token_types([k for _, _, k in words])
    w.add_bos_token_id(1)
    w.add_eos_token_id(2)
    w.add_unk_token_id(0)
    for name, value in tensors(len(words), seed):
        if value.ndim == 1 or kind == "f32":
            w.add_tensor(name, value)
        else:
            w.add_tensor(name, gguf.quants.quantize(value, types[kind]), raw_dtype=types[kind])
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


if __name__ == "__main__":
    if not 3 <= len(sys.argv) <= 4:
        sys.exit(__doc__)
    write(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) == 4 else 1)
