# The developer's targets, for the Makefile above: tests, lint, demo, bench. No PGXS here.
#
# A line "## name: what" is what `make help` prints.

SHELL = /bin/bash
.SHELLFLAGS = -euo pipefail -c
MAJOR ?= 15
.PHONY: $(filter-out %-%,$(DEVELOPER_GOALS)) unit-tsan bench-kernels bench-engine

## all:        the extension for the PostgreSQL of PG_CONFIG (also: install, clean; distclean removes build/ too)
## help:       this list
help:
	@sed -n 's/^## //p' test/targets.mk

# ---- Tests against a throw-away server --------------------------------------------------------------------------

## regress:    SQL tests, test/sql against expected/; TESTS="name ..." runs those alone, MAJOR=18 another PostgreSQL
## isolation:  tests of concurrent sessions, test/specs; TESTS and MAJOR as above
## tap:        tests of crashes, recovery and standbys, test/t; TESTS as above
regress isolation tap:
	@test/run --major $(MAJOR) $@ $(TESTS)

# ---- Unit tests: engine and kernels, no PostgreSQL anywhere -----------------------------------------------------

UNIT_CC = gcc
# On x86 the NEON kernels are tested too, through SIMDe.
UNIT_NEON = $(if $(filter x86_64,$(shell uname -m)),-DVEC_SIMD_EMULATE_NEON)
UNIT_FLAGS = -std=gnu11 -O1 -g -Wall -Wextra -Wno-unused-parameter -Werror -fno-omit-frame-pointer -fno-math-errno \
	-Iinclude -Isrc/simd -Isrc/engine -Itest/unit -MMD -MP $(UNIT_NEON)
