# The event center. `make help` lists what can be made.
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help

.PHONY: help
help: ## show this list
	@grep -hE '^[a-z][a-z0-9-]*:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

$(STAMP): requirements.lock setup.py
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is needed: install Python 3.11, or set PYTHON=..."; exit 2; }
	@echo "Installing into $(VENV) (once; about a minute)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/pip install --quiet uv
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes requirements.lock || $(BIN)/pip install --quiet --require-hashes -r requirements.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: install
install: $(STAMP) ## make .venv with everything that Python needs

.PHONY: lock
lock: $(STAMP) ## compile requirements.in into requirements.lock
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-header requirements.in -o requirements.lock

.PHONY: proto
proto: $(STAMP) ## generate schema/*_pb2.py from proto/
	$(BIN)/python -m grpc_tools.protoc --proto_path=schema=proto --python_out=. --pyi_out=. $(patsubst proto/%,schema/%,$(wildcard proto/*.proto))
