# Every target is one line that calls Python, so that nothing depends on a shell.
PYTHON ?= python3
BIN := .venv/bin
LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links

.DEFAULT_GOAL := help

.PHONY: help
help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/installed: requirements-dev.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch .venv/installed

.PHONY: setup
setup: .venv/installed ## Install everything into .venv

.PHONY: demo
demo: setup ## Start the demo: database, three cities, http://127.0.0.1:8000, until Ctrl-C
	$(BIN)/credit demo

.PHONY: test
test: setup ## Run every test that needs no browser
	$(BIN)/pytest -n 2 $(TESTS)

.PHONY: test-browser
test-browser: test ## Run every test, those in a real Chromium too
	$(BIN)/pytest -n 2 -m browser tests/browser

.PHONY: lint
lint: setup ## Check style, types, imports and spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell src tests docs README.md CONTRIBUTING.md CHANGELOG.md

.PHONY: fmt
fmt: setup ## Format the code
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

.PHONY: bench
bench: setup ## Measure what docs/benchmarks.md records; prints ratios within this run
	$(BIN)/python -m bench

.PHONY: soak
soak: setup ## Run the tests of faults, races and state machines for SOAK_MINUTES (10)
	$(BIN)/python -m bench.soak $(or $(SOAK_MINUTES),10)

.PHONY: screenshots
screenshots: setup ## Take pictures of every page: the guide's, and all of them in var/screenshots
	$(BIN)/python docs/take_screenshots.py var/screenshots

.PHONY: docs
docs: setup ## Write the documents that are made from code
	$(BIN)/credit openapi > docs/api/openapi.json
	$(BIN)/credit rules schema > docs/api/rule-pack.schema.json

.PHONY: translations
translations: setup ## Bring the English catalogue up to the texts of the pages; new ones wait to be translated
	$(BIN)/pybabel -q extract -F babel.cfg -k marked -k say -k marked_as:1c,2 --no-location --sort-output --project=credit -o .venv/credit.pot src/credit
	$(BIN)/pybabel -q update --no-fuzzy-matching --ignore-obsolete --omit-header -i .venv/credit.pot -d src/credit/web/locale -l en -D credit

.PHONY: lock
lock: ## Pin every dependency with its hashes again, in files that name no registry
	$(PYTHON) -m venv .venv/lock
	.venv/lock/bin/python -m pip install --quiet --disable-pip-version-check uv
	.venv/lock/bin/uv pip compile $(LOCK) pyproject.toml -o requirements.txt
	.venv/lock/bin/uv pip compile $(LOCK) pyproject.toml --extra dev -o requirements-dev.txt
