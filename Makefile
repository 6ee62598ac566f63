# `make book` and `make test` need Python 3.11 or newer and make; everything else goes into .venv.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: book pdf test lint serve bench clean help

help:
	@echo "make book | pdf | test | lint | serve | bench | clean"

$(INSTALLED): requirements.txt pyproject.toml .ci/constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "latentsep needs Python 3.11 or newer, this is " + sys.version)'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

book: $(INSTALLED)
	$(BIN)/latentsep build

pdf: book
	$(BIN)/latentsep pdf

test: $(INSTALLED)
	$(BIN)/python -m pytest

lint: $(INSTALLED)
	$(BIN)/ruff check src tests .ci
	$(BIN)/ruff format --check src tests .ci
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/mypy
	@for page in $$(grep -l '{code-cell}' book/*.md); do \
	  $(BIN)/jupytext --quiet --to py:percent -o - $$page \
	  | $(BIN)/ruff check --quiet --ignore E402,B018,F704,E501,I001 --stdin-filename $$page.py - || exit 1; \
	done
	@if command -v node >/dev/null; then \
	  for script in src/latentsep/figures/assets/*.js; do node --check $$script || exit 1; done; \
	else echo "node is not here: scripts are not checked"; fi

serve: book
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html 8000

bench: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c .ci/constraints.txt -e '.[bench]'
	$(BIN)/python tests/bench.py

clean:
	rm -rf _build .venv .pytest_cache .ruff_cache .hypothesis src/latentsep.egg-info
