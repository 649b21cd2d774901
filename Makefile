# What a person types. The build itself is meson's (meson.build); tests are run by tools/run-tests.
#
#   make run    installs what is missing, builds, starts a region on this machine
#   make test   installs what is missing, builds with sanitizers, runs every test
#
# ARGS is passed on: make run ARGS='--management-clusters 2 --dir /tmp/region'

CC_CACHED := $(shell command -v ccache >/dev/null 2>&1 && echo 'ccache gcc' || echo gcc)
MESON_SETUP = CC="$(CC_CACHED)" meson setup
ARGS ?=

.PHONY: run build test contract lint tsan fuzz soak bench install clean deps test-deps

run: build
	@build/reeve up $(ARGS)

build: deps
	@test -f build/build.ninja || $(MESON_SETUP) build -Dbuildtype=release -Dtests=false -Dwerror=false >/dev/null
	@ninja -C build --quiet

# Packages for building and running; for testing. Each names what it is about to install.
deps:
	@tools/install-deps build
test-deps:
	@tools/install-deps build test

test: test-deps
	@tools/run-tests

# CLM's API contract at any base URL: make contract URL=http://127.0.0.1:8000. Without URL, at one that is
# started. ARGS goes to pytest: --without-reeve leaves out what only Reeve has, --store postgres.
contract: $(if $(URL),,build) test-deps
	@tools/test-python -m pytest -q -p no:cacheprovider tests/contract $(if $(URL),--base-url $(URL)) $(ARGS)

lint: test-deps
	@tools/lint.py

# Data races: a region and the unit tests of threads, built with ThreadSanitizer.
tsan: test-deps
	@tools/run-tsan

# Each fuzz target for FUZZ_SECONDS (default 60), from its corpus.
fuzz: test-deps
	@tools/run-fuzz

# Faults for SOAK_SECONDS (default 600) per scenario with SOAK_SEED (default: the time, printed).
soak: build test-deps
	@tools/run-soak

# Ratios against floors measured in the same run; writes docs/benchmarks.md.
bench: build test-deps
	@tools/run-bench

install: build
	@meson install -C build

clean:
	rm -rf build build-*
