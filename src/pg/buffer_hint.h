/*
 * buffer_hint.h: guesses where pages of a log, or of the table beside it, are in shared buffers. For log_read.c and heap_read.c.
 */
#ifndef VECPG_BUFFER_HINT_H
#define VECPG_BUFFER_HINT_H

#include "postgres.h"

#include "storage/buf.h"
#include "storage/bufmgr.h"
#include "storage/itemptr.h"
#include "utils/rel.h"

/* Pins a block that is, or was not long ago, the log page of this number; not locked, and to be identified by the caller. */
extern Buffer vecpg_buffer_hint_read_log_page(Relation index, BlockNumber block, uint64 page_number);

/*
 * The same for a directory page, whose block is a guess too. InvalidBuffer if there is none: then the map says where it is,
 * and vecpg_buffer_hint_found_directory remembers it. The caller identifies the page.
 */
extern Buffer vecpg_buffer_hint_read_directory(Relation index, uint64 directory_index,
                                               BlockNumber block_count);
extern void vecpg_buffer_hint_found_directory(Relation index, uint64 directory_index, BlockNumber block,
                                              Buffer buffer);

/* Asks memory for what identifies a log page, and later for an entry of `bytes` bytes on it. Change nothing, believe nothing. */
extern void vecpg_buffer_hint_prefetch_log_page(Relation index, uint64 page_number);
extern void vecpg_buffer_hint_prefetch_entry(Relation index, uint64 page_number, uint16 slot, Size bytes);

/* Whether the guess still holds, as far as a look at the page tells that is neither pinned nor locked. */
extern bool vecpg_buffer_hint_is_log_page(Relation index, uint64 page_number);

/*
 * The same for a page of a table: remembers where it was found; pins it, if it is still there (InvalidBuffer: go the ordinary way); asks memory
 * for it, and later for the row; whether the guess holds, by the tag of the buffer. A TID may be any number.
 */
extern void vecpg_buffer_hint_found_heap_page(Relation heap, BlockNumber block, Buffer buffer);
extern Buffer vecpg_buffer_hint_pin_heap_page(Relation heap, BlockNumber block);
extern void vecpg_buffer_hint_prefetch_heap_page(Relation heap, const ItemPointerData *tid);
extern void vecpg_buffer_hint_prefetch_row(Relation heap, const ItemPointerData *tid);
extern bool vecpg_buffer_hint_is_heap_page(Relation heap, BlockNumber block);

#endif
