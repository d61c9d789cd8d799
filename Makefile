# Each target sets up what it needs. On a fresh machine, that is uv (from PyPI if it is not on PATH), the Python
# packages in .venv, and the Pulumi engine in .tools; later runs start at once. Works with GNU make 3.81 (macOS).

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:

BIN := .venv/bin
# The environment contains absolute paths, so a checkout that was moved or copied gets a new one.
PLACE := $(shell pwd | cksum | cut -d ' ' -f 1)
READY := .venv/.ready-$(PLACE)
POLICIES := policies/.venv/.ready-$(PLACE)
DOCS_BIN := .tools/docs/bin
DOCS := .tools/docs/.ready-$(PLACE)
BENCH_BIN := .tools/bench/bin
PLOTS := .tools/bench/.ready-$(PLACE)
RUNTIMES_BIN := .tools/bench-runtimes/bin
RUNTIMES := .tools/bench-runtimes/.ready-$(PLACE)
CONFORMANCE := .tools/conformance/.ready-$(PLACE)
AUDIT_BIN := .tools/audit/bin
AUDIT := .tools/audit/.ready-$(PLACE)
# Go checks its hash; npm those in tests/conformance/package-lock.json.
FAKE_GCS_SERVER_VERSION := 1.56.1
UV := $(shell command -v uv || echo .tools/uv/bin/uv)
# No package contains actionlint's program, but it builds in seconds, and Go checks its hash.
ACTIONLINT_VERSION := 1.7.12
ACTIONLINT := .tools/actionlint-$(ACTIONLINT_VERSION)/actionlint
# With the flags of the engine's build (pnodes/engine/build.py), Go compiles its standard library once for all.
GO_INSTALL := CGO_ENABLED=0 go install -trimpath
PYTHON ?= python3
# Behind a company's proxy, only the system's certificates work.
export UV_SYSTEM_CERTS ?= true
# Containers often set it; without bytecode, each run of the engine compiles the clouds' SDKs again.
unexport PYTHONDONTWRITEBYTECODE
WORKERS ?= auto
# Folders, files or options for pytest, such as make test TESTS=tests/nodefile.
TESTS ?=
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --no-loadscope-reorder
# For make bench: BENCH=full measures all sizes, for hours; SIZES="1 10" and RUNS=3 choose, ONLY=life leaves the rest out.
BENCH ?= quick
SIZES ?=
RUNS ?=
ONLY ?=
# For make scale: a number of nodes and of stacks.
DIVIDED ?= 1000 5
RESULTS := .build/benchmarks
# For make reliability: the number of simulated years.
SEEDS ?= 100
say := @printf '\033[1m==>\033[0m %s\n'

.PHONY: help demo test test-fresh conformance conformance-tools coverage policies bench scale reliability reliability-season reliability-floods reliability-faults reliability-histories reliability-rights setup lint docs links picture format lock audit sbom clean

help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

demo: setup ## deploy to three clouds and Numerai in a sandbox on this machine, run one round, print a table, and one in which much goes wrong
	@$(BIN)/pnodes demo

test: setup $(POLICIES) ## run all tests, including those with the real Pulumi engine
	$(say) "Running the tests (a few minutes, mostly for those with the real engine)"
	@$(PYTEST) $(TESTS)

test-fresh: setup ## run the tests without tests/e2e as on a new machine: ordinary user, old Python, few tools
	@.ci/fresh $(TESTS)

conformance: conformance-tools ## test the trigger with moto, Azurite, fake-gcs-server and the clouds' runtimes
	$(say) "Comparing the sandbox with other implementations (half a minute)"
	@PNODES_REQUIRE_CONFORMANCE=1 $(PYTEST) tests/conformance

conformance-tools: setup $(CONFORMANCE) $(RUNTIMES)

# Measures only pytest's own processes: measuring those of the sandbox, the engine and the models would take minutes.
# `.venv/bin/coverage report` then lists the lines that no test reaches. On two cores, this takes about a minute longer
# than `make test`.
coverage: setup $(POLICIES) ## run all tests and measure coverage; fail below the minimum in pyproject.toml
	$(say) "Running the tests (a few minutes, mostly for those with the real engine) and measuring their coverage"
	@$(PYTEST) --cov --cov-report=

policies: setup $(POLICIES) ## set up the policy pack's environment

bench: setup $(PLOTS) $(if $(ONLY),$(if $(filter trigger,$(ONLY)),$(RUNTIMES)),$(RUNTIMES)) ## measure against other programs; results, table and plots in .build/benchmarks
	$(say) "Measuring (many minutes; BENCH=full takes hours). Anything else that runs on this machine makes the spread wider"
	@$(BIN)/python -m benchmarks $(if $(filter full,$(BENCH)),--full) --output $(RESULTS) \
	    $(if $(SIZES),--sizes $(SIZES)) $(if $(RUNS),--runs $(RUNS)) $(if $(ONLY),--only $(ONLY))
	@$(BENCH_BIN)/python -m benchmarks.plots $(RESULTS)/results.json
	@cat $(RESULTS)/table.md

