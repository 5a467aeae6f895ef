# Two commands do all set-up on a fresh machine: `make run` and `make test`.

CARGO ?= cargo
BIN := target/release/menshen

.PHONY: run build console test lint fmt e2e e2e-console screenshots e2e-assess e2e-redteam e2e-provenance e2e-signon e2e-api bench bench-micro fuzz clean help

run: build ## build the release binary and start the gateway
	$(BIN) serve

build: ## build the release binary
	$(CARGO) build --release --locked -p menshen

console: ## build the console's pages into the program (needs Node 20); then make run
	@# not `npm ci`: it refuses where a registry lacks the optional packages of other systems; versions are the lock file's all the same
	cd web/console && npm install --no-save --no-audit --no-fund && npm run build
	touch crates/console/build.rs

test: ## format, lints, every test; the console's pages in Chromium, where Node and Chromium are there
	CONSOLE_OPTIONAL=1 e2e/console/run.sh pages
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) test --locked --workspace
	CONSOLE_OPTIONAL=1 e2e/console/run.sh browser

e2e-console: ## the console's pages on the real program, in Chromium (needs Node 20 and Chromium)
	e2e/console/run.sh pages
	$(CARGO) build --locked -p menshen
	e2e/console/run.sh browser

screenshots: ## write docs/console/*.png from the real program (needs Node 20 and Chromium)
	e2e/console/run.sh pages
	$(CARGO) build --locked -p menshen
	e2e/console/run.sh pictures

e2e: build ## drive the gateway with the official clients and a real small model (needs Python 3.11)
	e2e/run.sh

e2e-assess: build ## assess scripted models and the real one; open the reports
	e2e/assess/run.sh

e2e-redteam: build ## attack the real model bare and guarded; attempts/s beside garak, PyRIT, promptfoo
	e2e/redteam/run.sh

e2e-provenance: build ## label real files of every format; other people's tools judge them; writes docs/provenance.md
	E2E_TABLE=docs/provenance.md e2e/provenance/run.sh

e2e-signon: build ## sign on at a real OpenID Connect provider in Chromium (needs Node 20)
	e2e/signon/run.sh

e2e-api: build ## Schemathesis over the OpenAPI document, headers of every page (needs Python 3.11, Node 20)
	e2e/api/run.sh

bench: build ## side by side with peers: requests/s, latency, CPU per request
	bench/run.sh

bench-micro: ## normaliser, keyword engine, PII, full inspection, decision
	$(CARGO) bench --locked -p menshen-text -p menshen-detect -p menshen-policy

fuzz: ## run every fuzz target for a minute (needs a nightly toolchain; installs cargo-fuzz)
	$(CARGO) fuzz --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-fuzz
	cd fuzz && for target in normalise decode sse policy judge redteam_formats bank_import provenance_documents provenance_image provenance_label provenance_media; do $(CARGO) +nightly fuzz run $$target -- -max_total_time=60 || exit 1; done

clean: ## remove build products
	$(CARGO) clean

help: ## this list
	@grep -E '^[a-z0-9-]+:.*##' Makefile | sed 's/:.*##/\t/'
