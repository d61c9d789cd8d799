# Each target sets up what it needs. On a fresh machine that is uv (taken from PyPI when it is not on PATH), the Python
# packages in .venv, and the Pulumi engine in .tools; afterwards a target starts at once. Works with GNU make 3.81 (macOS).

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:

BIN := .venv/bin
# The environment holds absolute paths: a checkout that was moved or copied gets a new one.
PLACE := $(shell pwd | cksum | cut -d ' ' -f 1)
READY := .venv/.ready-$(PLACE)
DOCS_BIN := .tools/docs/bin
DOCS := .tools/docs/.ready-$(PLACE)
UV := $(shell command -v uv || echo .tools/uv/bin/uv)
PYTHON ?= python3
WORKERS ?= auto
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --no-loadscope-reorder
say := @printf '\033[1m==>\033[0m %s\n'

.PHONY: help demo test coverage setup lint docs links picture format lock clean

help: ## show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: setup ## the whole story on this machine: three clouds and Numerai in a sandbox, one round, a table
	@$(BIN)/pnodes demo

test: setup ## all tests, also those that run the real Pulumi engine
	$(say) "Running the tests (a few minutes; those with the real engine take most of it)"
	@$(PYTEST)

# Measures what runs in pytest's own processes; the sandbox's, the engine's and the models' are left out, which would cost
# minutes. `.venv/bin/coverage report` then names the lines that are not reached. On two cores a whole run takes about a
# minute longer than `make test`.
coverage: setup ## all tests, and the share of the code that they reach; less than pyproject.toml's floor is an error
	$(say) "Running the tests (a few minutes; those with the real engine take most of it), and measuring them"
	@$(PYTEST) --cov --cov-report=

setup: $(READY) ## Python packages and the Pulumi engine, without running anything
	@$(BIN)/python -m engine >/dev/null

lint: $(READY) ## ruff and mypy, as CI runs them
	$(say) "ruff: rules and format (seconds)"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
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
	$(COMPILE) --extra sandbox --group dev -c requirements.txt -o requirements-dev.txt
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile -q $(UPGRADE) --generate-hashes --universal \
	    --no-emit-index-url --no-emit-find-links --python-version 3.11 --group docs -o requirements-docs.txt

clean: ## stop the sandbox and remove everything that the other targets made
	@if [ -x $(BIN)/pnodes ]; then $(BIN)/pnodes sandbox stop || true; fi
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m sandbox.containers.base --remove || true; fi
	$(say) "Removing .venv, .tools, .sandbox and caches"
	@rm -rf .venv .tools .sandbox .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements-dev.txt pyproject.toml
	@PYTHON='$(PYTHON)' sh engine/environment.sh $@

# Sphinx and Graphviz, apart from everything else: what the project does never needs them.
$(DOCS): requirements-docs.txt | $(READY)
	$(say) "Installing Sphinx into .tools/docs (seconds)"
	@$(UV) venv --quiet --clear --python $(BIN)/python .tools/docs
	@$(UV) pip sync --quiet --python $(DOCS_BIN)/python --require-hashes requirements-docs.txt
	@touch $@
