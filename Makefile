# The two commands of the README. Both make .venv first, pinned by constraints.txt.
PYTHON ?= python3
BIN = .venv/bin

# Two files of tests at a time, or up to four where there are more cores; each process takes about 2 GiB.
PYTEST = -m pytest --numprocesses logical --maxprocesses 4 --dist loadscope --no-loadscope-reorder

.PHONY: run test test-all coverage lint docs notebook install
run: .venv/.run
	$(BIN)/fashionlab train

test: .venv/.dev
	$(BIN)/python $(PYTEST) -m "not slow"

test-all: .venv/.dev
	$(BIN)/python $(PYTEST) --hypothesis-profile thorough

# Which lines of the package the tests run, processes that they start included: results/coverage.json.
coverage: .venv/.dev
	mkdir -p build && $(BIN)/coverage erase
	$(BIN)/coverage run $(PYTEST) -m "not slow"
	$(BIN)/coverage combine --quiet && $(BIN)/coverage json --quiet -o build/coverage-default.json
	$(BIN)/coverage run $(PYTEST) -m slow
	$(BIN)/coverage combine --quiet --append && $(BIN)/coverage json --quiet -o build/coverage-all.json
	$(BIN)/python benchmarks/line_coverage.py default=build/coverage-default.json all=build/coverage-all.json

lint: .venv/.dev
	$(BIN)/ruff check src tests benchmarks examples notebooks docs
	$(BIN)/lint-imports
	$(BIN)/pyright
	$(BIN)/pyright --project pyrightconfig.strict.json

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
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[photos]'
	touch $@

.venv/.dev: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@ .venv/.run
