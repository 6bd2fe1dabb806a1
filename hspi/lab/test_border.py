"""python3 -m unittest, in this folder. Needs torch and numpy, and is skipped without them."""
import json
import os
import tempfile
import unittest

try:
    import numpy as np
    import torch
except ImportError as e:
    raise unittest.SkipTest(f"no torch here: {e}") from e

import border
import tokenizer
import train
import weights

TINY = weights.TINY
PLATFORMS = [
    {"id": name, "role": "platform", "labels": {"engine": "torch", "precision": name[4:8], "tp": 1}, "requires": [],
     "args": ["--device", "cpu", *args]}
    for name, args in (("cpu-fp32", ["--dtype", "fp32"]), ("cpu-bf16", ["--dtype", "bf16"]),
                       ("cpu-bf16-int8", ["--dtype", "bf16", "--quant", "int8"]), ("cpu-none", ["--tp", "3"]))]


def setUpModule():
    global FOLDER, TOK, BITS, REF
    FOLDER = tempfile.TemporaryDirectory()
    with open(train.__file__) as f:
        TOK = tokenizer.train(f.read(), TINY.vocab)
    TOK.save(os.path.join(FOLDER.name, "tokenizer.json"))
    BITS, _ = weights.cached(TINY, "random", FOLDER.name)
    REF = border.Reference(TINY, BITS, "cpu")


def tearDownModule():
    FOLDER.cleanup()


def search(**more):
    return border.Search(REF, TOK, **{"api": "completions", "length": 12, "seed": 1, "batch": 8, "candidates": 8, **more})


class TestSearch(unittest.TestCase):
    def test_text_gives_the_same_tokens_back(self):
        for own in search().fresh(50).tolist():
            text = TOK.decode(own)
            self.assertEqual(TOK.encode(text), own)
            self.assertEqual(text, text.strip())

    def test_frames(self):
        for api, length in (("completions", 12), ("chat", 12)):
            s = search(api=api)
            full = s.full(s.fresh(2))
            self.assertEqual(full.shape[1], length)
            self.assertTrue((full[:, 0] == tokenizer.BOS).all())
        self.assertTrue((full[:, -1] == tokenizer.ASSISTANT).all())

    def test_slopes_are_those_of_the_gap(self):
        s = search()
        ids = s.full(s.fresh(4))
        gap, slope = REF.slopes(ids)
        torch.testing.assert_close(gap, REF.gaps(ids), atol=1e-4, rtol=1e-4)
        step = 1e-2 * slope / slope.norm(dim=(1, 2), keepdim=True)
        moved = border.Reference(TINY, BITS, "cpu")
        rows = (REF.p["embed"][ids.view(-1)].view_as(step) + step).view(-1, TINY.dim)
        moved.p["embed"] = rows
        up = moved.gaps(torch.arange(ids.numel()).view_as(ids))
        torch.testing.assert_close((up - gap) / 1e-2, slope.norm(dim=(1, 2)), atol=0.05, rtol=0.1)

    def test_exchanges_change_one_token_that_may_change(self):
        s = search()
        own = s.fresh(6)
        for gradient in (True, False):
            place, token = s._exchanges(own, gradient)
            self.assertEqual(place.shape, (6, 8))
            self.assertTrue((1 <= place).all() and (place < s.free).all())
            self.assertTrue(torch.isin(token, s.word).all())
        s.random.manual_seed(5)
        again = [s._exchanges(own, True)]
        s.random.manual_seed(5)
        again.append(s._exchanges(own, True))
        self.assertTrue(all(torch.equal(a, b) for a, b in zip(*again)), "the seed decides")

    def test_found_gaps_are_true(self):
        for found, tried in (search().exchange(1.5, True), search().exchange(1.5, False), search().screen(1.5)):
            self.assertGreater(tried, 0)
            kept = border.smallest(found, 5)
            self.assertEqual([g for g, _ in kept], sorted(g for g, _ in kept))
            if kept:
                gaps = REF.gaps(search().full(torch.tensor([own for _, own in kept])))
                torch.testing.assert_close(gaps, torch.tensor([g for g, _ in kept]), atol=1e-4, rtol=0)

    def test_smallest_takes_two_of_a_chain(self):
        found = [(0.1, 1, [1]), (0.2, 1, [2]), (0.3, 1, [3]), (0.4, 2, [4]), (0.05, 3, [4])]
        self.assertEqual(border.smallest(found, 4), [(0.05, [4]), (0.1, [1]), (0.2, [2])])


