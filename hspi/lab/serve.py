"""An OpenAI-compatible server of one platform on loopback. Prints one JSON line when it is ready."""
import argparse
import json
import os
import queue
import signal
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import engine
import tokenizer
import weights

FINGERPRINT = "gpubench-lab-1"


class Refused(Exception):
    """A request that is answered with an error status."""

    def __init__(self, status, message, kind="BadRequestError"):
        super().__init__(message)
        self.status, self.kind = status, kind


class Lab:
    """What the handlers share: engine, tokenizer, limits, and the truth about the platform."""

    def __init__(self, eng, tok, name, max_logprobs, about):
        self.engine, self.tok, self.name, self.max_logprobs, self.about = eng, tok, name, max_logprobs, about

    def text(self, token, as_ids):
        return f"token_id:{token}" if as_ids else self.tok.token_text(token)


def number(body, key, default, low, high, kind=(int, float)):
    v = body.get(key)
    if v is None:
        return default
    if isinstance(v, bool) or not isinstance(v, kind) or not low <= v <= high:
        raise Refused(400, f"{key} must be between {low} and {high}, got {v!r}")
    return v


def count_logprobs(lab, body, key):
    v = number(body, key, None, 0, 1 << 20, int)
    if v is not None and v > lab.max_logprobs:
        raise Refused(400, f"{key} of {v} is more than this server gives (max_logprobs {lab.max_logprobs})")
    return v


def prompts(lab, body):
    """The prompts of a completions request, as lists of token ids."""
    p = body.get("prompt")
    if isinstance(p, str) or (isinstance(p, list) and p and all(type(t) is int for t in p)):
        p = [p]
    if not isinstance(p, list) or not p:
        raise Refused(400, "prompt must be text, token ids, or a list of either")
    bos = [tokenizer.BOS] if body.get("add_special_tokens", True) else []
    out = []
    for one in p:
        if isinstance(one, str):
            ids = bos + lab.tok.encode(one)
        elif isinstance(one, list) and all(type(t) is int and 0 <= t < lab.engine.vocab for t in one):
            ids = one
        else:
            raise Refused(400, "prompt holds something that is neither text nor token ids of the vocabulary")
        if not ids:
            raise Refused(400, "prompt is empty")
        out.append(ids)
    return out


def chat_prompt(lab, body):
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refused(400, "messages must be a list")
    ids = [tokenizer.BOS]
    for m in messages:
        if not isinstance(m, dict) or not isinstance(m.get("content"), str):
            raise Refused(400, "a message needs a content of text")
        ids += [tokenizer.ASSISTANT if m.get("role") == "assistant" else tokenizer.USER, *lab.tok.encode(m["content"])]
    return [*ids, tokenizer.ASSISTANT]


def requests_of(lab, body, chat):
    """One engine request per prompt and choice."""
    if body.get("model") not in (None, lab.name):
        raise Refused(404, f"the model {body.get('model')!r} does not exist", "NotFoundError")
    if chat:
        ids, wanted = [chat_prompt(lab, body)], None
        top = count_logprobs(lab, body, "top_logprobs")
        if top is not None and not body.get("logprobs"):
            raise Refused(400, "top_logprobs needs logprobs to be true")
        if body.get("logprobs"):
            wanted = top or 0
    else:
        ids, wanted = prompts(lab, body), count_logprobs(lab, body, "logprobs")
    ask = number(body, "max_completion_tokens", None, 0, 4096, int) if chat else None
    most = ask if ask is not None else number(body, "max_tokens", 16, 0, 4096, int)
    of_prompt = count_logprobs(lab, body, "prompt_logprobs")
    if body.get("echo") and wanted is not None:
        of_prompt = max(of_prompt or 0, wanted)
    if most == 0 and not body.get("echo"):
        raise Refused(400, "max_tokens must be at least 1")
    longest = lab.engine.max_len - most
    for p in ids:
        if len(p) > longest:
            raise Refused(400, f"{len(p)} tokens and max_tokens {most} exceed the context of {lab.engine.max_len}")
    seed = number(body, "seed", None, -(1 << 63), (1 << 63) - 1, int)
    bias = body.get("logit_bias") or {}
    if not isinstance(bias, dict) or not all(k.isdigit() and int(k) < lab.engine.vocab and isinstance(v, (int, float))
                                             for k, v in bias.items()):
        raise Refused(400, "logit_bias must map token ids to numbers")
    copies = number(body, "n", 1, 1, 16, int)
    return [engine.Request(
        prompt=p, max_tokens=most, temperature=number(body, "temperature", 1.0, 0, 2),
        top_p=number(body, "top_p", 1.0, 1e-9, 1), seed=None if seed is None else seed + i, logprobs=wanted,
        prompt_logprobs=of_prompt, salt=str(body.get("cache_salt") or ""), ignore_eos=bool(body.get("ignore_eos")),
        bias={int(k): v for k, v in bias.items()}) for p in ids for i in range(copies)]


