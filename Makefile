# Every target sets up what it needs in .venv; a second run is quick.
PYTHON ?= python3
BIN := .venv/bin
ENV := PATH="$(CURDIR)/$(BIN):$$PATH"
CODE := src mypy_plugin examples benchmarks hatch_build.py stubs/generate.py tests/compiled.py tests/frameworks.py tests/pythons.py tests/wheels.py

.PHONY: demo demo-cluster test test-core test-long test-lowest lint types stubs unit unit-rest unit-plugin docs changelog pythons frameworks wheels bench bench-quick \
	bench-check bench-baseline count compiled lanes clean

demo: .venv/ready  ## the main job: a pipeline with live objects, what the checkers say, and a pause in the middle
	$(BIN)/python examples/catalogue.py
	$(BIN)/python examples/pause.py

demo-cluster: .venv/engines  ## a job on two nodes, killed and resumed in the middle: on Ray, on Dask, and in one process
	$(BIN)/python examples/cluster.py
	$(BIN)/python examples/cluster.py --on dask
	$(BIN)/python examples/cluster.py --on ray

test: unit-rest unit-plugin lint types docs lanes pythons count unit  ## everything; the longest first

test-core: .venv/ready  ## the tests of the core and the plugin, without the engines
	$(ENV) $(BIN)/pytest --ignore=docs/engines --ignore=src/liveref/integrations --ignore=tests/integrations \
		--ignore=tests/site --ignore=tests/engines/test_ray.py --ignore=tests/engines/test_dask.py

test-long: .venv/ready  ## the long forms of the tests that draw lots or repeat: fuzz, state machine, threads, schedules, sessions
	LIVEREF_FUZZ_RUNS=100000 LIVEREF_KILL_ROUNDS=100 LIVEREF_MACHINE_RUNS=5000 LIVEREF_THREAD_ROUNDS=100 LIVEREF_SCHEDULES=10000 \
		LIVEREF_SESSIONS=100000 $(BIN)/pytest tests/properties tests/unit/test_handles_in_threads.py tests/unit/test_schedules.py \
		tests/unit/test_session_memory.py

test-lowest:  ## the tests of the engines with the oldest versions that the extras allow
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet uv
	.venv-lowest/bin/uv pip install --quiet --python .venv-lowest --resolution lowest-direct --editable . --group engines --group test
	.venv-lowest/bin/python -m pytest tests/integrations tests/engines docs/engines

lint: .venv/engines
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: .venv/engines
	$(BIN)/mypy $(CODE)
	$(ENV) $(BIN)/pyright
	$(ENV) $(BIN)/pyright --verifytypes liveref --ignoreexternal
	MYPYPATH=stubs $(BIN)/stubtest liveref --allowlist stubs/allowlist.txt --ignore-unused-allowlist

unit: unit-rest unit-plugin  ## all tests, with branch coverage of 100 %
	$(BIN)/coverage combine --quiet .coverage-rest.* .coverage-plugin.*
	$(BIN)/coverage report

unit-rest: .venv/engines
	rm -f .coverage-rest.*
	$(ENV) COVERAGE_FILE=.coverage-rest $(BIN)/coverage run -m pytest --ignore=tests/site --ignore=tests/plugin

unit-plugin: .venv/engines  # apart, for mypy leaves gigabytes behind, which slow down what comes after it
	rm -f .coverage-plugin.*
	$(ENV) COVERAGE_FILE=.coverage-plugin $(BIN)/coverage run -m pytest tests/plugin

docs: .venv/engines  ## the site in build/site: a warning fails it, and so does a dead link; seen in a browser where there is one
	$(BIN)/sphinx-build --quiet --fresh-env --fail-on-warning --keep-going docs build/site
	LIVEREF_SITE=build/site $(ENV) $(BIN)/pytest tests/site

lanes: .venv/engines  ## the tests of all that uses the core on the compiled build, where there is a C compiler
	$(BIN)/python tests/compiled.py

pythons: .venv/ready  ## the core's tests on each other Python that is found
	$(BIN)/python tests/pythons.py

frameworks: .venv/ready  ## the tests of frameworks that have environments of their own: Haystack, agent-framework, CrewAI
	$(BIN)/python tests/frameworks.py

wheels:  ## a wheel in dist/ for each Python that is found, installed and tried from outside
	$(PYTHON) tests/wheels.py

changelog: .venv/ready  ## CHANGELOG.md of the fragments, which stay until the release
	printf '# Changelog\n\n<!-- towncrier release notes start -->\n' >CHANGELOG.md
	$(BIN)/towncrier build --version 0.1.0 --date unreleased --keep

stubs: .venv/ready  ## write stubs/ anew after a change of the public API
	$(BIN)/python stubs/generate.py

bench: .venv/engines compiled  ## everything side by side; writes docs/performance.md, its charts and the comparison in docs/checks.md
	$(BIN)/python -m benchmarks run --docs

bench-quick: .venv/ready compiled  ## the same with fewer rounds and sizes, on the screen only
	$(BIN)/python -m benchmarks run --quick

bench-check: .venv/engines compiled  ## the quick run: fails where a ratio is 30 % above benchmarks/baseline.json
	$(BIN)/python -m benchmarks check
	$(BIN)/python -m benchmarks count

bench-baseline: .venv/engines compiled  ## write benchmarks/baseline.json anew, on a machine that has nothing else to do
	$(BIN)/python -m benchmarks check --record
	$(BIN)/python -m benchmarks count --record

count: .venv/ready  ## the short form of bench-check: instructions, where valgrind is installed
	$(BIN)/python -m benchmarks count

.venv/ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("liveref needs Python 3.11 or newer, this is " + sys.version) if sys.version_info < (3, 11) else 0'
	@echo "Making .venv with liveref and its tools, once: some minutes, and pip tells what it fetches."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --editable . --group dev
	touch $@

.venv/engines: .venv/ready
	@echo "Adding the engines and what builds the site to .venv, once: some minutes, and pip tells what it fetches."
	$(BIN)/python -m pip install --group engines --group docs
	touch $@

compiled:  ## the compiled build in an environment of its own; the benchmarks do without where it can't be built
	-$(MAKE) --no-print-directory .venv-compiled/ready

.venv-compiled/ready: pyproject.toml hatch_build.py $(wildcard lanes/* src/liveref/*.py src/liveref/*/*.py)
	test -x .venv-compiled/bin/python || $(PYTHON) -m venv .venv-compiled
	.venv-compiled/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	.venv-compiled/bin/python -m pip install --quiet . --group test
	.venv-compiled/bin/python -c 'import sys; from benchmarks.worker import build; sys.exit(build() == "pure")'
	touch $@

clean:
	rm -rf .venv .venv-* .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build dist