scale: setup ## deploy 60 and 300 nodes in the sandbox, and 1,000 in five stacks; for a night (SIZES="30" DIVIDED= is quick)
	$(say) "Deploying large fleets (an hour or more)"
	@$(BIN)/python -m benchmarks.scale --output $(RESULTS) $(if $(SIZES),--sizes $(SIZES)) \
	    $(if $(DIVIDED),--divided $(DIVIDED))
	@cat $(RESULTS)/scale.md

reliability: setup $(if $(filter season,$(or $(ONLY),season)),$(PLOTS) $(RUNTIMES)) ## years of rounds under faults, floods, faults of `up`, histories of edits, rights removed: a night; ONLY=season chooses, SEEDS=5 is quick
	$(say) "Trying what could make a round be missed (hours)"
	@for what in $(or $(ONLY),season floods faults histories rights); do $(MAKE) --no-print-directory reliability-$$what || exit; done

reliability-season:
	@$(BIN)/python -m tests.reliability --seeds $(SEEDS) --output .build/reliability --page
	@$(BENCH_BIN)/python tests/reliability/plot.py .build/reliability/results.json docs/reliability.svg

reliability-floods:
	@PNODES_FUZZ=100000 $(PYTEST) tests/reliability/test_floods.py

reliability-faults reliability-histories:
	@$(BIN)/python -m tests.reliability.updates $(@:reliability-%=%)

reliability-rights:
	@$(BIN)/python -m tests.reliability.rights --page

setup: $(READY) ## install the Python packages and the Pulumi engine
	@$(BIN)/python -m pnodes.engine >/dev/null

lint: $(READY) $(ACTIONLINT) ## run ruff, the linters of workflows, and mypy, as CI does
	$(say) "ruff: check and format (seconds)"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	$(say) "actionlint (with shellcheck) and zizmor: the workflows in .github (seconds)"
	@$(ACTIONLINT) -shellcheck $(BIN)/shellcheck
	@$(BIN)/shellcheck pnodes/engine/environment.sh .ci/run .ci/fresh
	@$(BIN)/zizmor --quiet --offline .github
	$(say) "mypy --strict (the first run reads the clouds' SDKs: half a minute and 1.5 GB of memory; then seconds)"
	@$(BIN)/mypy

docs: $(DOCS) ## build the site from docs/ into .build/docs; warnings and broken links are errors
	$(say) "Building the site with Sphinx (seconds)"
	@$(DOCS_BIN)/python -m sphinx -q -E -W --keep-going -n -b html -d .build/doctrees docs .build/docs
	@echo "The site is in .build/docs/index.html"

links: $(DOCS) ## check every external link in docs/ over the network; not part of CI
	@$(DOCS_BIN)/python -m sphinx -q -b linkcheck -d .build/doctrees docs .build/links

picture: $(DOCS) ## draw docs/two-flows.svg from docs/two-flows.dot
	@$(DOCS_BIN)/python -m docs.generate.picture

format: $(READY) ## format the code and fix what ruff can fix
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# UV_CUSTOM_COMPILE_COMMAND keeps this machine's paths out of the files' first lines.
COMPILE = UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile -q $(UPGRADE) --generate-hashes --no-emit-index-url \
    --no-emit-find-links --python-version
UPGRADE = --upgrade
lock: $(READY) ## lock the newest versions that pyproject.toml allows, with hashes; UPGRADE= updates only what it must
	$(COMPILE) 3.11 --universal pyproject.toml -o requirements.txt
	$(COMPILE) 3.11 --universal pyproject.toml --extra sandbox --group dev -c requirements.txt -o requirements/dev.txt
	for group in docs bench bench-runtimes conformance audit; do \
	    $(COMPILE) 3.11 --universal --group $$group -o requirements/$$group.txt || exit; done
	$(COMPILE) 3.13 --no-deps --group azure-library -o requirements/azure-library.txt
	$(COMPILE) 3.11 --universal policies/requirements.in -o policies/requirements.txt

