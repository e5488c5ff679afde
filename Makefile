# `make` lists the targets. Each sets up what it needs in .venv; nothing is installed outside it but python3-venv.

PYTHON ?= python3
BIN := .venv/bin
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
BASE ?= origin/main
FILES ?= $(shell git diff --name-only --diff-filter=d $(BASE) -- exporter)
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test test-deploy check format bench bench-compare mutants soak live rules dashboards golden docs lock dist clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/runtime ## serve the metrics of a simulated shop on http://127.0.0.1:9845/metrics; PORT: another port
	@$(BIN)/python -m exporter demo --web.listen-address 127.0.0.1:$(or $(PORT),9845)

test: check ## check and test everything
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

test-deploy: .venv/dev ## run what is in deploy/: image, compose, unit, manifests and chart, as far as there is an engine
	$(BIN)/python -m pytest -m deploy tests/deploy/real

check: .venv/dev ## lint and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/dev ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/dev ## measure what a scrape costs, and write bench.json; AGAINST, NODE, BEFORE, JSON: CONTRIBUTING.md
	@$(BIN)/python -m tests.bench $(NODE) $(if $(AGAINST),--against $(AGAINST)) $(if $(BEFORE),--before $(BEFORE)) \
	    --json $(or $(JSON),bench.json)

bench-compare: .venv/dev ## say what changed beyond noise from the run of A to that of B, two files of `make bench`
	@$(BIN)/python -m tests.bench compare $(A) $(B)

mutants: .venv/dev ## which changes of FILES (default: those that differ from BASE) no test notices; SAMPLE of each
	@$(BIN)/python -m tests.mutants $(if $(SAMPLE),--sample $(SAMPLE)) $(FILES)

soak: .venv/dev ## scrape 20,000 times a node that comes and goes, hangs and lies; and as often many nodes beside one
	@$(BIN)/python -m tests.soak
	@$(BIN)/python -m tests.fleet.neighbours 5 --cycles 5

live: .venv/dev ## check against real servers: AEROSPIKE_SERVER_BINARIES="6.4=/path/asd 8.1=/path/asd" starts them
	@$(BIN)/python -m pytest -q -m live -rs --tb=line tests/live

rules: .venv/dev ## write the rules of Prometheus, docs/alerts.md and what the Helm chart has of others
	$(BIN)/python -m docs.generate.rules
	$(BIN)/python -m docs.generate.chart

golden: .venv/dev ## write the golden files, which show what a change does to every output
	$(BIN)/python -m tests.golden
	$(BIN)/python -m tests.report.golden

docs: .venv/dev ## write the generated pages of docs
	$(BIN)/python -m docs.generate.metrics > docs/metrics.md
	$(BIN)/python -m docs.generate.configuration > docs/configuration.md
	$(BIN)/python -m docs.generate.findings > docs/findings.md

dashboards: .venv/dev ## write the JSON of the dashboards (Python 3.11 or later)
	$(BIN)/python -m dashboards
	$(BIN)/python -m docs.generate.chart

lock: ## pin the dependencies with hashes (needs uv)
	uv pip compile --universal --python-version 3.10 --generate-hashes --no-header --no-annotate -q \
	    -o requirements.lock pyproject.toml
	uv pip compile --universal --python-version 3.10 --generate-hashes --no-header --no-annotate -q \
	    --group dev -o requirements-dev.lock pyproject.toml
	uv pip compile --universal --python-version 3.10 --generate-hashes --no-header --no-annotate -q \
	    --group build -o requirements-build.lock

dist: .venv/dev ## write a release of the last commit to dist/; BASE_IMAGE: what its image is built on
	rm -rf dist
	@$(BIN)/python -m release $(if $(TAG),--tag $(TAG)) $(if $(NO_IMAGE),--no-image)

clean: ## remove what was made here
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist *.egg-info

.venv/bin/python:
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo 'installing python3-venv'; $(SUDO) apt-get install -y -q python3-venv; }
	@echo 'making .venv (once)'
	@$(PYTHON) -m venv .venv

.venv/runtime: requirements.lock .venv/bin/python
	@echo 'installing the dependencies (once)'
	@$(PIP) --require-hashes -r requirements.lock
	@touch $@

.venv/dev: requirements-dev.lock .venv/bin/python
	@echo 'installing the dependencies and the tools for tests (once)'
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@ .venv/runtime