class TestChoice(unittest.TestCase):
    def test_differ_wants_steady_answers(self):
        answers = np.array([[[1, 1], [2, 2], [2, 1]]])  # one prompt, three platforms, two loads
        self.assertEqual(border.differ(answers).tolist(), [[True, False, False]])

    def test_cover_serves_every_pair(self):
        apart = np.zeros((30, 3), bool)
        apart[:28, 0] = True
        apart[28, 1] = apart[29, 2] = True
        chosen = border.cover(apart, 6)
        self.assertTrue(apart[chosen].any(0).all())
        self.assertEqual(len(border.cover(apart, 100)), 30)
        self.assertEqual(border.cover(np.zeros((4, 3), bool), 2), [])

    def test_answers_must_be_told_apart(self):
        self.assertIsNone(border.texts(TOK, [tokenizer.EOS, 70]))
        self.assertIsNone(border.texts(TOK, [tokenizer.BYTE0 + 0xc3, 70]))
        self.assertEqual(border.texts(TOK, [tokenizer.BYTE0 + 65]), ["A"])


class TestPlatform(unittest.TestCase):
    def test_answers_are_the_servers(self):
        """The same as the engine gives, alone in its batch."""
        import engine
        p = border.Platform(PLATFORMS[1], TINY, BITS, 1)
        s = search()
        prompts = s.full(s.fresh(5)).tolist()
        got = p.answers(prompts, (0, 8))
        eng = engine.Engine(p.model, TINY.vocab, tokenizer.EOS)
        for ids, answer in zip(prompts, got):
            r = engine.Request(ids, 1, temperature=0, ignore_eos=True)
            eng.submit(r)
            self.assertEqual(r.events.get(timeout=30)[1].id, answer[0])
        eng.close()

    def test_panels_agree(self):
        """In this process and in others; what cannot be computed is named."""
        prompts = search().full(search().fresh(3)).tolist()
        seen = []
        for workers in (0, 2):
            panel = border.Panel(PLATFORMS, workers, TINY, "random", FOLDER.name, FOLDER.name, 1)
            self.assertEqual(list(panel.failed), ["cpu-none"])
            got = panel.ask(prompts, (0, 1))
            self.assertEqual(got.shape, (3, 3, 2))
            seen.append({n: got[:, i].tolist() for i, n in enumerate(panel.names)})
            panel.close()
        self.assertEqual(*seen)


class TestBuild(unittest.TestCase):
    def test_a_set(self):
        plan = os.path.join(FOLDER.name, "plan.json")
        with open(plan, "w") as f:
            json.dump(PLATFORMS, f)
        args = border.parser().parse_args([
            "--platforms", plan, "--preset", "tiny", "--weights", "random", "--checkpoint", FOLDER.name, "--cache", FOLDER.name,
            "--workers", "0", "--budget-s", "20", "--pool", "60", "--batch", "8", "--candidates", "8", "--device", "cpu"])
        made = json.loads(json.dumps(border.build(args)))
        self.assertEqual(made["version"], border.VERSION)
        self.assertEqual(list(made["unsupported"]), ["cpu-none"])
        self.assertEqual(set(made["search"]), {"gradient", "exchange", "screen", "random"})
        self.assertGreater(len(made["prompts"]), 0)
        for p in made["prompts"]:
            self.assertEqual(TOK.encode(p["text"]), p["tokens"])
            self.assertEqual(set(p["answers"]), {"cpu-fp32", "cpu-bf16", "cpu-bf16-int8"})
            self.assertGreater(len({a[0] for a in p["answers"].values()}), 1, "platforms differ")
            for a in p["answers"].values():
                self.assertEqual(len(a), len(made["loads"]))
                self.assertLess(max(a), len(p["says"]))

    def test_one_platform_is_refused(self):
        plan = os.path.join(FOLDER.name, "one.json")
        with open(plan, "w") as f:
            json.dump(PLATFORMS[:1], f)
        args = border.parser().parse_args(["--platforms", plan, "--preset", "tiny", "--weights", "random", "--checkpoint", FOLDER.name,
                                           "--cache", FOLDER.name, "--workers", "0", "--device", "cpu"])
        with self.assertRaises(SystemExit):
            border.build(args)


if __name__ == "__main__":
    unittest.main()