# --strict: a package that the database does not know is an error, too.
audit: $(AUDIT) ## look all locked packages up among the known vulnerabilities, over the network; not part of CI's tests
	@failed=; for file in requirements.txt requirements/*.txt policies/requirements.txt; do echo "$$file:"; \
	    $(AUDIT_BIN)/pip-audit --progress-spinner off --strict --require-hashes --disable-pip -r $$file || failed=1; \
	done; [ -z "$$failed" ]

sbom: $(AUDIT) ## list the packages that users install, with their hashes, in .build/sbom.json (CycloneDX)
	@mkdir -p .build
	@PYTHONWARNINGS=ignore::UserWarning $(AUDIT_BIN)/cyclonedx-py requirements --pyproject pyproject.toml --mc-type application --output-reproducible \
	    --output-file .build/sbom.json requirements.txt

clean: ## stop the sandbox and remove everything that the other targets created
	@if [ -x $(BIN)/pnodes ]; then $(BIN)/pnodes sandbox stop || true; fi
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m sandbox.containers.base --remove || true; fi
	$(say) "Removing .venv, .tools, .sandbox and caches"
	@rm -rf .venv policies/.venv .tools .sandbox .build .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(ACTIONLINT):
	@command -v go >/dev/null || { echo "make lint needs Go (go.dev/doc/install): it builds actionlint." >&2; exit 1; }
	$(say) "Building actionlint $(ACTIONLINT_VERSION) with Go (10 seconds)"
	@GOBIN="$(CURDIR)/$(@D)" $(GO_INSTALL) github.com/rhysd/actionlint/cmd/actionlint@v$(ACTIONLINT_VERSION)

$(READY): requirements/dev.txt pyproject.toml
	@PYTHON='$(PYTHON)' sh pnodes/engine/environment.sh $@

# pulumi-policy needs an older protobuf than the program, so the pack has its own packages.
$(POLICIES): policies/requirements.txt | $(READY)
	$(say) "Installing the policy pack's packages into policies/.venv (seconds)"
	@rm -rf policies/.venv
	@$(UV) venv --quiet --python '>=3.11' policies/.venv
	@$(UV) pip sync --quiet --python policies/.venv/bin/python --require-hashes \
	    policies/requirements.txt
	@touch $@

# Sphinx and Graphviz have their own environment, because the project itself never needs them.
$(DOCS): requirements/docs.txt | $(READY)
	$(say) "Installing Sphinx into .tools/docs (seconds)"
	@$(UV) venv --quiet --clear --python $(BIN)/python .tools/docs
	@$(UV) pip sync --quiet --python $(DOCS_BIN)/python --require-hashes requirements/docs.txt
	@touch $@

# So has matplotlib, which draws the plots of the benchmarks.
$(PLOTS): requirements/bench.txt | $(READY)
	$(say) "Installing matplotlib into .tools/bench (seconds)"
	@$(UV) venv --quiet --clear --python $(BIN)/python .tools/bench
	@$(UV) pip sync --quiet --python $(BENCH_BIN)/python --require-hashes requirements/bench.txt
	@touch $@

# So have the clouds' runtime clients, which are installed as in the clouds' images: with bytecode. Microsoft's worker
# needs a Python before 3.13, and is fetched as source. Without network access to GitHub, the benchmark leaves it out.
$(RUNTIMES): requirements/bench-runtimes.txt benchmarks/azure_worker.py | $(READY)
	$(say) "Installing the clouds' runtime clients into .tools/bench-runtimes (seconds)"
	@$(UV) venv --quiet --clear --python '>=3.11,<3.13' .tools/bench-runtimes
	@$(UV) pip sync --quiet --python $(RUNTIMES_BIN)/python --require-hashes --compile-bytecode \
	    requirements/bench-runtimes.txt
	@$(BIN)/python -m benchmarks.azure_worker || echo "Microsoft's Python worker is not measured." >&2
	@touch $@

# So have the tools that audit the lock files.
$(AUDIT): requirements/audit.txt | $(READY)
	$(say) "Installing pip-audit and cyclonedx-bom into .tools/audit (seconds)"
	@$(UV) venv --quiet --clear --python $(BIN)/python .tools/audit
	@$(UV) pip sync --quiet --python $(AUDIT_BIN)/python --require-hashes requirements/audit.txt
	@touch $@

# The implementations of the clouds' storage that tests/conformance uses.
$(CONFORMANCE): requirements/conformance.txt requirements/azure-library.txt tests/conformance/package.json \
    tests/conformance/package-lock.json | $(READY)
	@command -v npm >/dev/null || { echo "make conformance needs Node.js (nodejs.org), which runs Azurite." >&2; exit 1; }
	@command -v go >/dev/null || { echo "make conformance needs Go (go.dev/doc/install): it builds fake-gcs-server." >&2; exit 1; }
	$(say) "Installing moto, Azurite and fake-gcs-server into .tools/conformance (2 minutes, mostly for Go's compiler)"
	@$(UV) venv --quiet --clear --python $(BIN)/python .tools/conformance/moto
	@$(UV) pip sync --quiet --python .tools/conformance/moto/bin/python --require-hashes --compile-bytecode \
	    requirements/conformance.txt
	@$(UV) pip install --quiet --target .tools/conformance/azure-library --python-version 3.13 --no-deps --require-hashes \
	    -r requirements/azure-library.txt
	@mkdir -p .tools/conformance/azurite
	@cp tests/conformance/package.json tests/conformance/package-lock.json .tools/conformance/azurite
	@npm ci --prefix .tools/conformance/azurite --ignore-scripts --no-audit --no-fund --silent
	@GOBIN="$(CURDIR)/.tools/conformance" $(GO_INSTALL) \
	    github.com/fsouza/fake-gcs-server@v$(FAKE_GCS_SERVER_VERSION)
	@touch $@
