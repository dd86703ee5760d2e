# vectors: built with PGXS; `make help` lists the targets.

MODULE_big = vectors
EXTENSION = vectors
DATA = $(wildcard sql/*.sql)

SOURCES_SIMD = $(sort $(wildcard src/simd/*.c))
SOURCES_ENGINE = $(sort $(wildcard src/engine/*.c))
SOURCES_PG = $(sort $(wildcard src/pg/*.c))
OBJS = $(SOURCES_SIMD:.c=.o) $(SOURCES_ENGINE:.c=.o) $(SOURCES_PG:.c=.o)

PG_CPPFLAGS = -Iinclude -Isrc/simd -MMD -MP
PG_CFLAGS = -std=gnu11 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -Wno-declaration-after-statement -fno-math-errno $(if $(WERROR),-Werror)
SHLIB_LINK += -Wl,--version-script=vectors.map -lxxhash -lpthread -lm
EXTRA_CLEAN = $(OBJS:.o=.d) $(OBJS:.o=.bc)

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

-include $(OBJS:.o=.d)
