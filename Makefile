# `make help` lists the targets. A fresh machine needs Python 3.11+ and make.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

LANE   ?= embedded
STRICT ?=
SPRINT ?=
SINCE  ?=
CHECKS ?=
AUDIT  := --lane $(LANE) $(if $(STRICT),--strict) $(if $(SPRINT),--sprint $(SPRINT)) $(if $(SINCE),--since $(SINCE)) \
	$(CHECKS:%=--check '%')

.DEFAULT_GOAL := help
.PHONY: help setup audit test lint policy-test bench docs contract kind-up kind-down kind-status lock clean

help:  ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

setup: $(READY)  ## install everything into .venv, by hashes

audit: $(READY)  ## audit this repository: LANE=embedded|kind STRICT=1 SPRINT=id SINCE=rev CHECKS='code.* …'
	$(if $(filter kind,$(LANE)),eval "$$($(BIN)/python -m kind env)" &&) $(BIN)/strictreal audit . $(AUDIT)

test: $(READY)  ## run the toolchain's own tests
	$(BIN)/pytest -n auto --dist loadgroup

lint: $(READY)  ## formatting, style and types
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy

policy-test: $(READY)  ## test, mutate and compare the policies
	$(BIN)/strictreal policy test && $(BIN)/strictreal policy mutate && $(BIN)/strictreal policy parity

bench: $(READY)  ## speed as ratios to named peers, precision and recall of the detectors
	$(BIN)/python benchmarks

docs: $(READY)  ## write the index of docs/checks/ anew
	$(BIN)/strictreal checks --markdown > docs/checks/README.md

contract: $(READY)  ## write what the chart sfm takes from the service: settings and policy
	$(BIN)/python charts/contract.py

kind-up: $(READY)  ## a cluster on Kind with soma-infra and sfm in it, from wherever it is now; KIND_WAY=published|offline
	$(BIN)/python -m kind up

kind-down: $(READY)  ## remove it; what was built stays in the cache
	$(BIN)/python -m kind down

kind-status: $(READY)  ## what there is of it, as JSON
	$(BIN)/python -m kind status

lock: $(READY)  ## resolve requirements.lock anew (names, versions and hashes only)
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --no-annotate --all-extras --python-version 3.11 \
		--no-emit-package soma-common pyproject.toml services/common/pyproject.toml services/memory/pyproject.toml \
		requirements-build.in -o requirements.lock

clean:  ## remove what setup made
	rm -rf $(VENV)

$(READY): pyproject.toml requirements.lock services/common/pyproject.toml services/memory/pyproject.toml services/memory/proto
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; set PYTHON=" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--editable . --editable services/common --editable services/memory
	@touch $@
