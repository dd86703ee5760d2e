/*
 * log_hint.h: guesses where pages of the log are in shared buffers. Private to the files of the log.
 */
#ifndef VECPG_LOG_HINT_H
#define VECPG_LOG_HINT_H

#include "postgres.h"

#include "storage/buf.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

/* Pins a block that is, or was not long ago, the log page of this number; not locked, and to be identified by the caller. */
extern Buffer vecpg_log_hint_read_page(Relation index, BlockNumber block, uint64 page_number);

/*
 * The same for a directory page, whose block is a guess too. InvalidBuffer if there is none: then the map says where it is,
 * and vecpg_log_hint_found_directory remembers it. The caller identifies the page.
 */
extern Buffer vecpg_log_hint_read_directory(Relation index, uint64 directory_index);
extern void vecpg_log_hint_found_directory(Relation index, uint64 directory_index, BlockNumber block,
                                           Buffer buffer);

/* Asks memory for what identifies a log page, and later for an entry of `bytes` bytes on it. Change nothing, believe nothing. */
extern void vecpg_log_hint_prefetch_page(Relation index, uint64 page_number);
extern void vecpg_log_hint_prefetch_entry(Relation index, uint64 page_number, uint16 slot, Size bytes);

/* Whether the guess still holds, as far as a look at the page tells that is neither pinned nor locked. */
extern bool vecpg_log_hint_is_right(Relation index, uint64 page_number);

#endif
