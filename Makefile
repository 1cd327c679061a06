# Plain `make` lists what there is.

PYTHON ?= python3
WHAT ?= files
FUZZ ?= $(notdir $(wildcard tests/fuzz/corpus/*))
FOR ?= 300
BIN := .venv/bin
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: help sweep demo check test exe release lint fuzz bench mutate lock sources clean

help:
	@echo 'make sweep   set up and sweep this host (ARGS="…" are passed on; ARGS=--help lists them)'
	@echo 'make demo    plant harmless traces in a temporary folder, sweep it, and show what a hit looks like'
	@echo 'make check   ruff, mypy, and the tests that need nothing but Python (WHAT=ntfs: of that folder alone)'
	@echo 'make test    set up everything, Wine and the exe included, and pass every test'
	@echo 'make exe     build the Windows exe (here under Wine)'
	@echo 'make release the exe, the zip and what proves them, into dist/release (SIGN="…" signs; docs/verify-a-release.md)'
	@echo 'make lint    ruff and mypy --strict'
	@echo 'make fuzz    fuzz the readers of NTFS for longer (FUZZ=one target, FOR=seconds of each)'
	@echo 'make bench   side-by-side measurements (WHAT=engine, event_logs, files, hashing, large_packs, nice, ntfs, remembered, windows_image, live_host, collector, storm, cluster, behind or pages)'
	@echo 'make mutate  small changes of the code that no test notices (WHAT=findings)'
	@echo 'make lock    pin anew what the exe and the tests install (ARGS=--upgrade: to the newest)'
	@echo 'make sources download the Debian source packages whose test data some tests need (tests/sources.txt)'
	@echo 'make clean   remove what these made'

sweep: .venv/run.stamp
	@$(BIN)/python -m agent live --exit-zero $(ARGS)

demo: .venv/run.stamp
	@$(BIN)/python -m tests.demo

# What a change is tried by all the time; needs no Wine, server or browser.
check: .venv/test.stamp
	@$(BIN)/ruff check . && $(BIN)/ruff format --check --quiet . && $(BIN)/mypy
	@$(BIN)/python -m pytest -n 2 -p no:schemathesis -m "not (slow or wine or server or browser)" $(if $(filter command line,$(origin WHAT)),$(wildcard tests/agent/$(WHAT) tests/collector/$(WHAT) tests/$(WHAT))) $(ARGS)

test: .venv/test.stamp .cache/packages.stamp .cache/sources.stamp .cache/syslog-ng.stamp .cache/npm.stamp
	$(BIN)/python build/build_exe.py
	@$(BIN)/python -m coverage erase
	COVERAGE_WINE=1 $(BIN)/python -m coverage run -m pytest -n 2 --dist loadgroup $(ARGS)
	@$(BIN)/python -m coverage combine --quiet --keep
	@$(BIN)/python -m coverage report --skip-covered --include='agent/*' --fail-under=92
	@# Processes that are killed leave nothing to count.
	@$(BIN)/python -m coverage report --skip-covered --include='collector/*' --fail-under=96

exe: .venv/test.stamp .cache/packages.stamp
	$(BIN)/python build/build_exe.py $(ARGS)

release: .venv/test.stamp .cache/packages.stamp
	@$(BIN)/python build/release.py $(ARGS)

lint: .venv/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fuzz: .venv/test.stamp
	@for target in $(FUZZ); do \
	  echo "== $$target, $(FOR) s"; \
	  $(BIN)/python -m tests.fuzz.run $$target -max_total_time=$(FOR) -print_final_stats=1 || exit 1; \
	done

bench: .venv/test.stamp .cache/bench-packages.stamp
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r tests/bench/requirements.txt
	$(BIN)/python -m tests.bench.$(WHAT) $(ARGS)

.venv/run.stamp: setup.cfg pyproject.toml
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

# The newest that setup.cfg allows for those who sweep; what was tried, with its hashes, for tests.
.venv/test.stamp: setup.cfg pyproject.toml requirements/tests.lock
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/tests.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch .venv/run.stamp $@

# What Debian has to bring for the tests and for the benches; asks for nothing when all of it is there.
.cache/packages.stamp: build/wine/packages.txt tests/packages.txt
.cache/bench-packages.stamp: tests/bench/packages.txt
.cache/packages.stamp .cache/bench-packages.stamp:
	@mkdir -p .cache
	@missing=$$(for p in $$(sed 's/#.*//' $^); do dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q ' installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
	  $(SUDO) apt-get update -q && \
	  DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -q --no-install-recommends $$missing; \
	fi
	@touch $@

# The system's lists of packages stay as they are: these are asked for sources alone.
.cache/sources.stamp: tests/sources.txt
	@mkdir -p .cache/sources/lists/partial
	@apt-get indextargets --format '$$(REPO_URI) $$(RELEASE) $$(ORIGIN)' 'Created-By: Packages' 'Component: main' | \
	awk '$$3 == "Debian" && $$2 !~ /-/ {print "deb-src", $$1, $$2, "main"}' | sort -u > .cache/sources/sources.list
	@cd .cache/sources && set -- -q -o Dir::Etc::sourcelist=$$PWD/sources.list -o Dir::Etc::sourceparts=- -o Dir::State::lists=$$PWD/lists && \
	apt-get "$$@" update && \
	for package in $$(sed 's/#.*//' $(CURDIR)/$<); do apt-get "$$@" --download-only --tar-only source $$package || exit 1; done
	@touch $@

# Debian's syslog-ng and rsyslog exclude each other: one is installed, the other unpacked.
.cache/syslog-ng.stamp: .cache/packages.stamp
	@mkdir -p .cache/syslog-ng
	@$(SUDO) apt-get update -q
	@cd .cache/syslog-ng && apt-get download -q $$(apt-get install --simulate --no-install-recommends syslog-ng-core | awk '/^Inst/ {print $$2}') && \
	for package in *.deb; do dpkg -x $$package . || exit 1; done
	@touch $@

# npm and a node come from PyPI. `npm ci` refuses what has not the hash that is pinned.
.cache/npm/client/bin/npm: requirements/npm.lock
	@$(PYTHON) -m venv .cache/npm/client
	@.cache/npm/client/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.cache/npm.stamp: .cache/npm/client/bin/npm tests/npm/.npmrc tests/npm/package.json tests/npm/package-lock.json
	@cp $(filter tests/%,$^) .cache/npm
	@cd .cache/npm && client/bin/npm ci --cache cache --loglevel=error
	@touch $@

LOCK := .cache/lock/bin/uv pip compile --quiet --python-version 3.11 --generate-hashes --custom-compile-command 'make lock' $(ARGS)

lock:
	@$(PYTHON) -m venv .cache/lock
	@.cache/lock/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(LOCK) --python-platform windows setup.cfg build/requirements.txt -o requirements/exe.lock
	$(LOCK) --universal setup.cfg --extra collector --extra offline --extra cluster --extra test -o requirements/tests.lock
	$(LOCK) --universal tests/npm/requirements.txt -o requirements/npm.lock
	@$(MAKE) --no-print-directory .cache/npm/client/bin/npm
	cd tests/npm && $(CURDIR)/.cache/npm/client/bin/npm install --package-lock-only --cache $(CURDIR)/.cache/npm/cache

mutate: .venv/test.stamp
	$(BIN)/python -m tests.mutation.run $(if $(filter command line,$(origin WHAT)),$(WHAT),findings) $(ARGS)

sources: .cache/sources.stamp

clean:
	rm -rf .venv .cache dist .coverage* *.egg-info
