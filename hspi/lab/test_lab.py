"""python3 -m unittest, in this folder. Needs numpy, and torch or JAX: engine, server and sessions are tested on torch
where it is there, else on JAX; what one of the two alone has is skipped without it."""
import http.client
import importlib.util
import json
import os
import tempfile
import threading
import types
import unittest

import numpy as np

import engine
import record
import serve
import session
import tokenizer
import weights

TORCH, JAX = (importlib.util.find_spec(name) for name in ("torch", "jax"))
if TORCH:
    import torch

    import model
    import train

needs_torch = unittest.skipUnless(TORCH, "torch is not here")
needs_jax = unittest.skipUnless(JAX, "JAX is not here")
PLATFORM = [] if TORCH else ["--framework", "jax"]
TINY = weights.TINY
SAMPLE = "def main(argv):\n    for name in argv[1:]:\n        print(name, len(name))\n# naïve – 数\r\n\t\0 end"


def bits(kind="random"):
    return weights.build(TINY, kind)


def run(prompt, steps=4, bits_=None, **opts):
    """Logits [steps, vocab] of a greedy answer, in float32."""
    m = model.Model(TINY, bits_ or BITS, model.Options(**opts))
    kv, start, tokens, out = m.new_kv(128), 0, list(prompt), []
    for _ in range(steps):
        logits = m.forward([(tokens[start:], start, kv, False)])
        out.append(logits.float()[0])
        start = len(tokens)
        tokens.append(int(logits.argmax()))
    return torch.stack(out)


def setUpModule():
    global BITS, FOLDER
    BITS = bits()
    FOLDER = tempfile.TemporaryDirectory()
    os.environ.update(JAX_COMPILATION_CACHE_DIR=os.path.join(FOLDER.name, "jax"), JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="0")
    with open(session.__file__) as f:
        text = f.read() + SAMPLE
    tokenizer.train(text, TINY.vocab).save(os.path.join(FOLDER.name, "tokenizer.json"))


def tearDownModule():
    FOLDER.cleanup()


class TestTokenizer(unittest.TestCase):
    def test_round_trip(self):
        tok = tokenizer.Tokenizer.load(os.path.join(FOLDER.name, "tokenizer.json"))
        self.assertEqual(tok.vocab, TINY.vocab)
        for text in (SAMPLE, "", " ", "   x", "a\n\n\n b", "日本語 \u200b", "\x7f\x80é"):
            self.assertEqual(tok.decode(tok.encode(text)), text)
        self.assertLess(len(tok.encode(SAMPLE)), len(SAMPLE.encode()))

    def test_training_depends_on_the_text_alone(self):
        self.assertEqual(tokenizer.train(SAMPLE, 280).merges, tokenizer.train(SAMPLE, 280).merges)


class TestWeights(unittest.TestCase):
    def test_known_values(self):
        """These must not change on any machine: recorded evidence rests on them."""
        x = weights.gauss(1, "a", (100_000,))
        self.assertAlmostEqual(x.mean(), 0, delta=0.02)
        self.assertAlmostEqual(x.std(), 1, delta=0.02)
        self.assertEqual(weights.digest(BITS)[:16], "c86fe1d4b104ddc0")

    def test_bf16(self):
        x = np.float32([1, 1 + 2**-8, 1 + 3 * 2**-8, -2.5, 3e38])
        want = np.float32([1, 1, 1 + 2**-6, -2.5, 226 * 2.0**120])
        np.testing.assert_array_equal(weights.from_bf16(weights.to_bf16(x)), want)

    def test_file(self):
        with tempfile.TemporaryDirectory() as d:
            weights.save(d + "/w", BITS, {"a": "b"})
            got, meta = weights.load(d + "/w")
        self.assertEqual((weights.digest(got), meta), (weights.digest(BITS), {"a": "b"}))

    def test_committed_checkpoint(self):
        about = os.path.join(weights.CHECKPOINT, "about.json")
        if not os.path.exists(about):
            self.skipTest("no checkpoint here yet: train.py makes it")
        with open(about) as f:
            about = json.load(f)
        got = weights.digest(weights.build(weights.PRESETS[about["preset"]], "trained"))
        self.assertEqual(got, about["weights_sha256"])

    @needs_torch
    def test_training_is_repeatable(self):
        args = dict(preset="tiny", device="cpu", steps=3, batch=2, length=16, lr=1e-3, level=16.0, pull=1e-2, seed=1,
                    chars=200_000, bpe_chars=50_000, seconds=600)
        shas = []
        for _ in range(2):
            with tempfile.TemporaryDirectory() as d:
                train.run(types.SimpleNamespace(**args, out=d))
                with open(d + "/about.json") as f:
                    shas.append(json.load(f)["weights_sha256"])
        self.assertEqual(shas[0], shas[1])
        self.assertNotEqual(shas[0], weights.digest(BITS))


