# make demo and make test are all a newcomer needs; both set everything up on a fresh machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# pip, not uv: with constraints.txt it takes the CPU build of torch where one is offered.
# Each runs whole test modules, with parsers and models of its own: about 1 GB. Many wait: for servers, kills, time limits.
TESTERS ?= 3
INSTALL := $(PIP) install --quiet --no-compile --constraint constraints.txt
# pip would compile on one processor; what nobody compiles is compiled by each process anew where none may write it, as in many
# containers. Some packages bring templates that are no Python: their complaints say nothing.
COMPILE := $(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo test check audit bench clean

setup: $(VENV)/.dev  ## everything for development

demo: $(VENV)/.run  ## a small company's memory, served on this machine
	$(BIN)/mneme demo

test: $(VENV)/.dev  ## checks and tests; says what it left out
	@$(MAKE) --no-print-directory check
	$(BIN)/python -m pytest -q --durations=10 --numprocesses=$(TESTERS) --dist=loadfile --no-loadscope-reorder

check: $(VENV)/.dev  ## style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: $(VENV)/.dev  ## known holes in the packages, by PyPI's database; fails where that cannot be asked
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip --disable-pip-version-check install --quiet pip-audit
	$(PIP) list --format=freeze --exclude-editable > $(VENV)/audit/packages.txt
	$(VENV)/audit/bin/pip-audit --strict --progress-spinner=off --no-deps --disable-pip -r $(VENV)/audit/packages.txt

bench: $(VENV)/.dev  ## the figures of bench/README.md
	$(BIN)/python bench/folder.py
	$(BIN)/python bench/index.py
	$(BIN)/python -m bench.query

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(INSTALL) --editable .
	@$(COMPILE)
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(INSTALL) --editable ".[dev]"
	@$(COMPILE)
	@touch $@ $(VENV)/.run

clean:  ## remove what was installed and built
	rm -rf $(VENV) build dist *.egg-info
