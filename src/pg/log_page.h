/*
 * log_page.h: the log's pages as the log's own files handle them, and a change of up to four of them.
 */
#ifndef VECPG_LOG_PAGE_H
#define VECPG_LOG_PAGE_H

#include "log_format.h"

#include "access/generic_xlog.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

#define VECPG_CHANGE_PAGES_MAX 4 /* what one Generic WAL record holds */

/* A change is one Generic WAL record, or plain writes into buffers that nobody else reads (logged = false). */
typedef struct VecpgChange {
    GenericXLogState *state; /* NULL: not logged */
    Buffer buffers[VECPG_CHANGE_PAGES_MAX];
    int buffer_count;
} VecpgChange;

extern void vecpg_change_begin(VecpgChange *change, Relation index, bool logged);
/* The page to write to until the change ends. The caller holds the buffer's exclusive lock. is_new: log it whole. */
extern Page vecpg_change_page(VecpgChange *change, Buffer buffer, bool is_new);
extern void vecpg_change_end(VecpgChange *change);

extern void vecpg_page_init(Page page, VecpgPageKind kind, uint64 number, BlockNumber free_next);
extern bool vecpg_page_is(Page page, VecpgPageKind kind, uint64 number);
/* Reads and locks a block that must be of this kind and number; otherwise XX002. */
extern Buffer vecpg_page_lock(Relation index, BlockNumber block, int lock_mode, VecpgPageKind kind,
                              uint64 number);
extern void vecpg_page_corrupt(Relation index, BlockNumber block, const char *what) __attribute__((noreturn));

static inline VecpgLogMeta *
vecpg_page_meta(Page page)
{
    return (VecpgLogMeta *)PageGetContents(page);
}

/* The uint16 that says where slot begins. */
static inline uint16 *
vecpg_page_slot(Page page, uint16 slot)
{
    return (uint16 *)(page + ((PageHeader)page)->pd_special) - (slot + 1);
}

/* The entry of a log page in the directory page that covers it. */
static inline VecpgDirectoryEntry *
vecpg_page_directory_entry(Page page, const VecpgLogMeta *meta, uint64 page_number)
{
    return (VecpgDirectoryEntry *)(PageGetContents(page) +
                                   (page_number % meta->directory_fanout) * meta->directory_entry_bytes);
}

static inline uint8 *
vecpg_directory_dead_bits(VecpgDirectoryEntry *entry)
{
    return (uint8 *)(entry + 1);
}

static inline bool
vecpg_directory_is_dead(VecpgDirectoryEntry *entry, const VecpgLogMeta *meta, uint16 slot)
{
    return !(entry->flags & VECPG_DIRECTORY_LIVE) || slot >= meta->slots_max ||
           (vecpg_directory_dead_bits(entry)[slot / 8] & (1 << (slot % 8)));
}

/* The block of a directory page, or InvalidBlockNumber if it is gone or was never made. */
extern BlockNumber vecpg_log_directory_block(Relation index, const VecpgLogMeta *meta,
                                             uint64 directory_index);

#endif
