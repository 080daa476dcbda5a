# The two commands of the README. Both make .venv first, pinned by constraints.txt.
PYTHON ?= python3
BIN = .venv/bin

.PHONY: run test lint docs notebook install
run: .venv/.run
	$(BIN)/fashionlab train

test: .venv/.dev
	$(BIN)/python -m pytest

lint: .venv/.dev
	$(BIN)/ruff check src tests benchmarks examples notebooks docs
	$(BIN)/lint-imports
	$(BIN)/pyright

# The documentation site, into site/; a page with a dead link fails. `.venv/bin/mkdocs serve` shows it, with its search.
docs: .venv/.dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# Makes the notebook from its script and runs it whole, training included.
notebook: .venv/.dev
	$(BIN)/jupytext --to ipynb notebooks/fashion_mnist.py
	$(BIN)/jupyter-execute --inplace --timeout=3600 notebooks/fashion_mnist.ipynb

install: .venv/.dev

$(BIN)/python:
	$(PYTHON) -m venv .venv

.venv/.run: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

.venv/.dev: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@ .venv/.run
