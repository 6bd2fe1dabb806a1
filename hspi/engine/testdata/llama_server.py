"""Serves a GGUF on loopback by llama.cpp's own server, until it is told to stop or stdin ends.

    llama_server.py PATH NAME

Prints one JSON line with the port when it is ready.
"""

import json
import sys

import xllamacpp


def main(path, name):
    p = xllamacpp.CommonParams()
    p.model.path, p.model_alias = path, {name}
    p.hostnames, p.port = ["127.0.0.1"], 0
    p.n_ctx, p.n_parallel = 8192, 4
    p.cpuparams.n_threads = p.cpuparams_batch.n_threads = 1
    p.warmup = False
    server = xllamacpp.Server(p)
    print(json.dumps({"port": int(server.listening_address.rsplit(":", 1)[1])}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
