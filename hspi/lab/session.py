"""Runs every platform in fresh server processes and has each one recorded.

    python3 session.py --check                      what this machine offers
    OUT=/some/dir python3 session.py                all platforms, 6 sessions each, with the plain client
    OUT=... python3 session.py --enrol './bin/gpubench hspi enroll --endpoint {endpoint} --model {model}
        --platform {platform} --session {session} --out {out}'

What is done is kept under --state: a second call does what is missing. At the end everything recorded so far is
packed into at most eight files in $OUT.
"""
import argparse
import concurrent.futures
import contextlib
import io
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
import urllib.request
import zlib
from collections import Counter

HERE = os.path.dirname(os.path.abspath(__file__))
PLAIN = [sys.executable, os.path.join(HERE, "record.py")] + shlex.split(
    "--endpoint {endpoint} --model {model} --platform {platform} --session {session} --seed {seed} --out {out}")
FILE_LIMIT, FILES = 15 << 20, 4  # of recorded evidence; three more are the summary, logs and checkpoint

PROBE_TORCH = r"""
import json, sys
import numpy, torch
from torch.nn.attention import SDPBackend, sdpa_kernel
sys.path.insert(0, sys.argv[1])
import model
out = {"torch": torch.__version__, "numpy": numpy.__version__, "cuda": torch.cuda.is_available(),
       "cpu_capability": torch.backends.cpu.get_cpu_capability()}
try:
    import triton
    out["triton"] = triton.__version__
except ImportError:
    pass
if out["cuda"]:
    out["gpu"], out["capability"] = torch.cuda.get_device_name(), torch.cuda.get_device_capability()
    out["sdpa"] = {}
    for name, backend in model.BACKENDS.items():
        for dt in (torch.float32, torch.float16, torch.bfloat16):
            q = torch.ones(1, 8, 16, 64, device="cuda", dtype=dt)
            try:
                with sdpa_kernel(backend):
                    torch.nn.functional.scaled_dot_product_attention(q, q, q, is_causal=True)
                ok = True
            except RuntimeError:
                ok = False
            out["sdpa"][name + " " + str(dt).split(".")[1]] = ok
    out["scaled_mm"] = {k: model.scaled_mm_mode("cuda", torch.bfloat16, k == "per_row") for k in ("per_tensor", "per_row")}
print(json.dumps(out))
"""
PROBE_JAX = """
import json, os
os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
import jax
out = {"jax": jax.__version__, "jax_cuda": False}
try:
    out["jax_gpu"] = jax.devices("gpu")[0].device_kind
    out["jax_cuda"] = True
except RuntimeError as e:
    out["jax_gpu_error"] = str(e)[:200]
print(json.dumps(out))
"""


