# Needs only Python >= 3.11, git and make. `make` alone lists the targets.
# ARGS is handed to pytest: make test ARGS="-k tokens -x"
.DEFAULT_GOAL := help
.PHONY: help setup deps demo test test-long adversary honest check bench ci clean tools-there
BIN := .venv/bin
STAMP := .venv/.stamp
PYTEST := $(BIN)/pytest $(ARGS)
# Much of the suite waits for processes and disks: two workers a core. A file stays with one of
# them, because its tests share a house.
WORKERS ?= $(shell echo $$((2 * $$(nproc 2>/dev/null || echo 2))))

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: $(STAMP) ## make .venv with everything for development

# Instant when nothing changed; only pyproject.toml decides what is installed.
$(STAMP): pyproject.toml tools/setup.sh
	@sh tools/setup.sh

deps: ## install the system's tools (bubblewrap, strace, …), or say how
	@sh tools/deps.sh install

# Before demo and test: get the tools if we may, name those still missing and their cost.
tools-there:
	@sh tools/deps.sh try

demo: tools-there setup ## honest work gets through, what a cheating agent tries does not
	@$(BIN)/interlock demo

test: tools-there setup ## the test suite, without what takes minutes
	@$(PYTEST) -n $(WORKERS) --dist loadfile -m "not long"

test-long: tools-there setup ## only what takes minutes
	@$(PYTEST) -m long --timeout=3600

adversary: tools-there setup ## agents that try to get around the rules
	@sh tools/suite.sh tests/adversary $(PYTEST) tests/adversary --timeout=3600

honest: tools-there setup ## releases of real packages, replayed: honest work gets through
	@$(BIN)/python -m tests.honest $(or $(ARGS),--write)

check: setup ## lint, format, types, import contracts
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: setup ## measure what has a budget
	@sh tools/suite.sh bench $(BIN)/python -m bench

ci: ## everything, as a CI service runs it
	@sh tools/ci.sh

clean: ## remove what was made here, .venv included
	rm -rf .venv build dist .hypothesis .*_cache .coverage* htmlcov
	find src tests tools -name __pycache__ -prune -exec rm -rf {} +
