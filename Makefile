# Two commands matter: `make check` and `make test`. Both set everything up in .venv first; see README.md.
PYTHON_BIN := .venv/bin/python
PYTEST     := $(PYTHON_BIN) -m pytest
WORKERS    ?= 2
SPECS      ?= specs

.PHONY: help setup check test prove refine bench docs nightly lint fmt clean
.DEFAULT_GOAL := help

help:            ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup:           ## make .venv with the pinned dependencies (repeats only when they change)
	@sh .ci/setup

check: setup     ## check every specification and run every flaw; one table at the end
	@$(PYTHON_BIN) -m pyspec check --flaws $(SPECS)

test: setup lint ## lint, types, all tests
	@$(PYTEST) -n $(WORKERS) -m "not slow and not bench and not redis_tools"

lint: setup      ## ruff, formatting, strict types
	@$(PYTHON_BIN) -m ruff check -q .
	@$(PYTHON_BIN) -m ruff format -q --check .
	@$(PYTHON_BIN) -m mypy --no-error-summary

fmt: setup       ## format Python and specifications
	@$(PYTHON_BIN) -m ruff check -q --fix . ; $(PYTHON_BIN) -m ruff format -q .
	@$(PYTHON_BIN) -m pyspec fmt $(SPECS)

bench: setup     ## measure the engines against hand-written C (and SPIN, if installed)
	@$(PYTEST) -m bench tests/bench -s

nightly: setup   ## everything, with the slow tests and the deep models
	@sh .ci/redis-tools
	@PYSPEC_RANDOM=10000 PYSPEC_RANDOM_SPECS=2000 PYSPEC_RANDOM_BOUNDED=1000 $(PYTEST) -n $(WORKERS) -m "not bench"

PROVED := fenced_lock pbft_certificates two_phase_commit voting paxos raft_core
# whose refinement is left to the search of their models, or that have none
LOGS   := multi_voting replica_set zab_core redis_lock redlock galera crdt_set crdt_map multi_value_register

prove: setup     ## prove what is claimed for any number of nodes (docs/decisions/proofs.md)
	@$(PYTHON_BIN) -m pyspec prove --no-search $(PROVED:%=specs/%.pspec)
	@$(PYTHON_BIN) -m pyspec prove --no-search --no-refinement $(LOGS:%=specs/%.pspec)
	@$(PYTHON_BIN) -m pyspec prove --no-search --laws $(SPECS)

refine: setup    ## hold the implementations against their specifications (a few minutes)
	@for p in raft redis_lock crdt_set; do $(PYTHON_BIN) -m refinement campaign $$p --seconds 45 || exit 1; done

docs: setup      ## build the documentation site (site/html); fails if a generated page was out of date
	@$(PYTHON_BIN) -c 'import furo, myst_parser, sphinx' 2>/dev/null || $(PYTHON_BIN) -m pip --quiet \
	  --disable-pip-version-check install --no-build-isolation -c requirements.lock -e '.[docs]'
	@$(PYTHON_BIN) docs/site/build.py

clean:           ## remove everything that is not in the repository, .venv included
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis dist site
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
