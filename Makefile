# Every target works from a bare clone and a bare Python (3.11 or later): it makes the environment that it needs.
#   make test PYTHON=python3.13 VENV=.venv-3.13        another interpreter, another environment
#   make test PYTEST_ARGS="-k grad -x"                 more arguments for pytest

PYTHON ?= python3
VENV ?= .venv
BENCH_VENV ?= .venv-bench
# One worker a core of the smallest machine that we support; `JOBS=auto` takes all of them.
JOBS ?= 2
PYTEST_ARGS ?=
BENCH_ARGS ?=
# Any requirement that pip takes. Where plain `torch` would bring gigabytes of CUDA, name a CPU build:
#   make bench BENCH_TORCH="torch==2.13.0+cpu"
BENCH_TORCH ?= torch==2.13.0

BIN := $(VENV)/bin
SOURCES := hodiff optimizers tests examples benchmarks docs
EXAMPLES := examples/01_curve_fit.py examples/02_custom_primitive.py examples/03_four_ways.py
# No display needed, and one BLAS thread a process: the workers share the cores already. Bytecode is kept, for the
# processes that tests start.
QUIET_ENV := MPLBACKEND=Agg OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=

.DEFAULT_GOAL := help
.PHONY: help demo test lint types format bench clean
# Two environments are never filled at once, nor one twice.
.NOTPARALLEL:

help:  ## list the targets
	@awk -F ':.*  ## ' '/^[a-z]+:.*  ## / { printf "make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.installed-test  ## run the examples; their figures go to examples/output/
	@set -e; for example in $(EXAMPLES); do \
	  echo "== $$example"; MPLBACKEND=Agg $(BIN)/python $$example; \
	done

test: $(VENV)/.installed-test  ## run all tests and doctests
	$(QUIET_ENV) $(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(PYTEST_ARGS)

lint: $(VENV)/.installed-dev  ## check format and style
	$(BIN)/ruff format --check $(wildcard $(SOURCES))
	$(BIN)/ruff check $(wildcard $(SOURCES))

types: $(VENV)/.installed-dev  ## check types
	$(BIN)/mypy

format: $(VENV)/.installed-dev  ## format the code and mend what can be mended mechanically
	$(BIN)/ruff check --fix-only $(wildcard $(SOURCES))
	$(BIN)/ruff format $(wildcard $(SOURCES))

bench: $(BENCH_VENV)/.installed  ## run the benchmarks against the peer libraries (BENCH_ARGS=compiled: one page)
	$(BENCH_VENV)/bin/python -m benchmarks $(BENCH_ARGS)

clean:  ## remove environments, caches, builds and figures
	rm -rf .venv .venv-* build dist examples/output .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# $(call make_venv,directory)
define make_venv
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else \
	  "hodiff needs Python 3.11 or later, and this is %d.%d: name another with PYTHON=..." % sys.version_info[:2])'
	$(PYTHON) -m venv $(1)
endef
PIP_INSTALL := bin/python -m pip install --quiet --disable-pip-version-check --no-input

# A stamp a set of extras: nothing is installed again until pyproject.toml changes.
$(VENV)/.installed-test $(VENV)/.installed-dev: $(VENV)/.installed-%: pyproject.toml
	$(call make_venv,$(VENV))
	$(VENV)/$(PIP_INSTALL) --editable ".[$*]"
	@touch $@

$(BENCH_VENV)/.installed: pyproject.toml
	$(call make_venv,$(BENCH_VENV))
	$(BENCH_VENV)/$(PIP_INSTALL) "$(BENCH_TORCH)"
	$(BENCH_VENV)/$(PIP_INSTALL) --editable ".[bench,test]"
	@touch $@
