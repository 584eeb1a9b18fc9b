# Ægir: what a developer or a build machine runs. `make help` lists the targets.

# rustup puts cargo here; a shell that was open before does not know it yet.
export PATH := $(PATH):$(HOME)/.cargo/bin
SHELL := /bin/bash
CARGO ?= cargo
# SETUP=no leaves the machine's packages alone.
SETUP ?= yes
.DEFAULT_GOAL := help
# make run: where the home lies, and what is wished of the first site (see `aegir up --help`).
HOME_DIR ?= ./var
.PHONY: help setup setup-tests build run test test-browser test-drupal test-api proofs bench tidy fmt deny

help: ## lists these targets
	@sed -n -E 's/^([a-z-]+):.*## (.*)$$/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 22

setup: ## installs what this machine lacks; starts no service
ifneq ($(SETUP),no)
	@scripts/setup
endif

build: setup ## builds the program, target/release/aegir
	$(CARGO) build --release --locked -p aegir

# The last line, so that Ctrl-C is the program's and not make's.
run: build ## one command to a Drupal site: PLATFORM=DIR HTTP=apache DB=sqlite PHP=/usr/bin/php8.2 LISTEN=ADDRESS DOMAIN=NAME PANEL=ADDRESS:PORT DETACH=yes
	@exec target/release/aegir up --home "$(HOME_DIR)" \
	  $(if $(PLATFORM),--platform "$(PLATFORM)") $(if $(HTTP),--http "$(HTTP)") $(if $(DB),--db "$(DB)") \
	  $(if $(PHP),--php "$(PHP)") $(if $(LISTEN),--listen "$(LISTEN)") $(if $(DOMAIN),--domain "$(DOMAIN)") \
	  $(if $(PORT),--port "$(PORT)") $(if $(REGISTRY),--registry "$(REGISTRY)") $(if $(PANEL),--panel "$(PANEL)") $(if $(API),--api "$(API)") $(if $(DETACH),--detach)

setup-tests: setup ## installs what the tests of the panel need besides: a browser, and what drives it
ifneq ($(SETUP),no)
	@AEGIR_PACKAGES_TABLE=scripts/packages-tests.table scripts/setup
endif

test: setup-tests ## format, lints, all tests; ends with `N passed, N failed`
	@scripts/test

test-browser: setup-tests ## the panel in Chromium; pictures of every page in target/screenshots
	@scripts/test browser

test-drupal: setup ## the stories on every Drupal tree in AEGIR_TEST_PLATFORMS
	@if [ ! -d "$(AEGIR_TEST_PLATFORMS)" ]; then \
	  echo "test-drupal: AEGIR_TEST_PLATFORMS names no folder of Drupal trees" >&2; \
	  echo "how to fix it: AEGIR_TEST_PLATFORMS=/srv/drupal make test-drupal, with a tree in each folder below it" >&2; \
	  exit 2; \
	fi
	@scripts/test drupal

test-api: ## the API against requests that nobody thought of (schemathesis, from PyPI); about three minutes
	@scripts/test-api

proofs: setup ## every failure and every kill of every task, on the real stack too
	@AEGIR_PROOFS=all scripts/test proofs

bench: setup ## the goals as figures, on the trees of AEGIR_TEST_PLATFORMS if it is set; BENCH=all: builds and tests too
	@case "$(PART)" in hosting|panel) ;; *) $(CARGO) bench --locked --quiet -p aegir --bench figures -- $(PART);; esac
	@case " $(PART) " in "  "|*" hosting "*) $(CARGO) bench --locked --quiet -p aegir-hosting --bench figures;; esac
	@case " $(PART) " in "  "|*" panel "*) $(CARGO) bench --locked --quiet -p aegir --bench pages;; esac

tidy: ## the house rules alone, in a second
	@$(CARGO) xtask tidy

fmt: ## formats the code
	$(CARGO) fmt --all

deny: ## licences, advisories and forbidden crates, where cargo-deny is at hand
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
	  $(CARGO) deny check; \
	else \
	  echo "deny: skipped, cargo-deny is not installed (cargo install --locked cargo-deny@0.20.2)"; \
	fi
