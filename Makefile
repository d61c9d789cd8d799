# Each target sets up what it needs. On a fresh machine that is uv (taken from PyPI when it is not on PATH), the Python
# packages in .venv, and the Pulumi engine in .tools; afterwards a target starts at once. Works with GNU make 3.81 (macOS).

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:

BIN := .venv/bin
# The environment holds absolute paths: a checkout that was moved or copied gets a new one.
PLACE := $(shell pwd | cksum | cut -d ' ' -f 1)
READY := .venv/.ready-$(PLACE)
POLICIES := policies/.venv/.ready-$(PLACE)
UV := $(shell command -v uv || echo .tools/uv/bin/uv)
# actionlint has no package that holds its program, but builds in seconds; Go checks its hash.
ACTIONLINT_VERSION := 1.7.12
ACTIONLINT := .tools/actionlint-$(ACTIONLINT_VERSION)/actionlint
PYTHON ?= python3
WORKERS ?= auto
say := @printf '\033[1m==>\033[0m %s\n'

.PHONY: help demo test policies setup lint format lock clean

help: ## show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: setup ## the whole story on this machine: three clouds and Numerai in a sandbox, one round, a table
	@$(BIN)/pnodes demo

test: setup $(POLICIES) ## all tests, also those that run the real Pulumi engine
	$(say) "Running the tests (a few minutes; those with the real engine take most of it)"
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --no-loadscope-reorder

policies: setup $(POLICIES) ## the policy pack: its own environment, and its tests
	$(say) "Running the policies' tests (a minute; those with the real engine take most of it)"
	@$(BIN)/python -m pytest tests/policies tests/e2e/test_policies.py

setup: $(READY) ## Python packages and the Pulumi engine, without running anything
	@$(BIN)/python -m engine >/dev/null

lint: $(READY) $(ACTIONLINT) ## ruff, the linters of workflows, and mypy, as CI runs them
	$(say) "ruff: rules and format (seconds)"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	$(say) "actionlint (with shellcheck) and zizmor: the workflows in .github (seconds)"
	@$(ACTIONLINT) -shellcheck $(BIN)/shellcheck
	@$(BIN)/shellcheck engine/environment.sh .ci/run
	@$(BIN)/zizmor --quiet --offline .github
	$(say) "mypy --strict (the first time 3 minutes and 7 GB of memory, for the SDKs of three clouds; then seconds)"
	@$(BIN)/mypy

format: $(READY) ## rewrite the code as `make lint` wants it
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# UV_CUSTOM_COMPILE_COMMAND keeps paths of this machine out of the files' first lines.
lock: $(READY) ## lock the newest versions that pyproject.toml allows, with hashes
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile -q --upgrade --generate-hashes --universal --no-emit-index-url \
	    --no-emit-find-links --python-version 3.11 pyproject.toml -o requirements.txt
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile -q --upgrade --generate-hashes --universal --no-emit-index-url \
	    --no-emit-find-links --python-version 3.11 pyproject.toml --extra sandbox --group dev -c requirements.txt \
	    -o requirements-dev.txt
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile -q --upgrade --generate-hashes --universal --no-emit-index-url \
	    --no-emit-find-links --python-version 3.11 policies/requirements.in -o policies/requirements.txt

clean: ## stop the sandbox and remove everything that the other targets made
	@if [ -x $(BIN)/pnodes ]; then $(BIN)/pnodes sandbox stop || true; fi
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m sandbox.containers.base --remove || true; fi
	$(say) "Removing .venv, .tools, .sandbox and caches"
	@rm -rf .venv policies/.venv .tools .sandbox .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(ACTIONLINT):
	@command -v go >/dev/null || { echo "make lint needs Go (go.dev/doc/install): it builds actionlint." >&2; exit 1; }
	$(say) "Building actionlint $(ACTIONLINT_VERSION) with Go (10 seconds)"
	@GOBIN="$(CURDIR)/$(@D)" go install github.com/rhysd/actionlint/cmd/actionlint@v$(ACTIONLINT_VERSION)

$(READY): requirements-dev.txt pyproject.toml
	@PYTHON='$(PYTHON)' sh engine/environment.sh $@

# pulumi-policy wants an older protobuf than the program, so the pack has packages of its own.
$(POLICIES): policies/requirements.txt | $(READY)
	$(say) "Installing the policy pack's packages into policies/.venv (seconds)"
	@rm -rf policies/.venv
	@UV_SYSTEM_CERTS="$${UV_SYSTEM_CERTS:-true}" $(UV) venv --quiet --python '>=3.11' policies/.venv
	@UV_SYSTEM_CERTS="$${UV_SYSTEM_CERTS:-true}" $(UV) pip sync --quiet --python policies/.venv/bin/python --require-hashes \
	    policies/requirements.txt
	@touch $@
