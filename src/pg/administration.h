/*
 * administration.h: what the functions for administrators share.
 */
#ifndef VECPG_ADMINISTRATION_H
#define VECPG_ADMINISTRATION_H

#include "postgres.h"

#include "storage/lockdefs.h"
#include "utils/rel.h"

/*
 * Opens an index of ours and its table, with a lock each; errors for what is none, for a partitioned one, for one that is not
 * ready, for another session's temporary one, for one that a standby has no pages of, and, before any lock, for who does not own it.
 */
extern Relation vecpg_administration_open(Oid index_oid, Relation *heap, LOCKMODE heap_lock_mode,
                                          LOCKMODE lock_mode);

/* The same under AccessShareLock for who may read the table, all of it. */
extern Relation vecpg_administration_open_readable(Oid index_oid, Relation *heap);

#endif
