# The commands of the project. `make` alone lists them; the work is in scripts/.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run demo release test check e2e bench fuzz vendors

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build what changed and serve everything on http://127.0.0.1:8080 (SQLite in ./data)
	@scripts/run

demo: ## The same, filled with demonstration data and live simulated calls
	@scripts/run --demo

release: ## Build an optimised binary, dashboard included
	@scripts/release

test: ## Everything: format, lints, unit, integration and browser tests in both modes
	@scripts/test

check: ## The quick part of it: format, lints and unit tests, no servers
	@scripts/check

e2e: ## The browser tests alone, in both modes
	@scripts/e2e embedded
	@scripts/e2e distributed

bench: ## The benchmarks, optimised
	@scripts/bench

fuzz: ## Fuzz every parser and verifier (nightly toolchain and cargo-fuzz needed)
	@scripts/fuzz

vendors: ## Webhook verification against the vendors' own packages, COUNT requests each (downloads them)
	@scripts/vendors