def stop_words(body):
    stop = body.get("stop") or []
    stop = [stop] if isinstance(stop, str) else stop
    if not isinstance(stop, list) or not all(isinstance(s, str) for s in stop):
        raise Refused(400, "stop must be text or a list of texts")
    return [s for s in stop if s]


def events(lab, request, stop):
    """Yields (new tokens, text so far, finish reason or None); the engine's error is raised."""
    tokens = []
    while True:
        try:
            kind, value = request.events.get(timeout=300)
        except queue.Empty:
            kind, value = "error", "no answer from the engine"
        if kind == "error":
            raise Refused(500, value, "InternalServerError")
        if kind == "prompt":
            yield value, "", None, True
            continue
        if kind == "end":
            yield [], lab.tok.decode(tokens), value, False
            return
        shown = value.id != lab.engine.eos
        if shown:
            tokens.append(value.id)
        text = lab.tok.decode(tokens)
        cut = min((text.index(s) for s in stop if s in text), default=None)
        if cut is not None:
            request.cancelled = True
            yield [value], text[:cut], "stop", False
            return
        yield [value], text, None, False


def completion_logprobs(lab, rows, as_ids, offset):
    out = {"tokens": [], "token_logprobs": [], "top_logprobs": [], "text_offset": []}
    for row in rows:
        name = lab.text(row.id, as_ids)
        top = None
        if row.logprob is not None:
            top = {}
            for t, v in [*row.top, (row.id, row.logprob)]:
                top.setdefault(lab.text(t, as_ids), v)  # of tokens with the same text the best stays
        for key, value in zip(out, (name, row.logprob, top, offset)):
            out[key].append(value)
        offset += len(lab.tok.token_text(row.id))
    return out


def chat_logprobs(lab, rows, as_ids):
    def entry(token, value):
        return {"token": lab.text(token, as_ids), "logprob": value, "bytes": list(lab.tok.token_bytes(token))}

    return {"content": [{**entry(r.id, r.logprob), "top_logprobs": [entry(t, v) for t, v in r.top]} for r in rows]}


def prompt_logprobs(lab, rows):
    """vLLM's form: per position None or id -> value, rank and text."""
    out = []
    for row in rows:
        if row.logprob is None:
            out.append(None)
            continue
        here = {str(t): {"logprob": v, "rank": i + 1, "decoded_token": lab.tok.token_text(t)}
                for i, (t, v) in enumerate(row.top)}
        here.setdefault(str(row.id), {"logprob": row.logprob, "decoded_token": lab.tok.token_text(row.id)})
        out.append(here)
    return out


