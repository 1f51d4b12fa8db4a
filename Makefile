# CLARA's commands. `make help` is the index: every target says in one line what it does.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3.11
VENV ?= .venv
# What `make setup` installs: cpu (the demo), evaluate, gpu, train, triton or dev. The sets gpu, train and triton want a
# VENV of their own.
SET ?= cpu
# `make lock UPGRADE=--upgrade` takes newer versions; without it the pins stay.
UPGRADE ?=
PYTEST_ARGS ?=

# A hospital's own certificate authority is in the system's store.
export UV_SYSTEM_CERTS ?= 1
# Where Python may not keep its bytecode, every process of every start would compile vLLM anew: uv compiles it once.
ifdef PYTHONDONTWRITEBYTECODE
export UV_COMPILE_BYTECODE ?= 1
endif

BIN := $(VENV)/bin
UV := $(BIN)/uv
INSTALL := $(UV) pip install --python $(VENV) --quiet
# Wheels only, so no compiler; glibc 2.31 is Debian 11, Ubuntu 20.04 (Triton wants 2.35). Two come as source, in plain Python.
WHEELS := --only-binary :all: --no-binary deepspeed --no-binary rouge-score
COMPILE := $(UV) pip compile --quiet --generate-hashes $(WHEELS) --python-version 3.11 \
	--python-platform x86_64-manylinux_2_31 --custom-compile-command "make lock" $(UPGRADE)
DEV := $(VENV)/.stamp-dev
CHECK := $(VENV)-check
# Each writes its files, or compares them with --check; the chart carries the dashboard, so it comes after it.
GENERATORS := "-m monitoring.build" "-m charts.generate" requirements/licences.py docs/build.py

.PHONY: help setup demo test test-all lint format typecheck generate verify check lock bench train-demo score-demo clean

help: ## List these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(VENV)/.stamp-$(SET) ## Install the pinned packages into .venv (SET=cpu, evaluate, gpu, train, triton or dev)

demo: $(VENV)/.stamp-cpu ## Set up, start the platform here, draft one report on a drawn X-ray, stop
	@$(BIN)/clara demo

test: $(DEV) ## Run the tests that need no GPU, no root and no cluster
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

test-all: $(DEV) ## Run every test, the slow ones too
	@$(BIN)/python -m pytest -m '' $(PYTEST_ARGS)

lint: $(DEV) ## Check style and the import contracts
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/lint-imports

format: $(DEV) ## Rewrite the code in the house style
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

typecheck: $(DEV) ## Check the types of all code but the tests
	@$(BIN)/mypy

generate: $(DEV) ## Renew every generated file from its source
	@for generator in $(GENERATORS); do $(BIN)/python $$generator; done

verify: $(DEV) ## Fail when a generated file is stale
	@for generator in $(GENERATORS); do $(BIN)/python $$generator --check; done

check: $(DEV) ## Audit licences, secrets and the pinned packages' known vulnerabilities (asks the package index)
	@$(MAKE) --no-print-directory setup SET=check VENV=$(CHECK)
	@$(BIN)/python requirements/licences.py --policy
	@# 3: no new secret, but a known one moved to another line, which it wrote down.
	@$(CHECK)/bin/detect-secrets-hook --baseline .secrets.baseline $$(git ls-files) || [ $$? = 3 ]
	@$(CHECK)/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off \
		$(addprefix -r ,$(wildcard requirements/*.txt)) || { echo "A package is vulnerable, or the package index gave no" \
		"answer about one: see above. Neither passes." >&2; exit 1; }

lock: $(VENV)/.stamp-uv ## Renew requirements/*.txt from pyproject.toml, with hashes
	@$(COMPILE) --group setup -o requirements/setup.txt
	@$(COMPILE) --group sbom -o requirements/sbom.txt
	@$(COMPILE) --group check -o requirements/check.txt
	@$(COMPILE) pyproject.toml --extra cpu -o requirements/cpu.txt
	@$(COMPILE) pyproject.toml --extra cpu --extra train --extra evaluate --extra dev -c requirements/cpu.txt \
		-o requirements/dev.txt
	@$(COMPILE) pyproject.toml --extra cpu --extra evaluate -c requirements/cpu.txt -o requirements/evaluate.txt
	@$(COMPILE) pyproject.toml --extra gpu -o requirements/gpu.txt
	@$(COMPILE) pyproject.toml --extra train -c requirements/gpu.txt -o requirements/train.txt
	@$(subst 2_31,2_35,$(COMPILE)) --group triton -o requirements/triton.txt

bench: $(DEV) ## Measure this platform against vLLM in process, on the same films
	@$(BIN)/clara bench platform

train-demo: $(DEV) ## Make the demo model anew in runs/demo (under two hours), score it, hold it against the published scores
	@$(BIN)/python -m training.demo
	@$(MAKE) --no-print-directory score-demo
	@$(BIN)/python -m evaluation.demo.reproduced runs/demo

score-demo: $(DEV) ## Score the demo model of runs/demo on its held-out films: reports, then follow-up questions
	@$(BIN)/clara evaluate --data runs/demo/held-out --model runs/demo/chat/checkpoint --out runs/demo/evaluation
	@$(BIN)/python -m evaluation.demo.follow_ups --data runs/demo/held-out --model runs/demo/chat/checkpoint \
		--out runs/demo/evaluation/follow_ups.json

clean: ## Remove the environment and every cache in this folder
	rm -rf $(VENV) .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.stamp-uv: requirements/setup.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not here: install Python 3.11, or set PYTHON=" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/setup.txt
	@touch $@

$(VENV)/.stamp-%: requirements/%.txt $(VENV)/.stamp-uv pyproject.toml
	@echo "Installing requirements/$*.txt into $(VENV)"
	@$(INSTALL) --require-hashes $(WHEELS) -r $<
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@
