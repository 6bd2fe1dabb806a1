# make run   builds gpubench and runs the main job: run hopper
# make test  lint and all tests, both builds
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec
GO ?= go
BIN := bin/gpubench
OUT ?= out/hopper
FLAGS := .cache/cuda.flags

.PHONY: all build run test lint test-default test-cuda test-lab tools generate generated bench bench-stream clean

all: build

# The GPU is in the binary if a cuda.h can be had; else it is built without, and says so.
build:
	@mkdir -p bin .cache
	@if deploy/cuda-header.sh > $(FLAGS); then \
		while read -r l; do export "$$l"; done < $(FLAGS); \
		CGO_ENABLED=1 $(GO) build -tags cuda -o $(BIN) ./cmd/gpubench; \
	else \
		echo "make: building without the GPU (no cuda.h)" >&2; \
		$(GO) build -o $(BIN) ./cmd/gpubench; \
	fi

run: build
	$(BIN) run hopper --out $(OUT) --force

# ptxas and nvdisasm, and a Python with llama.cpp and JAX: for tests only.
tools:
	deploy/cuda-tools.sh
	deploy/python-tools.sh

lint:
	@bad=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$bad" || { echo "not gofmt-clean:"; echo "$$bad"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) vet -tags peer ./stream/peer/...
	$(GO) tool staticcheck -tags peer ./stream/peer/...
	CGO_ENABLED=0 $(GO) build ./...

generate:
	$(GO) generate ./...

# Generated files are made again, where what they are made of is at hand, and must not
# change; nor must the list of modules.
generated: generate
	git diff --exit-code --stat -- results/published stream/host perfpred/gpu
	$(GO) mod tidy -diff

# Without the tools (offline, say) the tests that need them are skipped, but not in CI.
test-default:
	deploy/cuda-tools.sh || test -z "$$CI"
	deploy/python-tools.sh || test -z "$$CI"
	$(GO) test -race -timeout 40m ./...
	$(GO) test -tags peer ./stream/peer/...

test-cuda: build
	@if [ -s $(FLAGS) ]; then \
		while read -r l; do export "$$l"; done < $(FLAGS); \
		$(GO) vet -tags cuda ./... && $(GO) tool staticcheck -tags cuda ./internal/... ./micro/backend/... && \
		$(GO) test -tags cuda ./internal/cuda/... ./internal/nvml/... ./micro/backend/... ./micro/doctor/... ./cmd/...; \
	elif [ -n "$$CI" ]; then echo "make: CI needs a cuda.h" >&2; exit 1; fi

# The lab's own tests, on JAX; on torch where GPUBENCH_PYTHON names a Python that has it.
test-lab:
	@if [ -n "$$GPUBENCH_PYTHON" ] || deploy/python-tools.sh; then \
		cd hspi/lab && "$${GPUBENCH_PYTHON:-$(CURDIR)/.cache/python/bin/python}" -B -m unittest; \
	else test -z "$$CI"; fi

test: lint test-default test-cuda test-lab

bench: build
	$(GO) test -run '^$$' -bench . -benchtime 3x ./...
	@echo "run hopper, every kernel compiled anew:"
	@time $(BIN) run hopper --no-cache --quiet --no-report --force --out out/bench-cold >/dev/null
	@echo "run hopper, kernels from the cache:"
	@$(BIN) run hopper --quiet --no-report --force --out out/bench-warm >/dev/null
	@time $(BIN) run hopper --quiet --force --out out/bench-warm >/dev/null
	@echo "report:"
	@time $(BIN) report out/bench-warm/results.json --out out/bench-warm >/dev/null

# Our STREAM kernels and C's, and CUDA C's where nvcc and a GPU are, in turn in one process.
bench-stream: build
	stream/peer/build.sh bin
	CGO_ENABLED=1 $(GO) build -tags peer -o bin/peer ./stream/peer/cmd
	bin/peer -library bin/libpeer.so -json bin/peer.json
	@if [ -s bin/peer.cubin ] && [ -s $(FLAGS) ]; then \
		while read -r l; do export "$$l"; done < $(FLAGS); \
		CGO_ENABLED=1 $(GO) build -tags peer,cuda -o bin/peer-gpu ./stream/peer/gpu; \
		bin/peer-gpu -cubin bin/peer.cubin -json bin/peer-gpu.json; \
	else echo "make: no nvcc or no GPU: CUDA C is not compared" >&2; fi

clean:
	rm -rf bin out .cache