class Answer:
    """Builds the bodies of one request, whole or as a stream."""

    def __init__(self, lab, body, chat):
        self.lab, self.body, self.chat = lab, body, chat
        self.requests, self.stop = requests_of(lab, body, chat), stop_words(body)
        self.as_ids = bool(body.get("return_tokens_as_token_ids"))
        self.echo = bool(body.get("echo")) and not chat
        self.id = ("chatcmpl-" if chat else "cmpl-") + uuid.uuid4().hex
        self.created = int(time.time())

    def start(self):
        for r in self.requests:
            self.lab.engine.submit(r)

    def usage(self, made):
        asked = sum(len(r.prompt) for r in self.requests)
        return {"prompt_tokens": asked, "completion_tokens": made, "total_tokens": asked + made}

    def envelope(self, kind, choices):
        return {"id": self.id, "object": kind, "created": self.created, "model": self.lab.name,
                "system_fingerprint": FINGERPRINT, "choices": choices}

    def whole(self):
        self.start()
        choices, made = [], 0
        for i, r in enumerate(self.requests):
            rows, prompt, text, reason = [], [], "", None
            for new, so_far, end, is_prompt in events(self.lab, r, self.stop):
                if is_prompt:
                    prompt = new
                    continue
                rows, text, reason = rows + new, so_far, end
            made += len(rows)
            choices.append(self.choice(i, r, rows, prompt, text, reason))
        out = self.envelope("chat.completion" if self.chat else "text_completion", choices)
        return {**out, "usage": self.usage(made)}

    def choice(self, index, r, rows, prompt, text, reason):
        out = {"index": index, "finish_reason": reason}
        if self.chat:
            out["message"] = {"role": "assistant", "content": text}
            out["logprobs"] = chat_logprobs(self.lab, rows, self.as_ids) if r.logprobs is not None else None
        else:
            shown = prompt + rows if self.echo else rows
            out["text"] = self.lab.tok.decode(r.prompt) + text if self.echo else text
            out["logprobs"] = completion_logprobs(self.lab, shown, self.as_ids, 0) if r.logprobs is not None else None
        if self.body.get("prompt_logprobs") is not None:
            out["prompt_logprobs"] = prompt_logprobs(self.lab, prompt)
        if self.body.get("return_token_ids"):
            out["prompt_token_ids"], out["token_ids"] = r.prompt, [t.id for t in rows]
        return out

    def stream(self):
        """Yields the chunks; the choices one after the other."""
        self.start()
        kind = "chat.completion.chunk" if self.chat else "text_completion"
        made = 0
        for i, r in enumerate(self.requests):
            if self.chat:
                yield self.envelope(kind, [{"index": i, "delta": {"role": "assistant", "content": ""},
                                            "logprobs": None, "finish_reason": None}])
            said = ""
            if self.echo:
                said = self.lab.tok.decode(r.prompt)
                yield self.envelope(kind, [{"index": i, "text": said, "logprobs": None, "finish_reason": None}])
            sent, offset = "", len(said)
            for new, so_far, end, is_prompt in events(self.lab, r, self.stop):
                if is_prompt:
                    continue
                held = so_far[:-1] if so_far.endswith("\ufffd") and end is None else so_far  # half a character waits
                piece, sent = held[len(sent):], max(sent, held, key=len)
                made += len(new)
                yield self.envelope(kind, [self.piece(i, r, new, piece, end, offset)])
                offset += sum(len(self.lab.tok.token_text(t.id)) for t in new)
        if (self.body.get("stream_options") or {}).get("include_usage"):
            yield {**self.envelope(kind, []), "usage": self.usage(made)}

    def piece(self, index, r, new, text, reason, offset):
        out = {"index": index, "finish_reason": reason, "logprobs": None}
        if self.chat:
            out["delta"] = {"content": text}
        else:
            out["text"] = text
        if r.logprobs is not None and new:
            out["logprobs"] = (chat_logprobs(self.lab, new, self.as_ids) if self.chat else
                               completion_logprobs(self.lab, new, self.as_ids, offset))
        if self.body.get("return_token_ids"):
            out["token_ids"] = [t.id for t in new]
        return out


