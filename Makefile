# Needs Python 3.11, 3.12 or 3.13 and make; everything else goes into .venv.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' >/dev/null 2>&1 \
	&& { echo $$p; break; }; done)
WORKERS ?= 2
BIN := .venv/bin
STAMP := .venv/.installed
DOCS_STAMP := .venv/.installed-docs

.PHONY: demo test lint format docs smoke clean
.DEFAULT_GOAL := demo

demo: $(STAMP)
	@$(BIN)/kerasnas demo

# One thread a worker: two workers on two cores then do not get in each other's way.
test: export OMP_NUM_THREADS = 1
test: export TF_NUM_INTRAOP_THREADS = 1
test: export TF_NUM_INTEROP_THREADS = 1
test: export TF_CPP_MIN_LOG_LEVEL = 2
test: $(STAMP)
	@env -u PYTHONHASHSEED $(BIN)/python -m pytest -n $(WORKERS) --maxprocesses $(WORKERS) --dist worksteal $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Material for MkDocs prints a notice about its own future: it is no warning of this site.
docs: export NO_MKDOCS_2_WARNING = 1
docs: $(DOCS_STAMP)
	$(BIN)/mkdocs build --clean

# Python 3.12 and 3.13, where they are here: the wheel and the source archive install and work.
smoke:
	@.ci/smoke

clean:
	rm -rf .venv build dist site .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is older than pyproject.toml whenever what is installed may no longer be what is declared.
$(STAMP): pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 was not found. Name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing what kerasnas needs into .venv (the first time takes some minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,plots,parquet,ray]'
	@touch $@

$(DOCS_STAMP): $(STAMP)
	@echo "Installing what the documentation needs into .venv"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	@touch $@
