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
DOCS_BIN := .tools/docs/bin
DOCS := .tools/docs/.ready-$(PLACE)
UV := $(shell command -v uv || echo .tools/uv/bin/uv)
# actionlint has no package that holds its program, but builds in seconds; Go checks its hash.
ACTIONLINT_VERSION := 1.7.12
ACTIONLINT := .tools/actionlint-$(ACTIONLINT_VERSION)/actionlint
PYTHON ?= python3
# Behind a company's proxy the certificates are those of the system.
export UV_SYSTEM_CERTS ?= true
WORKERS ?= auto
# Folders, files or options for pytest: make test TESTS=tests/nodefile.
TESTS ?=
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --no-loadscope-reorder
say := @printf '\033[1m==>\033[0m %s\n'

.PHONY: help demo test test-fresh coverage policies setup lint docs links picture format lock clean

help: ## show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: setup ## the whole story on this machine: three clouds and Numerai in a sandbox, one round, a table
	@$(BIN)/pnodes demo

test: setup $(POLICIES) ## all tests, also those that run the real Pulumi engine
	$(say) "Running the tests (a few minutes; those with the real engine take most of it)"
	@$(PYTEST) $(TESTS)

test-fresh: setup ## the tests without the engine's long ones as on a new machine: ordinary user, old Python, few tools
	@.ci/fresh $(TESTS)

# Measures what runs in pytest's own processes; the sandbox's, the engine's and the models' are left out, which would cost
# minutes. `.venv/bin/coverage report` then names the lines that are not reached. On two cores a whole run takes about a
# minute longer than `make test`.
coverage: setup $(POLICIES) ## all tests, and the share of the code that they reach; less than pyproject.toml's floor is an error
	$(say) "Running the tests (a few minutes; those with the real engine take most of it), and measuring them"
	@$(PYTEST) --cov --cov-report=

policies: setup $(POLICIES) ## the policy pack: its own environment, and its tests
	$(say) "Running the policies' tests (a minute; those with the real engine take most of it)"
	@$(BIN)/python -m pytest tests/policies tests/e2e/test_policies.py

setup: $(READY) ## Python packages and the Pulumi engine, without running anything
	@$(BIN)/python -m pnodes.engine >/dev/null

lint: $(READY) $(ACTIONLINT) ## ruff, the linters of workflows, and mypy, as CI runs them
	$(say) "ruff: rules and format (seconds)"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	$(say) "actionlint (with shellcheck) and zizmor: the workflows in .github (seconds)"
	@$(ACTIONLINT) -shellcheck $(BIN)/shellcheck
	@$(BIN)/shellcheck pnodes/engine/environment.sh .ci/run .ci/fresh
	@$(BIN)/zizmor --quiet --offline .github
	$(say) "mypy --strict (the first time 3 minutes and 7 GB of memory, for the SDKs of three clouds; then seconds)"
	@$(BIN)/mypy

docs: $(DOCS) ## the site of docs/ into .build/docs; warnings and broken links are errors
	$(say) "Sphinx: the site (seconds)"
	@$(DOCS_BIN)/python -m sphinx -q -E -W --keep-going -n -b html -d .build/doctrees docs .build/docs
	@echo "The site is in .build/docs/index.html"

links: $(DOCS) ## asks the network for every address that docs/ names; not part of CI
	@$(DOCS_BIN)/python -m sphinx -q -b linkcheck -d .build/doctrees docs .build/links

picture: $(DOCS) ## draw docs/two-flows.svg from docs/two-flows.dot
	@$(DOCS_BIN)/python -m docs.generate.picture

format: $(READY) ## rewrite the code as `make lint` wants it
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# UV_CUSTOM_COMPILE_COMMAND keeps paths of this machine out of the files' first lines.
COMPILE = UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile -q $(UPGRADE) --generate-hashes --universal \
    --no-emit-index-url --no-emit-find-links --python-version 3.11 pyproject.toml
UPGRADE = --upgrade
lock: $(READY) ## lock the newest versions that pyproject.toml allows, with hashes; UPGRADE= moves only what it has to
	$(COMPILE) -o requirements.txt
	$(COMPILE) --extra sandbox --group dev -c requirements.txt -o requirements/dev.txt
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile -q $(UPGRADE) --generate-hashes --universal \
	    --no-emit-index-url --no-emit-find-links --python-version 3.11 --group docs -o requirements/docs.txt
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile -q $(UPGRADE) --generate-hashes --universal \
	    --no-emit-index-url --no-emit-find-links --python-version 3.11 policies/requirements.in -o policies/requirements.txt

clean: ## stop the sandbox and remove everything that the other targets made
	@if [ -x $(BIN)/pnodes ]; then $(BIN)/pnodes sandbox stop || true; fi
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m sandbox.containers.base --remove || true; fi
	$(say) "Removing .venv, .tools, .sandbox and caches"
	@rm -rf .venv policies/.venv .tools .sandbox .build .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(ACTIONLINT):
	@command -v go >/dev/null || { echo "make lint needs Go (go.dev/doc/install): it builds actionlint." >&2; exit 1; }
	$(say) "Building actionlint $(ACTIONLINT_VERSION) with Go (10 seconds)"
	@GOBIN="$(CURDIR)/$(@D)" go install github.com/rhysd/actionlint/cmd/actionlint@v$(ACTIONLINT_VERSION)

$(READY): requirements/dev.txt pyproject.toml
	@PYTHON='$(PYTHON)' sh pnodes/engine/environment.sh $@

# pulumi-policy wants an older protobuf than the program, so the pack has packages of its own.
$(POLICIES): policies/requirements.txt | $(READY)
	$(say) "Installing the policy pack's packages into policies/.venv (seconds)"
	@rm -rf policies/.venv
	@$(UV) venv --quiet --python '>=3.11' policies/.venv
	@$(UV) pip sync --quiet --python policies/.venv/bin/python --require-hashes \
	    policies/requirements.txt
	@touch $@

# Sphinx and Graphviz, apart from everything else: what the project does never needs them.
$(DOCS): requirements/docs.txt | $(READY)
	$(say) "Installing Sphinx into .tools/docs (seconds)"
	@$(UV) venv --quiet --clear --python $(BIN)/python .tools/docs
	@$(UV) pip sync --quiet --python $(DOCS_BIN)/python --require-hashes requirements/docs.txt
	@touch $@
