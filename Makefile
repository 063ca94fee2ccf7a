# BioXen. `make demo` and `make test` do all their own set-up, in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --retries 10 --timeout 60 -c constraints.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR: # a .venv that was half made is made again
.NOTPARALLEL: # one installs after the other, and the kernels are compiled by what was installed
.PHONY: help demo test test-faults test-postgres test-widths lint types imports docs openapi models sources bench \
	bench-metabolic bench-kinetic bench-ensembles bench-hypervisor bench-load conformance check clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# One stamp per extra: an edit of the dependencies installs anew, anything else costs nothing.
$(VENV)/.%: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -e ".[$*]"
	@touch $@

# The kernels are compiled once on a machine, for about a minute; better now than at the first start.
$(VENV)/.kernel: $(wildcard src/bioxen/server/engines/metabolic/kernel/*.py src/bioxen/server/engines/kinetic/lanes/*/*.py)
	$(BIN)/python -c "from bioxen.server.engines.metabolic import MetabolicEngine as e; e.warm_up()"
	$(BIN)/python -c "from bioxen.server.engines.kinetic import KineticEngine as e; e.warm_up()"
	@touch $@

demo: $(VENV)/.server $(VENV)/.kernel ## Start the services and run virtual cells on them
	$(BIN)/bioxen demo

test: $(VENV)/.test $(VENV)/.kernel ## Run the tests
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist worksteal

# The store's tests, and those that kill a server, on a PostgreSQL that lives as long as they run.
test-postgres: $(VENV)/.test $(VENV)/.kernel ## Run the store's tests on PostgreSQL, installed where that can be
	$(BIN)/python -m tools.postgres $(BIN)/python -m pytest tests/server/store tests/server/jobs \
		tests/server/hypervisor tests/faults/test_cells_survive.py tests/faults/test_jobs_survive.py

test-faults: $(VENV)/.test $(VENV)/.kernel ## Do harm to running services, in full; FAULTS=FILE writes the table of recovery
	BIOXEN_FAULTS=full $(BIN)/python -m pytest -s --timeout 600 $(if $(FAULTS),--recovery-table $(FAULTS)) tests/faults

# The drivers are compiled for each width, which takes a minute or two.
test-widths: $(VENV)/.test ## Put all tests of the kinetic engine to vectors of 2, 4 and 8 lanes
	for lanes in 2 4 8; do BIOXEN_LANES=$$lanes $(BIN)/python -m pytest -n logical --maxprocesses 4 \
		--dist worksteal --timeout 600 tests/server/engines/kinetic || exit 1; done

lint: $(VENV)/.lint ## Style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.lint ## Static types
	$(BIN)/mypy

imports: $(VENV)/.lint ## Which package may import which
	$(BIN)/lint-imports

docs: $(VENV)/.docs ## Build the documents into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

openapi: $(VENV)/.server ## Write openapi.json from the services
	$(BIN)/python tools/write_openapi.py openapi.json

models: $(VENV)/.server ## Build the shipped models from their sources
	$(BIN)/python tools/build_models.py build
	$(BIN)/python tools/build_models.py refresh

bench: $(VENV)/.test ## Measure; see docs/performance.md
	$(BIN)/python -m benchmarks.round_trip

bench-ensembles: $(VENV)/.test ## Measure ensembles through the service
	$(BIN)/python benchmarks/ensembles.py

bench-metabolic: $(VENV)/.test ## Measure the metabolic kernel beside COBRApy
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.metabolic

conformance: $(VENV)/.test ## Put the kinetic service to the SBML Test Suite; see docs/conformance.md
	$(BIN)/python -m tools.conformance docs/conformance.md

bench-load: $(VENV)/.test ## Measure one owner beside another one's flood, and durable jobs per second
	$(BIN)/python benchmarks/under_load.py

bench-hypervisor: $(VENV)/.test ## Measure kept cells: bytes each, and what can be done with them in a second
	$(BIN)/python benchmarks/hypervisor.py

bench-kinetic: $(VENV)/.test ## Measure the kinetic engine beside libRoadRunner
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.kinetic

sources: $(VENV)/.server ## The shipped models are what their sources say
	$(BIN)/python tools/build_models.py check

check: lint types imports sources docs test test-postgres ## Everything that CI runs

clean: ## Remove what was built
	rm -rf $(VENV) site dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
