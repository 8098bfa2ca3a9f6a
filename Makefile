# What a checkout can do; `make` alone lists it.
#
# Everything is installed into .venv, once: a second run needs no network. Wherever it says python
# in .venv, it is called with -m, so that nothing depends on where the scripts were installed from.

VENV   := .venv
PYTHON ?=
python := $(VENV)/bin/python
DEMO   ?= $(python) tests/demonstration.py

# On two cores: journeys wait for processes much of their time, and leave room for a third.
# Each worker has a stretch of the tests, so that few make the same browsers and editions again.
WORKERS ?= 3
TESTS   ?=

export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The environment is made anew where its interpreter has gone (a system upgrade), and the project
# is installed again where the checkout has moved.
ifneq ($(wildcard $(VENV)),)
  ifneq ($(shell $(python) -c 'print("fine")' 2>/dev/null),fine)
    $(shell rm -f $(VENV)/.locked $(VENV)/.installed)
  else ifneq ($(shell cat $(VENV)/.installed 2>/dev/null),$(CURDIR))
    $(shell rm -f $(VENV)/.installed)
  endif
endif

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast check lint format types floors names templates bench lock clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.installed  ## .venv with everything in it (the other targets do it themselves)

# What has no wheel (dkimpy, which only tests use) is built the modern way by an old pip, too.
$(VENV)/.locked: requirements/dev.txt
	@set -e; chosen=$$(sh tests/system.sh python $(PYTHON)); \
	echo "setup: $(VENV) with $$($$chosen --version)"; $$chosen -m venv --clear $(VENV)
	@echo "setup: the locked requirements"
	@$(python) -m pip install --quiet --require-hashes --use-pep517 -r $<
	@touch $@

$(VENV)/.installed: $(VENV)/.locked pyproject.toml briefing/__init__.py
	@echo "setup: the project itself"
	@$(python) -m pip install --quiet --no-deps --no-build-isolation --no-index --editable .
	@echo $(CURDIR) > $@

demo: setup  ## one day of the sample publication, left under demo/
	@$(DEMO)

test: setup  ## gets the system parts that the tests use, then runs them (TESTS=path for some)
	@sh tests/system.sh tests $(VENV)/missing-parts
	@$(python) -m pytest -n $(WORKERS) --dist worksteal $(TESTS)

test-fast: setup  ## the tests that need nothing but Python (TESTS=path for some)
	@$(python) -m pytest -n 2 --dist worksteal -m "not system" $(TESTS)

check: lint format types floors names templates  ## style, types, floors, names, templates; make -k check for all

lint: setup
	@$(python) -m ruff check .

format: setup
	@$(python) -m ruff format --check .

types: setup
	@$(python) -m mypy

floors: setup
	@$(python) -c 'import sys, importlinter.cli as cli; sys.exit(cli.lint_imports(no_logo=True))'

names: setup
	@$(python) tests/class_names.py

templates: setup
	@$(python) -m djlint --lint --quiet templates

bench: setup  ## the benchmarks there are, and how to run each
	@$(python) -c 'import ast, pathlib; [print(f"  $(python) {path}\n      {(ast.get_docstring(ast.parse(path.read_text())) or str()).partition(chr(10))[0]}") for path in sorted(pathlib.Path("tests/bench").glob("bench_*.py"))]'

lock: setup  ## resolves requirements/*.txt from pyproject.toml; UPGRADE=--upgrade for newer ones
	@$(python) -m pip install --quiet uv
	@$(python) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--all-extras $(UPGRADE) --output-file requirements/run.txt pyproject.toml
	@$(python) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--all-extras --group dev --constraint requirements/run.txt $(UPGRADE) --output-file requirements/dev.txt pyproject.toml
	@$(python) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--group build --constraint requirements/dev.txt --output-file requirements/build.txt

clean:  ## removes .venv, demo/, caches and what was built
	rm -rf $(VENV) demo dist tests/tools/node_modules .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find briefing subscribers tests -name __pycache__ -type d -prune -exec rm -rf {} +
