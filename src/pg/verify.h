/*
 * verify.h: what the two halves of vectors_verify() share: a list of what is wrong, and a way to go on after an error.
 */
#ifndef VECPG_VERIFY_H
#define VECPG_VERIFY_H

#include "log_format.h"
#include "vectors/index.h"

/* One thing that is wrong. */
typedef struct VecpgProblem {
    char *object;
    char *text;
} VecpgProblem;

/* The rows of one segment in the order of the log. */
typedef struct VecpgSegmentCursor VecpgSegmentCursor;

typedef struct VecpgVerify {
    Relation index;
    MemoryContext context;       /* of the problems */
    List *problems;              /* VecpgProblem */
    uint64 unlisted;             /* problems beyond PROBLEMS_MAX */
    VecpgLogMeta meta;           /* as it was read before the log */
    VecIndex *segments;          /* NULL: none */
    VecpgSegmentCursor *cursors; /* one a segment */
} VecpgVerify;

extern void vecpg_verify_problem(VecpgVerify *verify, const char *object, const char *format, ...)
    pg_attribute_printf(3, 4);

/*
 * Runs action(argument) in a subtransaction; an error that tells of damage (classes XX and 58) becomes a problem of the object, and
 * false is returned. All other errors, a cancel above all, are raised.
 */
extern bool vecpg_verify_try(VecpgVerify *verify, const char *object, void (*action)(void *), void *argument);

/* ---- verify_log.c ---- */

/* Reads and checks META into verify->meta. False: there is nothing to start from. */
extern bool vecpg_verify_meta(VecpgVerify *verify);

/* Checks every page of the relation, and shows the rows to the functions below, by ascending position. */
extern void vecpg_verify_log(VecpgVerify *verify);

/* ---- verify.c, called by verify_log.c ---- */

/* A row that stands in the log, dead or not. */
extern void vecpg_verify_row(VecpgVerify *verify, uint64 position, const ItemPointerData *tid, bool is_null,
                             bool is_dead);

/* So many rows begin on the page. Comes before them; not for pages that are retired or damaged. */
extern void vecpg_verify_page(VecpgVerify *verify, uint64 page_number, uint16 slot_count);

#endif
