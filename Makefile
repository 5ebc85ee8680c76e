# The two commands: `make run` starts Formwork, `make test` checks everything. Both set themselves up.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.PHONY: run test story bench chaos fuzz lint policy sqlx sqlx-check fixture

run: ## Build what changed and start Formwork on http://127.0.0.1:8080
	@.ci/setup run
	source .ci/env
	build_web
	cargo build --release --locked -p app -p model-worker
	exec .ci/start

test: ## Everything that CI checks
	@.ci/setup test
	exec .ci/test

story: ## Both examples end to end with the small real model and a browser
	@.ci/setup test
	exec .ci/story

bench: ## Figures beside their baselines; writes target/bench.json
	@.ci/setup test
	exec .ci/bench

chaos: ## Kills the real programs and their database at random for CHAOS_SECONDS (600); CHAOS_SEED repeats an order of strikes
	@.ci/setup test
	source .ci/env
	cargo build --locked --workspace --bins
	CHAOS_SECONDS=$${CHAOS_SECONDS:-600} cargo test --locked --workspace --test it -- --nocapture --exact chaos::whatever_dies_what_anybody_was_told_stays_true

fuzz: ## Made-up templates, values, pictures and e-invoices for FUZZ_SECONDS (600): by cargo-fuzz where it is, else as `make test` does
	@exec .ci/fuzz $${FUZZ_SECONDS:-600} $${FUZZ_SEED:-$$RANDOM} deep

lint: ## Formatting, lints and types, of the server and of the web
	@source .ci/env
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	install_web
	(cd web && npm run --silent lint && npm run --silent typecheck && npm run --silent api -- --check)

policy: ## Licences, sources and use of dependencies, snapshots, container files
	@exec .ci/policy

sqlx: ## Refresh the committed query metadata after a change in SQL
	@.ci/sqlx-prepare

sqlx-check: ## Fail when the committed query metadata is stale
	@source .ci/env
	.ci/sqlx-prepare --check cargo build -q --workspace --all-targets --locked

fixture: ## Make tests/fixtures/release-2.sql.gz anew; only until that release is out
	@.ci/setup test
	source .ci/env
	cargo run --quiet -p formwork-tests --example release
