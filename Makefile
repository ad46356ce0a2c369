# Two commands are all a fresh machine needs: `make run` and `make test` (Python 3.11+ and make).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
TEST_PROCESSES ?= 3
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# where it is set, every process compiles all of coevo again
unexport PYTHONDONTWRITEBYTECODE

SHELL := /bin/bash
.PHONY: help run test test-long check bench bench-peers clean
.DEFAULT_GOAL := help

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ -/'

$(VENV)/.run: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"coevo wants Python 3.11 or newer, got {v.major}.{v.minor}: type  make $(MAKECMDGOALS) PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[cpu]'
	@touch $@

$(VENV)/.test: $(VENV)/.run
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[cpu,dev]'
	@touch $@

run: $(VENV)/.run ## three co-evolution rounds on this machine's own text, to the report
	$(BIN)/coevo run

test: $(VENV)/.test ## style, types and the whole test suite
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -n $(TEST_PROCESSES) --dist worksteal

test-long: $(VENV)/.test ## what `make test` leaves out: whole runs of a minute and more
	$(BIN)/python -m pytest -q -m long -n $(TEST_PROCESSES) --dist worksteal

check: $(VENV)/.test ## a second type checker (its first start fetches pyright itself)
	$(BIN)/pyright --pythonpath $(BIN)/python

bench: $(VENV)/.run ## a measured comparison: make bench NAME=train [ARGS=--quick]
	$(BIN)/python benchmarks/$(NAME).py $(ARGS)

bench-peers: ## the environment of the peers that benchmarks compare with (.venv-peers)
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --constraint constraints.txt torch transformers accelerate datasets 'trl==1.16.0' faker
	$(PYTHON) -m venv .venv-peers/datatrove
	.venv-peers/datatrove/bin/python -m pip install --quiet 'datatrove[io,processing]==0.10.1' spacy nltk xxhash
	$(PYTHON) -m venv .venv-peers/juicer
	.venv-peers/juicer/bin/python -m pip install --quiet 'py-data-juicer==1.6.0' aiohttp

clean: ## remove the virtual environment (runs/ stays)
	rm -rf $(VENV)