def probe(code):
    """Runs one look at the machine in its own process: a crash there is an answer as well."""
    command = [sys.executable, "-W", "ignore", "-c", code, HERE]
    try:
        p = subprocess.run(command, capture_output=True, text=True, timeout=180)
    except subprocess.TimeoutExpired:
        return {"error": "timed out"}
    try:
        return json.loads(p.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        return {"error": p.stderr.strip()[-300:]}


def look():
    """What the machine offers."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        torch, jax = pool.map(probe, (PROBE_TORCH, PROBE_JAX))
    with open("/proc/cpuinfo") as f:
        info = dict(line.split(":", 1) for line in f.read().split("\n\n")[0].splitlines() if ":" in line)
    info = {k.strip(): v.strip() for k, v in info.items()}
    flags = set(info.get("flags", "").split())
    out = {"python": sys.version.split()[0], "cores": len(os.sched_getaffinity(0)), "cpu": info.get("model name"),
           "flags": sorted(f for f in flags if f.startswith(("avx", "amx", "fma"))),
           "compiler": shutil.which("g++") or shutil.which("c++")}
    for name, found in (("torch", torch), ("jax", jax)):
        if "error" in found:
            out[name + "_error"] = found["error"]
        else:
            out.update(found)
    return out


def lacks(platform, machine):
    """The first thing that a platform needs and the machine lacks, or None."""
    for need in platform["requires"]:
        have = {"cuda": machine.get("cuda"), "jax": "jax" in machine, "jax-cuda": machine.get("jax_cuda"),
                "triton": "triton" in machine, "compiler": machine.get("compiler")}.get(need)
        if need.startswith("flag:"):
            have = need[5:] in machine["flags"]
        if not have:
            return need
    if "--framework" not in platform["args"] and "torch" not in machine:
        return "torch"
    return None


def gpu_slug(machine):
    """'NVIDIA H200' -> 'h200'."""
    words = machine.get("gpu", "gpu").lower().replace("nvidia", "").split()
    return words[0] if words else "gpu"


def plan(path, machine, only):
    """Platforms with the GPU's name in the place of 'gpu'."""
    with open(path) as f:
        platforms = json.load(f)
    slug = gpu_slug(machine)
    for p in platforms:
        if p["id"].startswith("gpu-"):
            p["id"] = slug + p["id"][3:]
            p["labels"]["device"] = slug
    if only:
        unknown = set(only) - {p["id"] for p in platforms}
        if unknown:
            raise SystemExit(f"no such platform: {', '.join(sorted(unknown))}; there are "
                             f"{', '.join(p['id'] for p in platforms)}")
        platforms = [p for p in platforms if p["id"] in only]
    return platforms


def sessions_folder(args, platform):
    """Apart by weights and by recorder: what one recorded does not count as done for the other."""
    return os.path.join(args.state, "sessions", f"{args.weights}-{'enrol' if args.enrol else 'plain'}", platform["id"])


class Server:
    """One serve.py process."""

    def __init__(self, args, platform, seed, log):
        env = {**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": str(platform.get("cores", 1)),
               "TORCHINDUCTOR_CACHE_DIR": os.path.join(args.state, "inductor", platform["id"]),
               "TORCHINDUCTOR_COMPILE_THREADS": "4", "CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "0"),
               **platform.get("env", {})}
        if platform["labels"]["engine"] == "jax" and "cuda" not in platform["args"]:
            env["JAX_PLATFORMS"] = "cpu"
        command = [sys.executable, os.path.join(HERE, "serve.py"), *platform["args"], "--seed", str(seed),
                   "--weights", args.weights, "--preset", args.preset, "--checkpoint", args.checkpoint,
                   "--cache", os.path.join(args.state, "weights"), "--follow"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=env,
                                        start_new_session=True)
        self.lines = []
        self.ready = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            with contextlib.suppress(ValueError):
                self.lines.append(json.loads(line))
                self.ready.set()
        self.ready.set()

    def wait(self, timeout):
        """The ready line; raises RuntimeError where the platform does not come up."""
        if not self.ready.wait(timeout):
            raise RuntimeError(f"not ready after {timeout:.0f} s")
        if not self.lines:
            raise RuntimeError(f"the server ended with status {self.process.wait()}")
        if not self.lines[0]["ready"]:
            raise Unsupported(self.lines[0]["error"])
        return self.lines[0]

    def stop(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)  # its own session: compile workers too
                self.process.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)


class Unsupported(RuntimeError):
    """The server came up far enough to say why it cannot serve the platform."""


