/*
 * administration.h: what the functions for administrators share.
 */
#ifndef VECPG_ADMINISTRATION_H
#define VECPG_ADMINISTRATION_H

#include "postgres.h"

#include "storage/lockdefs.h"
#include "utils/rel.h"

/*
 * Opens an index of ours and its table, both with the lock; errors for what is none, for a partitioned one, for one that is not
 * ready, for another session's temporary one, and, before any lock, for who does not own it.
 */
extern Relation vecpg_administration_open(Oid index_oid, Relation *heap, LOCKMODE lock_mode);

/* The same under AccessShareLock for who may read the table, all of it. */
extern Relation vecpg_administration_open_readable(Oid index_oid, Relation *heap);

#endif