def handler(lab):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = 1 << 16

        def log_message(self, *args):
            pass

        def reply(self, status, body):
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            self.wfile.flush()

        def refuse(self, status, message, kind="BadRequestError"):
            self.reply(status, {"error": {"message": message, "type": kind, "param": None, "code": status}})

        def do_GET(self):
            about = {**lab.about, "batches": dict(sorted(lab.engine.batches.items()))}
            pages = {"/v1/models": {"object": "list", "data": [
                {"id": lab.name, "object": "model", "created": 0, "owned_by": "gpubench-lab",
                 "max_model_len": lab.engine.max_len}]}, "/health": {}, "/lab/info": about}
            page = pages.get(self.path)
            self.refuse(404, "no such page", "NotFoundError") if page is None else self.reply(200, page)

        def do_POST(self):
            try:
                size = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(size) or b"null")
                if not isinstance(body, dict):
                    raise Refused(400, "the body must be a JSON object")
                if self.path == "/tokenize":
                    ids = prompts(lab, body)[0]
                    return self.reply(200, {"tokens": ids, "count": len(ids), "max_model_len": lab.engine.max_len})
                if self.path not in ("/v1/completions", "/v1/chat/completions"):
                    raise Refused(404, "no such page", "NotFoundError")
                answer = Answer(lab, body, self.path.endswith("/chat/completions"))
                if body.get("stream"):
                    return self.send_stream(answer)
                self.reply(200, answer.whole())
            except ValueError as e:
                self.refuse(400, f"broken request: {e}")
            except Refused as e:
                self.refuse(e.status, str(e), e.kind)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def send_stream(self, answer):
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream; charset=utf-8")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                for chunk in answer.stream():
                    self.chunk(f"data: {json.dumps(chunk)}\n\n")
            except Refused as e:  # too late for a status
                self.chunk(f"data: {json.dumps({'error': {'message': str(e), 'code': e.status}})}\n\n")
            except (BrokenPipeError, ConnectionResetError):
                for r in answer.requests:
                    r.cancelled = True
                raise
            self.chunk("data: [DONE]\n\n")
            self.wfile.write(b"0\r\n\r\n")
            self.wfile.flush()

        def chunk(self, text):
            data = text.encode()
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()

    return Handler


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def refuse_others(args):
    """The JAX model has one form: an option that it would ignore must not be in the record."""
    for name in ("head", "quant", "kv", "attention", "scaled_mm", "compile", "tp", "threads"):
        if getattr(args, name) != parser().get_default(name):
            raise ValueError(f"--{name.replace('_', '-')} is not for JAX")


def make_lab(args):
    """Model, engine and tokenizer as the command line says."""
    cfg = weights.PRESETS[args.preset]
    bits, sha = weights.cached(cfg, args.weights, args.cache, args.checkpoint)
    tok = tokenizer.Tokenizer.load(os.path.join(args.checkpoint, "tokenizer.json"))
    extra = {"max_batch": args.max_batch}
    if args.framework == "jax":
        import jaxmodel
        refuse_others(args)
        mod = jaxmodel.Model(cfg, bits, args.device, args.dtype, slots=args.max_batch, capacity=512)
        extra["max_len"], args.no_prefix_cache = 512, True
    else:
        import model
        import torch
        if args.threads:
            torch.set_num_threads(args.threads)
        mod = model.Model(cfg, bits, model.Options(
            device=args.device, dtype=args.dtype, head=args.head, quant=args.quant, kv=args.kv, attention=args.attention,
            compile=args.compile, tp=args.tp, scaled_mm=args.scaled_mm))
    eng = engine.Engine(mod, cfg.vocab, tokenizer.EOS, load=args.load, seed=args.seed, invariant=args.invariant,
                        prefix_cache=not args.no_prefix_cache, processed=args.processed, **extra)
    about = {"weights": args.weights, "weights_sha256": sha, "options": vars(args), **mod.info()}
    return Lab(eng, tok, args.model, args.max_logprobs, about)


