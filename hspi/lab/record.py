"""A plain client: asks a fixed set of questions and keeps every answer, byte for byte, as a JSON line.

The set holds short and long prompts, repeats, prompt log-probabilities, chat, temperatures, a stream and questions
under load; a session's seed changes the order only.
"""
import argparse
import concurrent.futures
import http.client
import json
import os
import random
import time
import urllib.parse

TEXTS = [
    "import os\nimport sys\n\ndef main(argv):\n    ", "class Queue:\n    \"\"\"A first-in first-out queue.\"\"\"\n\n    def __init__(self",
    "The quick brown fox jumps over the lazy dog, and then it ", "for i in range(10):\n    print(",
    "def parse(text):\n    \"\"\"Returns the list of tokens in text.\"\"\"\n    tokens = []\n    for ",
    "Here are five random words: river, copper, window, ", "try:\n    value = int(text)\nexcept ValueError as ",
    "This module provides access to some variables used or maintained by the interpreter and to functions that ",
    "with open(path, 'rb') as f:\n    data = f.", "SELECT name, price FROM items WHERE ", "if __name__ == ",
    "In the beginning of the year the committee decided that the ", "assert len(result) == ", "# Copyright (c) 2001-",
    "return [x for x in ", "The arguments are the same as for the constructor, except that ",
]


def questions():
    """The set, in its own order: (name, group, chat, body). Questions of one group are asked at the same time."""
    words = random.Random(7)
    out = []

    def completion(name, prompt, group=None, **more):
        body = {"model": None, "prompt": prompt, "max_tokens": 8, "temperature": 0, "logprobs": 20,
                "return_token_ids": True, **more}
        out.append((name, group or name, False, body))

    for i, text in enumerate(TEXTS):
        completion(f"text-{i}", text)
    for i in range(12):
        ids = [words.randrange(260, 500) for _ in range(words.choice([5, 17, 40, 90]))]
        completion(f"words-{i}", ids)
    for i in range(2):
        completion(f"long-{i}", [words.randrange(260, 500) for _ in range(380)], max_tokens=4)
    for i in range(4):
        completion(f"echo-{i}", " ".join(TEXTS[4 * i:4 * i + 4]), max_tokens=1, echo=True, logprobs=5)
    for i in range(8):
        completion(f"repeat-{i}", TEXTS[2], max_tokens=1)
    for t in (0.5, 1.0):
        completion(f"heat-{t}", TEXTS[5], max_tokens=1, temperature=t, seed=11)
    for i in range(8):
        completion(f"load-{i}", TEXTS[3] if i == 0 else TEXTS[-i], "load", max_tokens=4)
    completion("stream", TEXTS[1], stream=True)
    for i in range(4):
        body = {"model": None, "messages": [{"role": "user", "content": TEXTS[-1 - i]}], "max_tokens": 8,
                "temperature": 0, "logprobs": True, "top_logprobs": 20}
        out.append((f"chat-{i}", f"chat-{i}", True, body))
    return out


def ask(endpoint, question, model):
    name, _, chat, body = question
    url = urllib.parse.urlsplit(endpoint)
    path = url.path.rstrip("/") + ("/chat/completions" if chat else "/completions")
    body = {**body, "model": model}
    line = {"name": name, "path": path, "request": body, "sent": time.time()}
    try:
        link = http.client.HTTPConnection(url.hostname, url.port, timeout=120)
        link.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = link.getresponse()
        line["status"], line["body"] = answer.status, answer.read().decode()
        link.close()
    except (OSError, http.client.HTTPException) as e:
        line["error"] = f"{type(e).__name__}: {e}"
    return {**line, "seconds": round(time.time() - line["sent"], 4)}


def record(endpoint, model, platform, session, path, seed):
    """Asks everything; returns how many answers were not good."""
    groups = {}
    for q in questions():
        groups.setdefault(q[1], []).append(q)
    order = sorted(groups)
    random.Random(seed).shuffle(order)
    bad = 0
    with open(path + ".part", "w") as f, concurrent.futures.ThreadPoolExecutor(16) as pool:
        f.write(json.dumps({"platform": platform, "session": session, "seed": seed, "model": model}) + "\n")
        for name in order:
            for line in pool.map(lambda q: ask(endpoint, q, model), groups[name]):
                bad += line.get("status") != 200
                f.write(json.dumps(line) + "\n")
    os.replace(path + ".part", path)
    return bad


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--endpoint", required=True)
    ap.add_argument("--model", default="lab")
    ap.add_argument("--platform", required=True)
    ap.add_argument("--session", type=int, required=True)
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--out", required=True)
    a = ap.parse_args()
    bad = record(a.endpoint, a.model, a.platform, a.session, a.out, a.seed)
    if bad:
        raise SystemExit(f"{bad} answers were not good")


if __name__ == "__main__":
    main()
