# vectors: built with PGXS; `make help` lists the targets.
#
# What builds and installs the extension is here. The developer's targets (tests, lint, demo, bench) are in
# test/targets.mk, which never sees PGXS: so the unit tests cannot see a header of PostgreSQL.

MODULE_big = vectors
EXTENSION = vectors

# The source directory: "./", or elsewhere when the objects of another major are built out of it.
HERE := $(dir $(lastword $(MAKEFILE_LIST)))
sources = $(patsubst $(HERE)%,%,$(sort $(wildcard $(HERE)$(1))))

DATA = $(call sources,sql/*.sql)
SOURCES_SIMD = $(call sources,src/simd/*.c)
SOURCES_ENGINE = $(call sources,src/engine/*.c)
SOURCES_PG = $(call sources,src/pg/*.c)
OBJS = $(SOURCES_SIMD:.c=.o) $(SOURCES_ENGINE:.c=.o) $(SOURCES_PG:.c=.o)

DEVELOPER_GOALS = help check check-long lint lint-% unit unit-tsan regress regress-% isolation tap fuzz demo bench bench-kernels bench-engine packages
ifneq ($(filter $(DEVELOPER_GOALS),$(MAKECMDGOALS)),)
include $(HERE)test/targets.mk
else

PG_CPPFLAGS = -I$(HERE)include -I$(HERE)src/simd
# Not among the flags of the bitcode compiler: it would write the same .d files at the same time.
PG_CFLAGS = -MMD -MP -std=gnu11 -g -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -Wno-declaration-after-statement -fno-math-errno $(if $(WERROR),-Werror)
SHLIB_LINK += -Wl,--version-script=$(HERE)vectors.map -lpthread -lm
EXTRA_CLEAN = $(OBJS:.o=.d) $(OBJS:.o=.bc)

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# PostgreSQL remembers the warnings of the compiler that built it; this one may be older.
override CFLAGS := $(filter-out -Wmissing-variable-declarations,$(CFLAGS))

# Encoding and rotating are plain loops, which compilers vectorize if they are asked to; nobody looks at floating-point exceptions.
src/engine/quantize.o src/engine/rotate.o: override CFLAGS += $(CFLAGS_VECTORIZE) -fno-trapping-math

# With VPATH set, make would take another major's object out of the source directory for its own.
VPATH =
vpath %.c $(HERE)
vpath %.control $(HERE)
vpath %.sql $(HERE)
$(shell mkdir -p $(sort $(dir $(OBJS))))

-include $(OBJS:.o=.d)

distclean: remove-build
remove-build:
	rm -rf build
.PHONY: remove-build
endif