UNIT_SOURCES = $(SOURCES_SIMD) $(SOURCES_ENGINE)
UNIT_HELPERS = $(filter-out $(wildcard test/unit/test_*.c),$(wildcard test/unit/*.c))
UNIT_TESTS = $(patsubst test/unit/%.c,%,$(sort $(wildcard test/unit/test_*.c)))
FUZZ_TESTS = $(patsubst test/fuzz/%.c,%,$(sort $(wildcard test/fuzz/fuzz_*.c)))
SANITIZE_unit = -fsanitize=address,undefined -fno-sanitize-recover=all
SANITIZE_tsan = -fsanitize=thread

# $(1) = unit or tsan: objects of the two kinds lie apart.
define unit_rules
build/$(1)/%.o: %.c
	@mkdir -p $$(@D) && echo "  compile $(1) $$<"
	@$$(UNIT_CC) $$(UNIT_FLAGS) $$(SANITIZE_$(1)) -c -o $$@ $$<
build/$(1)/test_%: build/$(1)/test/unit/test_%.o $(patsubst %.c,build/$(1)/%.o,$(UNIT_SOURCES) $(UNIT_HELPERS))
	@$$(UNIT_CC) $$(SANITIZE_$(1)) -o $$@ $$^ -lcmocka -lpthread -lm
.SECONDARY: $(UNIT_TESTS:%=build/$(1)/test/unit/%.o) $(patsubst %.c,build/$(1)/%.o,$(UNIT_SOURCES) $(UNIT_HELPERS))
-include $(patsubst %.c,build/$(1)/%.d,$(UNIT_SOURCES) $(UNIT_HELPERS)) $(UNIT_TESTS:%=build/$(1)/test/unit/%.d) \
	$(FUZZ_TESTS:%=build/$(1)/test/fuzz/%.d)
endef
$(eval $(call unit_rules,unit))
$(eval $(call unit_rules,tsan))

## unit:       cmocka tests of src/engine and src/simd, and the fuzz corpora, with address and undefined-behaviour sanitizers; TESTS=test_name
unit: $(patsubst %,build/unit/%,$(or $(TESTS),$(UNIT_TESTS) $(FUZZ_TESTS)))
	@test/unit/run $^

## unit-tsan:  the same tests under the thread sanitizer; TESTS=test_name
unit-tsan: $(patsubst %,build/tsan/%,$(or $(TESTS),$(UNIT_TESTS)))
	@TSAN_OPTIONS=halt_on_error=1 test/unit/run $^

# ---- Fuzzing: whatever comes from outside, given to the engine as bytes -------------------------------------------

# What was once found stays in test/fuzz/corpus and is replayed by `make unit`.
FUZZ_SECONDS ?= 60

.SECONDARY: $(FUZZ_TESTS:%=build/unit/test/fuzz/%.o) build/unit/test/fuzz/replay.o
-include $(FUZZ_TESTS:%=build/unit/test/fuzz/%.d) build/unit/test/fuzz/replay.d
build/unit/fuzz_%: build/unit/test/fuzz/fuzz_%.o build/unit/test/fuzz/replay.o $(patsubst %.c,build/unit/%.o,$(UNIT_SOURCES))
	@$(UNIT_CC) $(SANITIZE_unit) -o $@ $^ -lpthread -lm
build/fuzz/fuzz_%: test/fuzz/fuzz_%.c $(UNIT_SOURCES)
	@mkdir -p $(@D) && echo "  compile fuzz $<"
	@clang $(filter-out -MMD -MP,$(UNIT_FLAGS)) -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		-o $@ $^ -lpthread -lm

## fuzz:       libFuzzer (clang), FUZZ_SECONDS (60) for each of test/fuzz/fuzz_*.c or for TESTS=fuzz_name
fuzz: $(patsubst %,build/fuzz/%,$(or $(TESTS),$(FUZZ_TESTS)))
	@for program in $^; do \
		name=$${program##*/fuzz_}; mkdir -p build/fuzz/corpus/$$name; \
		$$program -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 -artifact_prefix=build/fuzz/found_$${name}_ \
			build/fuzz/corpus/$$name test/fuzz/corpus/$$name; \
	done

# ---- Everything -------------------------------------------------------------------------------------------------

## lint:       format, clang-tidy, cppcheck, gcc and clang without a warning, layers, exports, scripts; lint-NAME for one
lint:
	@test/lint
lint-%:
	@test/lint $*

regress-%:
	@test/run --major $* regress $(TESTS)

## packages:   installs what the tests need (apt as root or by sudo; else says what to install)
packages:
	@test/install_packages check

## check:      packages, then every test: unit, lint, regress, isolation, tap, regress on PostgreSQL 18
check:
	@test/check

## check-long: what takes too long for check: 200 kills at random moments, standbys under minutes of load, 300,000 rows; VECTORS_SEED=number
check-long:
	@VECTORS_LONG=1 test/run --major $(MAJOR) tap $(or $(TESTS),025_memory 030_stop_points 031_random_crashes 040_standby_under_load)

# ---- To look at -------------------------------------------------------------------------------------------------

## demo:       loads real sentences into a private PostgreSQL, finds neighbours by meaning, measures recall and speed
demo:
	@test/install_packages demo
	@test/run /usr/bin/python3 bench/demo.py

## bench:      vectors beside pgvector on PostgreSQL 18, figures into bench/README.md; BENCH_DATA=directory, BENCH_FIGURES=...
BENCH_PYTHON = $(or $(VECTORS_PYTHON),build/venv/bin/python)
BENCH_CONF = shared_buffers = 1GB\nmaintenance_work_mem = 1GB\nmax_parallel_maintenance_workers = 2\nautovacuum = off\nfsync = on\nmax_wal_size = 16GB\ncheckpoint_timeout = 1h
bench: $(if $(VECTORS_PYTHON),,build/venv/bench)
	@VECTORS_CONF=$$(printf '$(BENCH_CONF)') test/run --major 18 $(BENCH_PYTHON) bench/bench.py
build/venv/bench: bench/requirements.txt
	@test/install_packages bench
	@[ -x build/venv/bin/python ] || python3 -m venv build/venv
	@build/venv/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

## bench-kernels: nanoseconds of every kernel on every instruction set of this machine; DIMENSIONS="100 384 ..."
bench-kernels: build/bench/kernels
	@$< $(DIMENSIONS)
build/bench/kernels: bench/engine/kernels.c $(SOURCES_SIMD) $(wildcard src/simd/*.h)
	@mkdir -p $(@D) && $(UNIT_CC) -std=gnu11 -O2 -Wall -Wextra -Werror -Iinclude -Isrc/simd -o $@ $(filter %.c,$^) -lm

## bench-engine: recall, time and bytes of the engine's search without a server, on BENCH_DATA; BENCH_OPTIONS="--ef 16,32 ..."; BENCH_PEERS=all: then of other libraries
bench-engine: build/bench/bench_engine $(if $(BENCH_PEERS),build/venv_peers/bench)
	@$< $(or $(BENCH_DATA),bench/data) $(BENCH_OPTIONS)
	@$(if $(BENCH_PEERS),build/venv_peers/bin/python bench/engine/peers.py $(or $(BENCH_DATA),bench/data) $(if $(filter-out all,$(BENCH_PEERS)),--systems $(BENCH_PEERS)))
build/venv_peers/bench: bench/engine/requirements.txt
	@test/install_packages bench
	@[ -x build/venv_peers/bin/python ] || python3 -m venv build/venv_peers
	@build/venv_peers/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@
build/bench/bench_engine: bench/engine/bench_engine.c $(UNIT_SOURCES) $(wildcard src/*/*.h include/vectors/*.h)
	@mkdir -p $(@D) && $(UNIT_CC) -std=gnu11 -O2 -g -fno-math-errno -Wall -Wextra -Werror -Iinclude -Isrc/simd -o $@ $(filter %.c,$^) -lpthread -lm