class Runner:
    def __init__(self, args, platforms, weights_sha, start):
        self.args, self.platforms, self.weights_sha, self.start = args, platforms, weights_sha, start
        self.command = shlex.split(args.enrol) if args.enrol else PLAIN
        self.lock = threading.Lock()
        self.failed = {}  # (platform, session) -> why
        self.unsupported = {}
        self.total = len(platforms) * args.sessions

    def folder(self, p):
        return sessions_folder(self.args, p)

    def meta(self, p, n):
        return os.path.join(self.folder(p), f"{n:02d}.meta.json")

    def done(self, p, n):
        """The meta data of a session that is there, recorded with the weights of now; or None."""
        try:
            with open(self.meta(p, n)) as f:
                meta = json.load(f)
        except (FileNotFoundError, ValueError):
            return None
        return meta if meta["about"]["weights_sha256"] == self.weights_sha else None

    def left(self):
        return self.args.budget_s - (time.time() - self.start)

    def session(self, p, n):
        """One session: start, record, stop. Leaves evidence and a meta file, or raises."""
        began = time.time()
        os.makedirs(self.folder(p), exist_ok=True)
        out = os.path.join(self.folder(p), f"{n:02d}.{self.args.ext}")
        seed = zlib.crc32(f"{p['id']} {n} {self.args.weights}".encode())
        cold = n % 3 == 1  # every third session compiles anew, the others use what it left
        if cold:
            shutil.rmtree(os.path.join(self.args.state, "inductor", p["id"]), ignore_errors=True)
        with open(os.path.join(self.folder(p), f"{n:02d}.log"), "w") as log:
            server = Server(self.args, p, seed, log)
            try:
                limit = min(self.args.timeout_s, self.left() - 20)  # packing takes its time too
                hello = server.wait(limit)
                up = time.time() - began
                self.enrol(p, n, seed, out, hello["port"], log, limit - up)
                with urllib.request.urlopen(f"http://127.0.0.1:{hello['port']}/lab/info", timeout=10) as r:
                    about = json.load(r)
            finally:
                server.stop()
        meta = {"platform": p["id"], "role": p["role"], "labels": p["labels"], "session": n, "seed": seed, "cold": cold,
                "about": about, "start_s": round(up, 2), "seconds": round(time.time() - began, 2), "command": self.command,
                "began": int(began), "evidence": os.path.basename(out)}
        with open(self.meta(p, n) + ".part", "w") as f:
            json.dump(meta, f)
        os.replace(self.meta(p, n) + ".part", self.meta(p, n))
        return meta

    def enrol(self, p, n, seed, out, port, log, timeout):
        if os.path.exists(out):
            os.remove(out)
        words = {"endpoint": f"http://127.0.0.1:{port}/v1", "port": port, "model": "lab", "platform": p["id"],
                 "session": n, "seed": seed, "out": out}
        done = subprocess.run([w.format(**words) for w in self.command], capture_output=True, text=True,
                              timeout=max(timeout, 5))
        log.write(done.stdout[-20000:] + done.stderr[-20000:])
        if done.returncode:
            tail = (done.stderr or done.stdout).strip()[-300:]
            raise RuntimeError(f"recording ended with status {done.returncode}: {tail}")
        if not os.path.exists(out):
            raise RuntimeError("recording left no file")

    def run(self):
        """Sessions in parallel, as many as there are cores: first the first session of every platform, which shows
        what works here (and fills compile caches), then the others."""
        todo = [(p, n) for n in range(1, self.args.sessions + 1) for p in self.platforms
                if not self.done(p, n)]
        print(f"{self.total - len(todo)} of {self.total} sessions are there, {len(todo)} to do", flush=True)
        free, running = self.args.cores, {}
        with concurrent.futures.ThreadPoolExecutor(64) as pool:
            while todo or running:
                busy = {running[f][0]["id"] for f in running if running[f][1] % 3 == 1}
                for item in list(todo):
                    p, n = item
                    cost = min(p.get("cores", 1), self.args.cores)
                    if p["id"] in self.unsupported:
                        todo.remove(item)
                    elif self.left() < self.args.tail_s:
                        todo.remove(item)
                        self.failed[p["id"], n] = "no time left: run again"
                    elif cost <= free and p["id"] not in busy:
                        if n % 3 == 1 and any(r[0]["id"] == p["id"] for r in running.values()):
                            continue  # it clears the platform's compile cache
                        todo.remove(item)
                        free -= cost
                        running[pool.submit(self.session, p, n)] = (p, n, cost)
                        busy |= {p["id"]} if n % 3 == 1 else set()
                done, _ = concurrent.futures.wait(running, 0.2, concurrent.futures.FIRST_COMPLETED) if running else ((), ())
                for f in done:
                    p, n, cost = running.pop(f)
                    free += cost
                    self.report(p, n, f)

    def report(self, p, n, future):
        try:
            meta = future.result()
            text = f"ok, ready in {meta['start_s']:.1f} s, all in {meta['seconds']:.1f} s"
        except Unsupported as e:
            self.unsupported[p["id"]] = text = f"not possible here: {e}"
        except Exception as e:
            self.failed[p["id"], n] = text = f"failed: {type(e).__name__}: {e}"
        print(f"[{time.time() - self.start:5.0f} s] {p['id']} session {n}: {text[:300]}", flush=True)


def summary(args, machine, platforms, skipped, runner):
    """What there is, per platform, and why the rest is not."""
    metas = [m for p in platforms for n in range(1, args.sessions + 1) if (m := runner.done(p, n))]
    return {"machine": machine, "sessions": dict(Counter(m["platform"] for m in metas)), "recorded": len(metas),
            "weights_sha256": runner.weights_sha, "skipped": skipped,
            "unsupported": runner.unsupported, "failed": {f"{k} session {n}": v for (k, n), v in runner.failed.items()},
            "seconds": round(time.time() - runner.start, 1)}


