/*
 * log.h: the log of rows: what the access method and the store do with it. log_format.h says how it looks.
 */
#ifndef VECPG_LOG_H
#define VECPG_LOG_H

#include "log_format.h"

#include "storage/bufmgr.h"
#include "storage/itemptr.h"
#include "utils/rel.h"

/* What an index stores, fixed when it is built. */
typedef struct VecpgLogShape {
    uint32 dimensions;
    uint16 element_type;
    uint16 metric;
    uint16 attribute_bytes;
    uint32 vector_bytes; /* of a row that is not NULL; 0 if it varies (sparse) */
    VecpgKeyLayout keys; /* what the attributes are */
} VecpgLogShape;

/* A row on its way into the log, or out of it. */
typedef struct VecpgLogEntry {
    uint64 position; /* out only */
    ItemPointerData tid;
    bool is_null;           /* there is no vector */
    const char *attributes; /* attribute_bytes of the log's shape */
    const char *vector;     /* elements, without a varlena header */
    uint32 vector_bytes;
} VecpgLogEntry;

/* ---- log.c: creation, META, append ---- */

/*
 * Writes the four pages of an empty log. INIT_FORKNUM: each is WAL-logged as a full image, which is what recovery
 * flushes before it copies the fork. MAIN_FORKNUM: written without WAL; the caller logs the whole fork when it is full.
 */
extern void vecpg_log_create(Relation index, ForkNumber fork, const VecpgLogShape *shape,
                             uint64 instance_nonce);

/* Copies META, of its map blocks those that are in use; XX002 if block 0 is none. */
extern void vecpg_log_meta_read(Relation index, VecpgLogMeta *meta);

/* What the index stores; remembered in the relation cache, so that an insert does not read META for it. */
extern VecpgLogShape vecpg_log_shape(Relation index);

/* The instance nonce; if META has none (an unlogged index after a crash), draws one and logs it. */
extern uint64 vecpg_log_nonce_ensure(Relation index);

/* Remembers that segments cover the positions below sealed_to; never goes back. Not in recovery. */
extern void vecpg_log_sealed(Relation index, uint64 sealed_to);

/* Appends a row, returns its position. logged = false only while CREATE INDEX fills a relation that nobody else sees. */
extern uint64 vecpg_log_append(Relation index, const VecpgLogEntry *entry, bool logged);

/* ---- log_read.c ---- */

typedef struct VecpgLogReader VecpgLogReader;

/* Reads META now; rows published later may or may not be seen. Lives in CurrentMemoryContext. strategy may be NULL. */
extern VecpgLogReader *vecpg_log_reader_open(Relation index, BufferAccessStrategy strategy);
extern void vecpg_log_reader_close(VecpgLogReader *reader);
extern const VecpgLogMeta *vecpg_log_reader_meta(const VecpgLogReader *reader);

/* The position after the last row that is published now, on the pages that META showed when the reader was opened. */
extern uint64 vecpg_log_reader_end(VecpgLogReader *reader);

/* The row at position if it is not dead. The entry's pointers live until the next call on this reader. */
extern bool vecpg_log_reader_fetch(VecpgLogReader *reader, uint64 position, VecpgLogEntry *entry);

/*
 * Says which rows are going to be fetched, so that their pages come into the CPU's caches meanwhile: first expect for some
 * dozens, then expect_soon a few rows ahead of each fetch. Neither reads anything that counts.
 */
extern void vecpg_log_reader_expect(VecpgLogReader *reader, uint64 position);
extern void vecpg_log_reader_expect_soon(VecpgLogReader *reader, uint64 position);

/* Begins to read the pages of a row from disk. After expect. False: its first page seems to be in shared buffers, and nothing was done. */
extern bool vecpg_log_reader_read_ahead(VecpgLogReader *reader, uint64 position);

/* Whether the row at position is there and not dead, now; from the directory alone. */
extern bool vecpg_log_reader_is_live(VecpgLogReader *reader, uint64 position);

/* Walks the rows of [from, to) that are not dead, ascending. */
extern void vecpg_log_reader_seek(VecpgLogReader *reader, uint64 from, uint64 to);
extern bool vecpg_log_reader_next(VecpgLogReader *reader, VecpgLogEntry *entry);

/* Rows on pages that are not retired. */
typedef struct VecpgLogCount {
    uint64 live;
    uint64 dead;
} VecpgLogCount;

/* How many rows of [from, to) there are; from the directory alone. */
extern VecpgLogCount vecpg_log_reader_count(VecpgLogReader *reader, uint64 from, uint64 to);

/* How many rows of [from, to) are not dead; from the directory alone. */
extern uint64 vecpg_log_reader_count_live(VecpgLogReader *reader, uint64 from, uint64 to);

/* Where [from, to) must be cut so that the first part has so many rows that are not dead, at least 1; to if there are no more. */
extern uint64 vecpg_log_reader_after_live(VecpgLogReader *reader, uint64 from, uint64 to, uint64 rows);

/* Is the row dead, retired or unknown? From the directory alone; cheap when called in ascending order. */
extern bool vecpg_log_reader_is_dead(VecpgLogReader *reader, uint64 position);

/* ---- log_vacuum.c ---- */

/* Sets the dead bits of count positions, which ascend. */
extern void vecpg_log_mark_dead(Relation index, const uint64 *positions, size_t count);

/*
 * Retires every page that only dead entries touch, puts their blocks on the free list, and frees directory pages in
 * order. Returns how many log pages it retired. One caller at a time: ShareUpdateExclusiveLock on the table or more.
 */
extern uint64 vecpg_log_retire(Relation index);

#endif
