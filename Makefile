# Needs only Python >= 3.11, git and make. `make` alone lists the targets.
.DEFAULT_GOAL := help
.PHONY: help setup
STAMP := .venv/.stamp

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: $(STAMP) ## make .venv with everything for development

$(STAMP): pyproject.toml tools/setup.sh
	@sh tools/setup.sh