def pack(args, platforms, found):
    """Everything into args.out: one .tar.xz per platform, those in at most FILES plain tars; logs; checkpoint."""
    os.makedirs(args.out, exist_ok=True)

    def squeeze(p):
        folder = sessions_folder(args, p)
        names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        names = [n for n in names if not n.endswith((".log", ".part"))]
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:xz", preset=6) as tar:
            for n in names:
                tar.add(os.path.join(folder, n), f"{args.weights}/{p['id']}/{n}")
        return p["id"], buffer.getvalue() if names else b""

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        blobs = [b for b in pool.map(squeeze, platforms) if b[1]]
    bins, left_out = [], []
    for name, data in sorted(blobs, key=lambda b: -len(b[1])):
        room = next((b for b in bins if sum(len(d) for _, d in b) + len(data) + 2048 * len(b) < FILE_LIMIT), None)
        if room is None and len(bins) < FILES and len(data) < FILE_LIMIT:
            room = []
            bins.append(room)
        room.append((name, data)) if room is not None else left_out.append(f"{name} ({len(data)} bytes)")
    for i, b in enumerate(bins):
        with tarfile.open(os.path.join(args.out, f"evidence-{i}.tar"), "w") as tar:
            for name, data in b:
                entry = tarfile.TarInfo(f"{name}.tar.xz")
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
    with tarfile.open(os.path.join(args.out, "logs.tar.xz"), "w:xz") as tar:
        for p in platforms:
            folder = sessions_folder(args, p)
            for n in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
                if n.endswith(".log"):
                    tar.add(os.path.join(folder, n), f"{args.weights}/{p['id']}/{n}")
    if os.path.isdir(args.checkpoint):
        with tarfile.open(os.path.join(args.out, "checkpoint.tar"), "w") as tar:
            tar.add(args.checkpoint, "checkpoint")
    found["left_out"] = left_out
    with open(os.path.join(args.out, "summary.json"), "w") as f:
        json.dump(found, f, indent=1)


def train(args):
    """Makes the checkpoint where it is missing. -> the sha256 of the weights to serve"""
    needed = ["tokenizer.json"] + ["adapter.safetensors"] * (args.weights == "trained")
    if not all(os.path.exists(os.path.join(args.checkpoint, n)) for n in needed):
        print("training the checkpoint", flush=True)
        subprocess.run([sys.executable, os.path.join(HERE, "train.py"), "--preset", args.preset, "--out", args.checkpoint,
                        *shlex.split(args.train_args)], check=True)
    import weights
    return weights.cached(weights.PRESETS[args.preset], args.weights, os.path.join(args.state, "weights"), args.checkpoint)[1]


def parser():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--check", action="store_true", help="print what the machine offers, and stop")
    ap.add_argument("--platforms", default=os.path.join(HERE, "platforms.json"))
    ap.add_argument("--only", default="", help="ids, with commas")
    ap.add_argument("--sessions", type=int, default=6)
    ap.add_argument("--state", default="out/lab")
    ap.add_argument("--out", default=os.environ.get("OUT", "out/lab/packed"))
    ap.add_argument("--enrol", default="", help="command with {endpoint} {port} {model} {platform} {session} {seed} {out}")
    ap.add_argument("--ext", default="jsonl", help="ending of the evidence files")
    ap.add_argument("--weights", default="trained", choices=["trained", "random"])
    ap.add_argument("--preset", default="small")
    ap.add_argument("--checkpoint", default="", help="folder; made by train.py where it is empty")
    ap.add_argument("--train-args", default="--seconds 180")
    ap.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    ap.add_argument("--timeout-s", type=float, default=180, help="of one session")
    ap.add_argument("--budget-s", type=float, default=540, help="of the whole call, packing included")
    ap.add_argument("--tail-s", type=float, default=60, help="no session starts later than this before the end")
    return ap


def main():
    start = time.time()
    args = parser().parse_args()
    machine = look()
    platforms = plan(args.platforms, machine, [w for w in args.only.split(",") if w])
    skipped = {p["id"]: f"needs {lacks(p, machine)}" for p in platforms if lacks(p, machine)}
    print(json.dumps(machine, indent=1))
    for p in platforms:
        print(f"{p['id']:24} {skipped.get(p['id'], 'to try')}", flush=True)
    if args.check:
        return
    args.state, args.out = os.path.abspath(args.state), os.path.abspath(args.out)
    committed = os.path.join(HERE, "checkpoint")
    if not args.checkpoint:
        args.checkpoint = committed if os.path.isdir(committed) else os.path.join(args.state, "checkpoint")
    args.checkpoint = os.path.abspath(args.checkpoint)
    usable = [p for p in platforms if p["id"] not in skipped]
    runner = Runner(args, usable, train(args), start)
    try:
        runner.run()
    finally:
        found = summary(args, machine, usable, skipped, runner)
        pack(args, usable, found)
    print(json.dumps({k: v for k, v in found.items() if k != "machine"}, indent=1))
    sys.exit(0 if found["recorded"] == runner.total and not skipped else 1 if found["recorded"] else 2)


if __name__ == "__main__":
    main()