def reference(ids, cfg=TINY):
    """Logits [len(ids), vocab] of the random model by its definition, in float64."""
    w = {name: weights.from_bf16(b).astype(np.float64) for name, b in BITS.items()}
    t = len(ids)
    half = cfg.head_dim // 2
    angle = np.arange(t)[:, None] * cfg.theta ** (-np.arange(half) / half)
    turn = np.exp(1j * angle)[:, None, :]

    def rms(x, gain):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + cfg.eps) * gain

    def heads(x, turned):
        x = x.reshape(t, -1, cfg.head_dim)
        if turned:
            z = (x[..., :half] + 1j * x[..., half:]) * turn
            x = np.concatenate([z.real, z.imag], -1)
        return x.repeat(cfg.heads * cfg.head_dim // (x.shape[1] * cfg.head_dim), 1)

    x = w["embed"][ids]
    for i in range(cfg.layers):
        h = rms(x, w[f"{i}.ln1"])
        q, k, v = (heads(h @ w[f"{i}.{name}"].T, name != "v") for name in "qkv")
        score = np.einsum("thd,shd->hts", q, k) / np.sqrt(cfg.head_dim)
        p = np.exp(np.where(np.tri(t) > 0, score - score.max(-1, keepdims=True), -np.inf))
        a = np.einsum("hts,shd->thd", p / p.sum(-1, keepdims=True), v)
        x = x + a.reshape(t, -1) @ w[f"{i}.o"].T
        h = rms(x, w[f"{i}.ln2"])
        gate = h @ w[f"{i}.gate"].T
        x = x + (gate / (1 + np.exp(-gate)) * (h @ w[f"{i}.up"].T)) @ w[f"{i}.down"].T
    return rms(x, w["norm"]) @ w["head"].T


class TestJax(unittest.TestCase):
    prompt = list(range(10, 40))

    def model(self, dtype):
        import jaxmodel
        return jaxmodel.Model(TINY, BITS, "cpu", dtype, slots=2, capacity=64)

    def logits(self, m):
        """Of a prompt of 20 tokens and of 10 more, one by one."""
        kv = m.new_kv(64)
        out = [m.forward([(self.prompt[:20], 0, kv, False)])]
        out += [m.forward([([token], 20 + i, kv, False)]) for i, token in enumerate(self.prompt[20:])]
        return np.concatenate(out)

    @needs_jax
    def test_agrees_with_the_definition(self):
        np.testing.assert_allclose(self.logits(self.model("fp32")), reference(self.prompt)[19:], atol=1e-3)

    @needs_jax
    def test_types_repeat_and_differ(self):
        want, seen = reference(self.prompt)[19:], set()
        for dtype in ("fp32", "bf16", "fp16"):
            got = self.logits(self.model(dtype))
            seen.add(got.tobytes())
            self.assertEqual(got.tobytes(), self.logits(self.model(dtype)).tobytes())
            self.assertGreater(np.corrcoef(got.astype(np.float64).ravel(), want.ravel())[0, 1], 0.99, dtype)
        self.assertEqual(len(seen), 3)

    @needs_jax
    def test_slots_run_out(self):
        m = self.model("fp32")
        first, _ = m.new_kv(64), m.new_kv(64)
        with self.assertRaises(RuntimeError):
            m.new_kv(64)
        m.free_kv(first)
        self.assertEqual(m.new_kv(64), first)
        with self.assertRaises(ValueError):
            m.new_kv(65)


@needs_torch
class TestModel(unittest.TestCase):
    prompt = list(range(10, 40))

    def test_agrees_with_the_definition(self):
        p = {k: torch.from_numpy(weights.from_bf16(v).copy()) for k, v in BITS.items()}
        got = train.forward(p, TINY, torch.tensor([self.prompt]))[0]
        np.testing.assert_allclose(got.numpy(), reference(self.prompt), atol=1e-3)

    def test_equals_the_training_graph(self):
        p = {k: torch.from_numpy(weights.from_bf16(v).copy()) for k, v in BITS.items()}
        want = train.forward(p, TINY, torch.tensor([self.prompt]))[0]
        m = model.Model(TINY, BITS, model.Options())
        kv, other = m.new_kv(64), m.new_kv(64)
        a = m.forward([(self.prompt[:20], 0, kv, True), (self.prompt[3:9], 0, other, False)])[:20]
        b = m.forward([(self.prompt[20:], 20, kv, True)])
        torch.testing.assert_close(torch.cat([a, b]), want, atol=1e-4, rtol=1e-4)

    def test_repeats_bit_for_bit(self):
        for dtype in ("fp32", "bf16", "fp16"):
            self.assertTrue(torch.equal(run(self.prompt, dtype=dtype), run(self.prompt, dtype=dtype)))

    def test_platforms_differ_but_not_much(self):
        base = dict(dtype="bf16")
        others = [dict(dtype="fp32"), dict(dtype="fp16"), dict(dtype="bf16", tp=4), dict(dtype="bf16", kv="fp8"),
                  *(dict(dtype="bf16", quant=q) for q in model.QUANTS[1:])]
        seen = {run(self.prompt, 1, **base).numpy().tobytes()}
        want = run(self.prompt, 1)
        for opts in others:
            got = run(self.prompt, 1, **opts)
            seen.add(got.numpy().tobytes())
            self.assertGreater(torch.corrcoef(torch.cat([got, want]))[0, 1], 0.95, opts)
        self.assertEqual(len(seen), 1 + len(others))

    def test_attention_forms_agree(self):
        want = run(self.prompt)
        for attention in ("math", "flash"):
            torch.testing.assert_close(run(self.prompt, attention=attention), want, atol=1e-3, rtol=1e-3)

    def test_logits_lie_on_the_grid_of_their_type(self):
        for dtype, digits in (("bf16", 8), ("fp16", 11)):
            logits = run(self.prompt, dtype=dtype).double()
            step = 2.0 ** (torch.floor(torch.log2(logits.abs().clamp(min=1e-30))) - (digits - 1))
            self.assertEqual((logits / step - torch.round(logits / step)).abs().max(), 0)
            step *= 2  # a grid twice as coarse does not hold them
            self.assertGreater((logits / step - torch.round(logits / step)).abs().max(), 0)
        wide = run(self.prompt, dtype="bf16", head="fp32")
        self.assertFalse(torch.equal(wide, wide.to(torch.bfloat16).float()))

    def test_level_of_the_logits(self):
        self.assertTrue(8 < run(self.prompt).max(-1).values.mean() < 25)

    def test_refused_options(self):
        for opts in (dict(dtype="fp8"), dict(quant="int3"), dict(attention="magic"), dict(tp=3)):
            with self.assertRaises(ValueError):
                model.Model(TINY, BITS, model.Options(**opts))


def lab(*args):
    args = serve.parser().parse_args(["--preset", "tiny", "--weights", "random", "--checkpoint", FOLDER.name,
                                      "--cache", FOLDER.name, *PLATFORM, *args])
    made = serve.make_lab(args)
    serve.warm_up(made)
    return made


class TestEngine(unittest.TestCase):
    def answer(self, eng, prompt, **more):
        r = engine.Request(list(prompt), **{"max_tokens": 6, "temperature": 0, "logprobs": 5, **more})
        eng.submit(r)
        return list(iter(r.events.get, ("end", "length")))

    def test_neighbours_change_little_and_nothing_where_invariant(self):
        alone = self.answer(lab("--dtype", "bf16", "--no-prefix-cache").engine, range(40, 60))
        for extra in ([], ["--invariant"]):
            crowd = lab("--dtype", "bf16", "--no-prefix-cache", "--load", "heavy", *extra).engine
            together = self.answer(crowd, range(40, 60))
            self.assertGreaterEqual(max(crowd.batches), 8)
            self.assertAlmostEqual(alone[0][1].logprob, together[0][1].logprob, delta=0.5)
        self.assertEqual(alone, together)

    @needs_torch
    def test_prefix_cache_is_used_and_salted(self):
        eng = lab().engine
        first, again = self.answer(eng, range(40, 80), salt="a"), self.answer(eng, range(40, 80), salt="a")
        self.assertIn(("a", *range(40, 72)), eng.blocks)
        self.assertNotIn(("b", *range(40, 72)), eng.blocks)
        self.assertEqual([t.id for _, t in first], [t.id for _, t in again])

    def test_a_broken_step_fails_its_requests_only(self):
        made = lab()
        forward, made.engine.model.forward = made.engine.model.forward, None
        self.assertEqual(self.first(made.engine)[0], "error")
        made.engine.model.forward = forward
        self.assertEqual(self.first(made.engine)[0], "token")

    def first(self, eng):
        r = engine.Request([5, 6], 1, temperature=0)
        eng.submit(r)
        return r.events.get(timeout=30)


class TestServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab("--dtype", "bf16")
        cls.server = serve.Server(("127.0.0.1", 0), serve.handler(cls.lab))
        cls.port = cls.server.server_address[1]
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()

    def call(self, path, body, status=200):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        link.request("POST" if body is not None else "GET", path, body if isinstance(body, str) else json.dumps(body))
        r = link.getresponse()
        text = r.read().decode()
        link.close()
        self.assertEqual(r.status, status, text)
        return text

    def complete(self, status=200, **body):
        return json.loads(self.call("/v1/completions", {"prompt": "import os", "max_tokens": 4, "temperature": 0, **body}, status))

    def test_models(self):
        self.assertEqual(json.loads(self.call("/v1/models", None))["data"][0]["id"], "lab")
        self.assertEqual(json.loads(self.call("/lab/info", None))["options"]["dtype"], "bf16")

    def test_completion(self):
        got = self.complete(logprobs=20, return_token_ids=True, model="lab")
        choice = got["choices"][0]
        lp = choice["logprobs"]
        self.assertEqual(len(choice["token_ids"]), 4)
        self.assertEqual("".join(lp["tokens"]), choice["text"])
        self.assertEqual(got["usage"]["completion_tokens"], 4)
        for token, value, top in zip(lp["tokens"], lp["token_logprobs"], lp["top_logprobs"]):
            self.assertEqual(value, max(top.values()))
            self.assertEqual(top[token], value)
            for v in top.values():
                self.assertEqual(float(np.float32(v)), v)

    def test_gaps_of_bf16_are_seen_outside(self):
        top = self.complete(logprobs=20, return_tokens_as_token_ids=True)["choices"][0]["logprobs"]["top_logprobs"][0]
        self.assertEqual(len(top), 20)
        best = max(top.values())
        for v in top.values():
            self.assertLess(abs((best - v) * 64 - round((best - v) * 64)), 64 * 4e-6)

    def test_echo_and_prompt_logprobs(self):
        choice = self.complete(echo=True, logprobs=2, max_tokens=0)["choices"][0]
        lp = choice["logprobs"]
        self.assertIsNone(lp["token_logprobs"][0])
        self.assertEqual(choice["text"], "import os")
        self.assertTrue(all(len(t) in (2, 3) for t in lp["top_logprobs"][1:]))
        choice = self.complete(prompt_logprobs=3)["choices"][0]
        self.assertEqual(len(choice["prompt_logprobs"]), len(lp["tokens"]))
        self.assertIsNone(choice["prompt_logprobs"][0])

    def test_prompts_in_all_forms(self):
        got = self.complete(prompt=[[5, 6, 7], [8, 9]], n=2, temperature=1, seed=3)
        self.assertEqual(len(got["choices"]), 4)
        same = self.complete(prompt=[5, 6, 7], temperature=1, seed=3)["choices"][0]["text"]
        self.assertEqual(same, got["choices"][0]["text"])
        self.assertEqual(len(self.complete(prompt=["a", "b"])["choices"]), 2)

    def test_stream_says_what_the_whole_answer_says(self):
        for extra in ({}, {"echo": True}):
            whole = self.complete(logprobs=3, **extra)["choices"][0]
            body = {"prompt": "import os", "max_tokens": 4, "temperature": 0, "logprobs": 3, "stream": True,
                    "stream_options": {"include_usage": True}, **extra}
            lines = self.call("/v1/completions", body).strip().split("\n\n")
            self.assertEqual(lines[-1], "data: [DONE]")
            chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
            self.assertEqual(chunks[-1]["usage"]["completion_tokens"], 4)
            choices = [c["choices"][0] for c in chunks[:-1]]
            self.assertEqual("".join(c["text"] for c in choices), whole["text"])
            values = [v for c in choices if c["logprobs"] for v in c["logprobs"]["token_logprobs"]]
            self.assertEqual(values, whole["logprobs"]["token_logprobs"][-4:])
            self.assertEqual(choices[-1]["finish_reason"], "length")

    def test_chat(self):
        body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 3, "temperature": 0, "logprobs": True,
                "top_logprobs": 5}
        choice = json.loads(self.call("/v1/chat/completions", body))["choices"][0]
        content = choice["logprobs"]["content"]
        self.assertEqual(b"".join(bytes(c["bytes"]) for c in content).decode("utf-8", "replace"), choice["message"]["content"])
        self.assertEqual([len(c["top_logprobs"]) for c in content], [5, 5, 5])
        lines = self.call("/v1/chat/completions", {**body, "stream": True}).strip().split("\n\n")
        parts = [json.loads(line[6:])["choices"][0]["delta"].get("content", "") for line in lines[:-1]]
        self.assertEqual("".join(parts), choice["message"]["content"])

    def test_stop_and_bias(self):
        text = self.complete(max_tokens=8)["choices"][0]["text"]
        cut = self.complete(max_tokens=8, stop=[text[2]])["choices"][0]
        self.assertEqual((cut["text"], cut["finish_reason"]), (text[: text.index(text[2])], "stop"))
        forced = self.complete(logit_bias={"77": 1000}, return_token_ids=True)["choices"][0]
        self.assertEqual(forced["token_ids"], [77] * 4)

    def test_refusals(self):
        for status, body in ((400, {"logprobs": 21}), (400, {"prompt": []}), (400, {"prompt": [9999]}), (400, {"prompt": 3}),
                             (400, {"max_tokens": -1}), (400, {"max_tokens": 0}), (400, {"temperature": "hot"}),
                             (400, {"max_tokens": 4000}), (404, {"model": "other"}), (400, {"stop": 3}),
                             (400, {"logit_bias": {"x": 1}})):
            self.assertIn("message", self.complete(status, **body)["error"])
        self.call("/v1/completions", "{", 400)
        self.call("/v1/completions", "[]", 400)
        self.call("/v1/nothing", {}, 404)

    def test_record(self):
        with tempfile.TemporaryDirectory() as d:
            bad = record.record(f"http://127.0.0.1:{self.port}/v1", "lab", "here", 1, d + "/r", 5)
            with open(d + "/r") as f:
                lines = [json.loads(line) for line in f]
        self.assertEqual(bad, 0)
        self.assertEqual({x["name"] for x in lines[1:]}, {q[0] for q in record.questions()})


