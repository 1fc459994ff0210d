# Everything a person or CI runs. `make demo` and `make test` set the environment up by themselves.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
UV := UV_SYSTEM_CERTS=1 UV_LINK_MODE=copy $(BIN)/uv
EXTRAS ?=
ONCE ?=
TESTS ?=
BASE ?= origin/main
STAMP := .venv/.installed$(if $(EXTRAS),-$(EXTRAS))

.PHONY: help setup demo check gate test lock

help:  ## list the commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

setup: $(STAMP)  ## the environment only: .venv from requirements.lock (EXTRAS=replay adds real baskets, EXTRAS=bench a peer to compare with)

$(BIN)/uv: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; name another: make PYTHON=python3.12 ...")'
	@echo "Creating .venv ..."
	@$(PYTHON) -m venv .venv
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.lock
	@PIP_CERT="$${PIP_CERT:-$$($(BIN)/python -c 'import ssl; print(ssl.get_default_verify_paths().cafile or "")')}" \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.lock  # trusts what the system trusts
	@touch $@

$(STAMP): $(BIN)/uv requirements.lock pyproject.toml $(if $(EXTRAS),requirements-$(EXTRAS).lock)
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock $(if $(EXTRAS),-r requirements-$(EXTRAS).lock)
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup  ## start everything and tell the story with real orders; stays up until Ctrl-C (ONCE=1: stops by itself)
	@$(BIN)/pipeline demo $(if $(ONCE),--once)

check: setup  ## what needs no server: format, types, layers, schemas, generated classes and pages
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/basedpyright
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/contracts fmt --check && $(BIN)/contracts lint && $(BIN)/contracts breaking && $(BIN)/contracts generate --check && $(BIN)/contracts docs --check

gate: setup  ## may a change of the schemas be merged? what a pull request is asked (BASE=origin/main: what it goes to)
	@$(BIN)/contracts gate --base $(BASE)

test: check  ## everything that CI runs; pure tests first, then real parts, then the whole stack
	@$(BIN)/python -m pytest $(TESTS)

lock: setup  ## resolve the newest versions into the lock files (hash-pinned, address-free)
	@$(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  pyproject.toml --group dev --output-file requirements.lock
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --group replay --constraint requirements.lock --output-file requirements-replay.lock
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --group bench --constraint requirements.lock --output-file requirements-bench.lock
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  pyproject.toml --constraint requirements.lock --output-file requirements-services.lock
	@$(BIN)/python -m stack.lock
