# Regatta's commands. `make help` lists them. Everything sets itself up: see scripts/setup.sh.
SHELL := /bin/bash
PYTHON := .venv/bin/python
DB ?= sqlite
KILLS ?= 100
ONCE ?=
ONLY ?=
PUBLISH ?=

.DEFAULT_GOAL := help
.PHONY: chaos help setup demo run worker test check fix lock bench messages permissions screenshots

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install everything that is missing (virtual environment, Debian packages)
	@scripts/setup.sh

demo: setup ## Run the main job on real registries and stay up (ONCE=1: run it, check it, stop)
	@$(PYTHON) -m demo $(if $(ONCE),--once)

run: setup ## Run console and workers on this machine for development
	@REGATTA_DEBUG=true REGATTA_ALLOWED_NETWORKS=$${REGATTA_ALLOWED_NETWORKS:-127.0.0.0/8,::1/128} \
		$(PYTHON) manage.py serve

worker: setup ## Run the workers only
	@REGATTA_DEBUG=true REGATTA_ALLOWED_NETWORKS=$${REGATTA_ALLOWED_NETWORKS:-127.0.0.0/8,::1/128} \
		$(PYTHON) manage.py worker

test: setup ## Run all tests (DB=postgres: on PostgreSQL; ARGS="-k word": some of them)
	@REGATTA_TEST_DB=$(DB) $(PYTHON) -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

check: setup ## Lint, types, layers, migrations, deployment settings
	@scripts/check.sh

fix: setup ## Format and repair what can be repaired
	@$(PYTHON) -m ruff check --fix . && $(PYTHON) -m ruff format .

messages: setup ## Bring the Chinese catalogue up to date with the marked strings, and compile it
	@scripts/messages.sh

permissions: setup ## Write docs/reference/permissions.md anew from its table
	@$(PYTHON) -m tests.architecture.permissions

screenshots: setup ## Take a picture of every page in light, dark, narrow, Chinese (ARGS="rules logs": some; PUBLISH=1: docs/images, too)
	@$(PYTHON) -m tests.browser.screenshots $(ARGS) $(if $(PUBLISH),--publish)

lock: setup ## Write the lock files anew from pyproject.toml
	@scripts/lock.sh

bench: setup ## Print the benchmark table (ONLY=small,wan: a part)
	@$(PYTHON) -m bench $(if $(ONLY),--only $(ONLY))

chaos: setup ## Kill workers at random moments and look that nothing is lost (KILLS=100, DB=postgres)
	@REGATTA_TEST_DB=$(DB) $(PYTHON) -m tests.chaos --kills $(KILLS)
