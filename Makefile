# The event center. `make help` lists what can be made.
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST := $(BIN)/python -m pytest
CODE := benchmarks collector console kernels pipeline runners schema simulator tests transforms setup.py

.DEFAULT_GOAL := help

.PHONY: help
help: ## show this list
	@grep -hE '^[a-z][a-z0-9-]*:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

$(STAMP): requirements.lock setup.py
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is needed: install Python 3.11, or set PYTHON=..."; exit 2; }
	@echo "Installing into $(VENV) (once; about a minute)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/pip install --quiet uv
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes --requirement requirements.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: install
install: $(STAMP) ## make .venv with everything that Python needs

.PHONY: run
run: $(STAMP) ## first look: simulate a network with faults, find them, show them
	@$(BIN)/python -m runners.scenarios.first_look $(ARGS)

.PHONY: console
console: $(STAMP) ## show in a browser what `make run` has found: http://127.0.0.1:8400
	@exec $(BIN)/python -m console $(ARGS)

.PHONY: quality
quality: $(STAMP) ## how well faults of every kind are found, over 20 networks; writes out/quality.md
	@$(BIN)/python -m runners.scenarios.quality $(ARGS)

.PHONY: live
live: $(STAMP) ## the same, live on Kafka and Flink, until Ctrl-C (Java 17, Maven)
	@exec $(BIN)/python -m runners.scenarios.live $(ARGS)

.PHONY: cluster
cluster: $(STAMP) ## start a Flink cluster of several processes, and a Kafka, in the background
	@$(BIN)/python -m runners.scenarios.session start $(ARGS)

.PHONY: submit
submit: $(STAMP) ## send the pipeline to that cluster and leave it there
	@$(BIN)/python -m runners.scenarios.session submit $(ARGS)

.PHONY: cluster-status
cluster-status: $(STAMP) ## show the state of the job on that cluster
	@$(BIN)/python -m runners.scenarios.session status $(ARGS)

.PHONY: cluster-stop
cluster-stop: $(STAMP) ## stop that cluster and its job
	@$(BIN)/python -m runners.scenarios.session stop $(ARGS)

.PHONY: chaos
chaos: $(STAMP) ## break every kind of part under load, ten times; nothing may be missing
	@$(BIN)/python -m runners.scenarios.chaos $(ARGS)

.PHONY: bench
bench: $(STAMP) ## compare rivals over one load; an hour or more (ARGS=--quick: minutes)
	@$(BIN)/python -m benchmarks.run $(ARGS)

.PHONY: profile
profile: $(STAMP) ## show where the CPU goes, by process, step and function
	@$(BIN)/python -m benchmarks.profile $(ARGS)

.PHONY: soak
soak: $(STAMP) ## run for 30 minutes, in which nothing may grow; draws out/soak.png
	@$(BIN)/python -m benchmarks.soak $(ARGS)

.PHONY: test
test: test-unit test-e2e ## all tests

.PHONY: test-unit
test-unit: $(STAMP) ## tests that need neither Kafka nor Flink
	$(PYTEST) -m "not e2e" --numprocesses=logical --maxprocesses=4 --dist=loadfile $(ARGS)

.PHONY: test-e2e
test-e2e: $(STAMP) ## tests on a real Kafka and a real Flink (Java 17, Maven)
	@$(BIN)/python -m runners.local.jars
	@$(BIN)/python -m runners.local.distribution
	$(PYTEST) -m e2e $(ARGS)

.PHONY: lint
lint: $(STAMP) ## ruff, mypy, and generated code against proto/
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/python -m schema.generate --check

.PHONY: proto
proto: $(STAMP) ## generate schema/*_pb2.py from proto/
	$(BIN)/python -m schema.generate

.PHONY: graph
graph: $(STAMP) ## print the graph of the pipeline
	@$(BIN)/python -m pipeline.graph

.PHONY: lock
lock: $(STAMP) ## compile the lock files out of requirements.in
	$(BIN)/uv pip compile --quiet --generate-hashes --no-header requirements.in --output-file requirements.lock
	$(BIN)/uv pip compile --quiet --generate-hashes --no-header collector/requirements.in \
		--constraint requirements.lock --output-file collector/requirements.lock

.PHONY: clean
clean: ## remove everything that was made, except the downloads in .cache
	rm -rf $(VENV) out build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
