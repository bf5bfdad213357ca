# On a fresh Debian or Ubuntu with Python 3.11 or newer: `make demo`, `make test`.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
# The exact version resolves to one build; give another one, with pip's options if need be:
#   make test TORCH="torch==2.13.0 --index-url URL"
TORCH ?= torch==2.13.0
SCREEN := scripts/with-screen.sh
WORKERS ?= 2
BIN := .venv/bin
STAMP := .venv/.installed
export MPLBACKEND := Agg

.PHONY: help demo test lint format bench setup docs wheel fresh lowest

help:  ## List the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

setup: $(STAMP)  ## Create .venv, install everything, fetch the Linux GUI libraries

$(STAMP): pyproject.toml scripts/setup.sh scripts/system.sh
	scripts/system.sh
	PYTHON='$(PYTHON)' TORCH='$(TORCH)' scripts/setup.sh
	touch $@

demo: $(STAMP)  ## Deblur a real photo and a stack, and open napari on the result
	$(SCREEN) --if-needed $(BIN)/python -m napari_deconv demo

lint: $(STAMP)  ## Style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)  ## Apply the style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: lint  ## Lint, then the whole suite under a virtual screen
	$(SCREEN) $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

docs: $(STAMP)  ## Build the documentation into build/site; warnings are errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo build/site/index.html

wheel: $(STAMP)  ## Build the wheel and the source archive into dist
	$(BIN)/python -m build --outdir dist

fresh: wheel  ## Install the wheel in a new environment, run the README there, then add napari
	PYTHON='$(PYTHON)' TORCH='$(TORCH)' scripts/fresh.sh

lowest:  ## Run the tests that need no window with the lowest versions of pyproject.toml
	PYTHON='$(PYTHON)' scripts/lowest.sh $(ARGS)

bench: $(STAMP)  ## Run the benchmark scripts one after another
	for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python "$$script"; done
