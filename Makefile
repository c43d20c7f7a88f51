# Everything starts here. Each target sets up what it needs and is safe to repeat.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ROOMS := gateway resolvers policies backends orderlines
READY := $(VENV)/.ready
UV := $(shell command -v uv 2>/dev/null)
INSTALL = $(if $(UV),$(UV) pip install --python $(BIN)/python,$(BIN)/python -m pip install --disable-pip-version-check)

.DEFAULT_GOAL := help
.PHONY: help setup demo test unit soak bench lint format lock schema clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "orderline needs Python 3.11 or later; '$(PYTHON)' is $$( ( $(PYTHON) --version ) 2>/dev/null || echo not there)."; \
	  echo "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(if $(UV),$(UV) venv --quiet --allow-existing --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV),$(PYTHON) -m venv $(VENV)) || { \
	  echo "Could not make $(VENV). On Debian, Python's venv module is the package python3-venv."; exit 1; }
	@touch $@

$(READY): requirements-dev.lock pyproject.toml $(VENV)/.made
	@echo "Setting up .venv ..."
	@$(INSTALL) --quiet --no-deps --require-hashes -r requirements-dev.lock
	@$(INSTALL) --quiet --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(READY)  ## set everything up in .venv

demo: $(READY)  ## start the demo: three systems and the gateway (ARGS="--port 8001")
	@$(BIN)/orderline demo $(ARGS)

test: lint  ## everything CI checks: lint, types, tests, coverage
	@rm -f .coverage .coverage.*
	@$(BIN)/python -m coverage run -m pytest $(ARGS)
	@$(BIN)/python -m coverage combine --quiet
	@$(BIN)/python -m coverage report --skip-covered --skip-empty
	@$(BIN)/python -m coverage report --include='orderlines/*,policies/*' --fail-under=100 --skip-covered > /dev/null \
	  || { echo "The ledger and the guard are held at 100 %:"; $(BIN)/python -m coverage report --include='orderlines/*,policies/*' --skip-covered --show-missing; exit 1; }

unit: $(READY)  ## the tests alone, without coverage (ARGS="tests/orderlines")
	@$(BIN)/python -m pytest $(ARGS)

soak: $(READY)  ## the long proofs: a million questions, 100,000 orders of things, 5,000 timed pairs
	@ORDERLINE_SOAK_QUESTIONS=1000000 ORDERLINE_SOAK_PAIRS=5000 \
	  ORDERLINE_SOAK_INTERLEAVINGS=100000 ORDERLINE_SOAK_EXAMPLES=200 ORDERLINE_SOAK_SECONDS=30 \
	  $(BIN)/python -m pytest tests/security/test_isolation.py tests/security/test_interleavings.py \
	  tests/security/test_schema_fuzz.py tests/security/test_throttle.py $(ARGS)

bench: $(READY)  ## the workloads against the peers (needs wrk; ARGS="--only W1 --rounds 5")
	@$(BIN)/python -m bench $(ARGS)

lint: $(READY)  ## ruff, mypy, import-linter, schema drift
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy $(ROOMS) bench tests
	@$(BIN)/lint-imports --no-cache | tail -n 4
	@$(BIN)/orderline schema check

format: $(READY)  ## let ruff write
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format --quiet .

schema: $(READY)  ## print the schema into schema.graphql
	@$(BIN)/orderline schema print > schema.graphql.new && mv schema.graphql.new schema.graphql

lock:  ## resolve the dependencies anew, with hashes (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links --group dev pyproject.toml -o requirements-dev.lock

clean:  ## remove the environment and every cache
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.*