class TestSession(unittest.TestCase):
    def test_the_plan_names_the_gpu_and_checks_needs(self):
        machine = {"gpu": "NVIDIA H200", "cuda": True, "flags": ["avx2"], "torch": "2"}
        platforms = session.plan(os.path.join(session.HERE, "platforms.json"), machine, [])
        self.assertGreaterEqual(len([p for p in platforms if p["role"] == "platform"]), 16)
        self.assertEqual(len({p["id"] for p in platforms}), len(platforms))
        by_id = {p["id"]: p for p in platforms}
        self.assertIsNone(session.lacks(by_id["h200-bf16-flash"], machine))
        self.assertEqual(session.lacks(by_id["cpu-bf16-amx"], machine), "flag:amx_bf16")
        self.assertEqual(session.lacks(by_id["h200-bf16-jax"], machine), "jax-cuda")
        for p in platforms:
            serve.parser().parse_args(p["args"])

    def test_two_sessions_end_to_end(self):
        with tempfile.TemporaryDirectory() as d:
            labels = {"engine": "torch" if TORCH else "jax"}
            plan = [{"id": "cpu-a", "role": "platform", "labels": labels, "requires": [],
                     "args": [*PLATFORM, "--dtype", "bf16", "--load", "light"]},
                    {"id": "cpu-bad", "role": "platform", "labels": labels, "requires": [], "args": [*PLATFORM, "--tp", "3"]},
                    {"id": "cpu-none", "role": "platform", "labels": labels, "requires": ["flag:none"], "args": PLATFORM}]
            with open(d + "/plan.json", "w") as f:
                json.dump(plan, f)
            command = [session.sys.executable, session.__file__, "--platforms", d + "/plan.json", "--preset", "tiny",
                       "--weights", "random", "--checkpoint", FOLDER.name, "--state", d + "/state", "--out", d + "/out",
                       "--sessions", "2"]
            for expect in ("0 of 4", "2 of 4"):
                p = session.subprocess.run(command, capture_output=True, text=True, timeout=300)
                self.assertEqual(p.returncode, 1, p.stderr)
                self.assertIn(expect, p.stdout)
            with open(d + "/out/summary.json") as f:
                found = json.load(f)
            self.assertEqual(found["sessions"], {"cpu-a": 2})
            self.assertEqual(list(found["unsupported"]), ["cpu-bad"])
            self.assertEqual(list(found["skipped"]), ["cpu-none"])
            self.assertLessEqual(len(os.listdir(d + "/out")), 8)
            with session.tarfile.open(d + "/out/evidence-0.tar") as outer:
                with session.tarfile.open(fileobj=outer.extractfile("cpu-a.tar.xz")) as inner:
                    self.assertEqual(sorted(os.path.basename(n) for n in inner.getnames()),
                                     ["01.jsonl", "01.meta.json", "02.jsonl", "02.meta.json"])


if __name__ == "__main__":
    unittest.main()
