/*
 * heap_read.h: the rows of the table that an index scan gives: their vectors, where they hold them, and their pages before the executor
 * fetches them.
 */
#ifndef VECPG_HEAP_READ_H
#define VECPG_HEAP_READ_H

#include "postgres.h"

#include "access/genam.h"
#include "column.h"

typedef struct VecpgHeapReader VecpgHeapReader;

typedef enum VecpgHeapResult {
    VECPG_HEAP_READ,
    VECPG_HEAP_INVISIBLE, /* to the scan's snapshot: no row to give */
    VECPG_HEAP_ELSEWHERE, /* the vector does not stand in the row as it is: the log has it */
} VecpgHeapResult;

/* Lives in CurrentMemoryContext, and must be closed unless the transaction fails. NULL: whoever scans fetches no rows. */
extern VecpgHeapReader *vecpg_heap_reader_open(IndexScanDesc scan, const VecpgLogMeta *meta);
extern void vecpg_heap_reader_close(VecpgHeapReader *reader); /* NULL is allowed */

/*
 * Whether rows seem to hold their vectors. Not if an expression is indexed, or vectors of their size are moved out of line, or a row
 * was found whose vector is; nor where the table's access method is not heap.
 */
extern bool vecpg_heap_reader_has_vectors(const VecpgHeapReader *reader);

/*
 * The vector of the row at tid, under the scan's snapshot, into *vector, which points into the row until it is released, before the next
 * call. The caller has made sure, after the snapshot was taken, that the row is not dead to the log: then the TID is not another's.
 */
extern VecpgHeapResult vecpg_heap_reader_fetch(VecpgHeapReader *reader, const ItemPointerData *tid,
                                               const VecpgColumn *column, VecpgVectorBytes *vector);
extern void vecpg_heap_reader_release(VecpgHeapReader *reader);

/* The executor will fetch this row next: saves it the look-up of the page. */
extern void vecpg_heap_reader_give(VecpgHeapReader *reader, const ItemPointerData *tid);

/*
 * Tells which rows will be read, so that memory latencies overlap: expect as soon as their TIDs are known, for some dozens, then expect_soon
 * a few rows ahead of each fetch. read_ahead begins to read a row's page from disk. A TID may be any number.
 */
extern void vecpg_heap_reader_expect(VecpgHeapReader *reader, const ItemPointerData *tid);
extern void vecpg_heap_reader_expect_soon(VecpgHeapReader *reader, const ItemPointerData *tid);
extern void vecpg_heap_reader_read_ahead(VecpgHeapReader *reader, const ItemPointerData *tid);

#endif
