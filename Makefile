# Everything a newcomer needs: `make serve` and `make test`. Only Python 3.11+ and make must be there.
PYTHON ?= python3
VENV ?= .venv
ARGS ?=
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
EXE := .exe
else
BIN := $(VENV)/bin
endif
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

CONSTRAINTS := constraints.txt
N ?= 20

# The tests that are not slow, with fewer examples each.
QUICK := -m "not slow" --hypothesis-profile=quick

# The tests of what a store keeps.
ON_STORES := api asgi control engine scenarios testing

.PHONY: help install serve test test-all test-stores newest flaky lock lint types check format site build try-install image bench bench-server clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(BIN)/python$(EXE):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ltx-mock needs Python 3.11 or newer; try: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv $(VENV)

# Serving needs a tenth of what testing needs, so each has its own installation.
$(VENV)/.to-serve: pyproject.toml | $(BIN)/python$(EXE)
	@echo "Installing ltx-mock into $(VENV); the first time takes a moment."
	@$(PIP) --editable .
	@touch $@

$(VENV)/.to-test: pyproject.toml $(CONSTRAINTS) | $(BIN)/python$(EXE)
	@echo "Installing ltx-mock and its development tools into $(VENV); the first time takes some minutes."
	@$(PIP) --editable '.[dev]' --constraint $(CONSTRAINTS)
	@touch $@ $(VENV)/.to-serve

install: $(VENV)/.to-test  ## make .venv and install the project with its development tools into it

serve: $(VENV)/.to-serve  ## run the fake API (options: make serve ARGS="--speed 60")
	@$(BIN)/ltx-mock serve $(ARGS)

test: install  ## run the quick tests and some of the slow ones (options: make test ARGS="-k callbacks")
	$(BIN)/python -m pytest -n auto $(QUICK) $(ARGS)

test-all: install  ## run all tests, with more examples each
	$(BIN)/python -m pytest -n auto $(ARGS)

test-stores: install  ## run the tests of the fake with its state in a backend in memory, then in SQLite files
	for store in backend sqlite; do \
		LTX_TEST_STORE=$$store $(BIN)/python -m pytest -n auto $(QUICK) $(addprefix tests/mockserver/,$(ON_STORES)) $(ARGS) || exit 1; \
	done

flaky: install  ## run `make test` N times in random order, every second time on a busy machine (make flaky N=5)
	@.ci/flaky $(BIN)/python $(N) $(QUICK) $(ARGS)

newest: $(VENV)-newest/bin/python  ## run all tests with the newest version of everything, in an environment of its own
	@$(VENV)-newest/bin/python -m pip install --quiet --disable-pip-version-check \
		--upgrade --upgrade-strategy eager --editable '.[dev]'
	$(VENV)-newest/bin/python -m pytest -n auto $(ARGS)

$(VENV)-newest/bin/python:
	@$(PYTHON) -m venv $(VENV)-newest

lock: $(BIN)/python$(EXE)  ## fit constraints.txt to pyproject.toml (make lock ARGS=--upgrade takes the newest of everything)
	@$(PIP) uv
	@.ci/lock $(BIN)/python $(ARGS)

lint: install  ## ruff: lint and format check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install  ## mypy, strict
	$(BIN)/mypy

check: lint types test  ## all that must be green before a change lands

format: install  ## ruff: fix and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

site: install  ## build the site of the documentation into build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --config-file mkdocs.zh.yml

build: install  ## wheel and sdist into dist/, as an index wants them
	@$(PIP) twine
	rm -rf dist
	$(BIN)/python -m hatchling build -d dist
	$(BIN)/python -m twine check --strict dist/*

try-install:  ## install the wheel and the sdist into clean environments of each Python here, and try them
	@PYTHON=$(PYTHON) .ci/try-install

image:  ## build the image and try it (ENGINE=podman for another engine than docker)
	@.ci/image

bench: install  ## run every benchmark and print its table
	@for script in benchmarks/bench_*.py; do $(BIN)/python $$script || exit 1; done

bench-server: install  ## compare the fake and its pytest plugin with others, in ten minutes (ARGS=--quick: in two)
	@$(BIN)/python benchmarks/bench_server.py $(ARGS)
	@$(BIN)/python benchmarks/bench_pytest.py $(ARGS)

clean:  ## remove everything that was made
	rm -rf $(VENV) $(VENV)-newest dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
