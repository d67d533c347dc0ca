# One vocabulary for people, hooks and CI. `make help` says what each target does.
SHELL := /bin/bash
PYTHON ?= python3.11
BIN := .venv/bin
.DEFAULT_GOAL := help

help: ## say what each target does
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

setup: .venv/core.done ## make the virtual environment from the hashed lock, without development tools

setup-dev: .venv/dev.done ## the same, with development tools

demo: setup ## tell the whole story on real data, under the real Airflow scheduler
	@$(BIN)/mlops demo

replay: setup ## live the contract's history through the loop, in minutes and without Airflow
	@$(BIN)/mlops replay

up: setup ## start the local stack
	@$(BIN)/mlops up

down: setup ## stop the local stack; its state stays
	@$(BIN)/mlops down

status: setup ## say how each service of the local stack is
	@$(BIN)/mlops status

clean: ## stop the local stack and remove its state
	@if [ -x $(BIN)/mlops ]; then $(BIN)/mlops clean; fi
	rm -rf .mlops build *.egg-info .hypothesis .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

lint: setup-dev ## check format, style, types and the walls between rooms
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/mlops contract check

test: setup-dev ## run the tests: packages of the lock only, no root
	$(BIN)/pytest tests --ignore tests/system --numprocesses 2 --dist loadfile

test-system: setup-dev .venv/checkov.done ## run the tests that need Debian's packages; a missing tool is an error that names it
	$(BIN)/pytest tests/system

bench: setup-dev ## measure what is fast, beside its rivals
	$(BIN)/python -m benchmarks

bench-serving: setup-dev ## measure the prediction service under load, beside its rivals
	$(BIN)/python -m benchmarks serving

compose-env: setup ## make the passwords and keys of docker/compose.yaml
	@$(BIN)/mlops compose-env

images: setup ## build the serving and the pipeline image with buildah, podman or docker; ARGS="--base ..." pins them
	$(BIN)/python scripts/images.py $(ARGS)

lock: .venv/uv.done ## resolve the dependencies anew, with hashes and without index addresses
	$(BIN)/python scripts/lock.py

.venv/uv.done: requirements/uv.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

# In a virtual environment of its own: it pins packages that the pipeline needs newer.
.venv/checkov.done: .venv/uv.done requirements/checkov.txt
	$(BIN)/uv venv --quiet --clear --python $(PYTHON) .venv/checkov
	$(BIN)/uv pip install --quiet --python .venv/checkov/bin/python --require-hashes -r requirements/checkov.txt
	@touch $@

.venv/core.done: .venv/uv.done requirements/core.txt pyproject.toml
	@test -e .venv/dev.done || $(MAKE) --no-print-directory INSTALL=core install
	@touch $@

.venv/dev.done: .venv/uv.done requirements/dev.txt pyproject.toml
	@$(MAKE) --no-print-directory INSTALL=dev install
	@touch $@

install:
	@echo "installing the packages of requirements/$(INSTALL).txt"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements/$(INSTALL).txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .

.PHONY: help setup setup-dev demo replay up down status clean lint test test-system bench bench-serving compose-env images lock install