def ask(lab, prompt, salt):
    """The log-probabilities of the first token's best five, by id."""
    r = engine.Request(prompt, 3, temperature=0, logprobs=5, salt=salt, ignore_eos=True)
    lab.engine.submit(r)
    first = None
    while True:
        kind, value = r.events.get(timeout=600)
        if kind == "error":
            raise RuntimeError(value)
        if kind == "end":
            return first
        if not all(-9999 < v <= 1e-3 for _, v in value.top):
            raise RuntimeError(f"log-probabilities are broken: {value.top}")
        first = first or dict(value.top)


def warm_up(lab):
    """Compiles and loads what a request needs, and proves that the platform works here: a prompt that starts from
    the prefix cache must answer nearly as the same prompt does from nothing."""
    prompt = list(range(4, 47))
    ask(lab, prompt[:3], "warm")
    ask(lab, prompt[:40], "warm")
    cached, fresh = ask(lab, prompt, "warm"), ask(lab, prompt, "cold")
    worst = max(abs(cached[t] - fresh[t]) for t in cached if t in fresh) if cached.keys() & fresh.keys() else 99
    if worst > 1.5:
        raise RuntimeError(f"the prefix cache changes log-probabilities by {worst:.2f}")
    lab.engine.batches.clear()


def parser():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--port", type=int, default=0, help="0: any free one")
    ap.add_argument("--model", default="lab", help="the name served")
    ap.add_argument("--preset", default="small", choices=weights.PRESETS)
    ap.add_argument("--weights", default="trained", choices=["trained", "random"])
    ap.add_argument("--checkpoint", default=weights.CHECKPOINT)
    ap.add_argument("--cache", default="/tmp/gpubench-lab", help="folder for the built weights")
    ap.add_argument("--framework", default="torch", choices=["torch", "jax"])
    ap.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    ap.add_argument("--dtype", default="fp32", choices=["fp32", "tf32", "bf16", "fp16"])
    ap.add_argument("--head", default="base", choices=["base", "fp32"])
    ap.add_argument("--quant", default="none", choices=["none", "fp8-tensor", "fp8-channel", "fp8-weight", "int8", "int4"])
    ap.add_argument("--kv", default="base", choices=["base", "fp8"])
    ap.add_argument("--attention", default="eager", choices=["eager", "math", "flash", "efficient", "cudnn"])
    ap.add_argument("--scaled-mm", default="auto", choices=["auto", "emulated"])
    ap.add_argument("--compile", action="store_true")
    ap.add_argument("--tp", type=int, default=1)
    ap.add_argument("--load", default="idle", choices=engine.LOADS)
    ap.add_argument("--seed", type=int, default=0, help="of the fillers and of unseeded sampling")
    ap.add_argument("--invariant", action="store_true", help="compute every sequence by itself")
    ap.add_argument("--processed", action="store_true", help="log-probabilities after the temperature")
    ap.add_argument("--no-prefix-cache", action="store_true")
    ap.add_argument("--max-logprobs", type=int, default=20, help="up to 256")
    ap.add_argument("--max-batch", type=int, default=16)
    ap.add_argument("--follow", action="store_true", help="end when the process that started this one ends")
    ap.add_argument("--threads", type=int, default=0, help="CPU threads, 0: as the library decides")
    return ap


def follow(parent):
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def main():
    args = parser().parse_args()
    if args.follow:
        threading.Thread(target=follow, args=(os.getppid(),), daemon=True).start()
    if not 0 <= args.max_logprobs <= 256:
        sys.exit("--max-logprobs is between 0 and 256")
    try:
        lab = make_lab(args)
        warm_up(lab)
    except Exception as e:  # whatever a platform lacks here: said in one line, for session.py
        print(json.dumps({"ready": False, "error": f"{type(e).__name__}: {e}"[:2000]}), flush=True)
        raise
    server = Server(("127.0.0.1", args.port), handler(lab))
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print(json.dumps({"ready": True, "port": server.server_address[1], "about": lab.about}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
