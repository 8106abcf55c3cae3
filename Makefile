# Two commands are enough: `make run` to see it work, `make test` to see that it still does.

PYTHON ?= python3

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test check bench faults hostile halfyear

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/ready-sandbox ## the demonstration: six channels, eight messages, six complaints, and a phone to try; no account, no set-up
	@.venv/bin/python -m sandbox

test: .venv/ready-dev ## every test
	.venv/bin/python -m pytest -n auto

check: .venv/ready-dev ## what must hold before a change goes in: style, types, import rules, every test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/python -m pytest -n auto

bench: .venv/ready-dev ## measure the intake on this machine
	.venv/bin/python -m bench

faults: .venv/ready-dev ## kill nodes, restart databases, cut connections; then count that nothing was lost (half an hour)
	.venv/bin/python -m bench.faults

hostile: .venv/ready-dev ## ten thousand hostile requests to each webhook (some minutes)
	.venv/bin/python -m bench.hostile

halfyear: .venv/ready-dev ## let half a year of complaints pass, judged at every step (half an hour)
	.venv/bin/python -m bench.halfyear

# One environment, grown as needed: `run` needs the sandbox only. A newer pip resolves in a third of the time of the one
# that Python brings, and byte code is left to the first import: together half a minute saved on the first run.
.venv/ready-%: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'Huiyin needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ...' >&2; exit 1; }
	@echo 'Making the environment .venv ($*), once ...'
	@test -x .venv/bin/pip || $(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --upgrade --constraint constraints.txt pip
	@.venv/bin/python -m pip install --quiet --no-compile --constraint constraints.txt --editable '.[$*]'
	@touch $@
