/*
 * log.h: the append-only, WAL-logged log of rows in the index's relation: page layouts and operations.
 *
 * Five kinds of page, in the main fork:
 *
 *   META (block 0)  what the index is, where its log ends, where the maps are, the free list
 *   MAP             directory index -> block, one array a page
 *   DIRECTORY       one entry a log page: its block, its state, a dead bit for each slot
 *   LOG             entries; page numbers grow by one with each page that joins and are never used twice
 *   FREE            a page that waits in the free list
 *
 * A row's identity is its *position*: page number << 16 | slot, the page and slot where its entry begins. An entry that
 * is larger than what is left of its page runs on into the pages that follow by number.
 *
 * Locks (buffer content locks), always taken in this order:
 *     tail log page -> new page -> tail of the free list -> DIRECTORY -> MAP -> META
 * A reader holds one at a time and copies out. The writer's exclusive lock of the tail page makes it the only writer:
 * only it joins pages and takes blocks from the free list; VACUUM only adds blocks at the list's other end.
 *
 * What a record publishes: a log page above META's tail_page_number does not exist, whatever stands in its block or in
 * the directory; nor does a slot at or above its page's slot_count. So an entry of many pages is written page by page,
 * and the one record that sets slot_count or the tail number makes it appear.
 */
#ifndef VECPG_LOG_H
#define VECPG_LOG_H

#include "postgres.h"

#include "storage/block.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "storage/itemptr.h"
#include "utils/rel.h"

#define VECPG_LOG_META_BLOCK     0
#define VECPG_LOG_MAGIC          0x564c4f47 /* "VLOG" */
#define VECPG_LOG_FORMAT_VERSION 1
#define VECPG_LOG_PAGE_ID        0xFF96 /* the last two bytes of every page say whose page it is */

typedef enum VecpgPageKind {
    VECPG_PAGE_META = 1,
    VECPG_PAGE_MAP,
    VECPG_PAGE_DIRECTORY,
    VECPG_PAGE_LOG,
    VECPG_PAGE_FREE
} VecpgPageKind;

/*
 * The special space of every page. free_next survives while a page from the free list is written as something else:
 * after a crash before the publishing record the page is still in the list.
 */
typedef struct VecpgPageSpecial {
    uint64 number; /* LOG: page number; DIRECTORY: directory index; MAP: map index */
    BlockNumber free_next;
    uint16 kind;
    uint16 flags;              /* VECPG_LOG_CLOSED */
    uint16 slot_count;         /* LOG: entries that begin here */
    uint16 continuation_bytes; /* LOG: bytes at the start that belong to an entry of an earlier page */
    uint16 reserved;
    uint16 page_id;
} VecpgPageSpecial;

#define VECPG_LOG_CLOSED 0x0001 /* another page has joined after this one */

/* A function, because PostgreSQL's macro evaluates its argument more than once. */
static inline VecpgPageSpecial *
VecpgPageGetSpecial(Page page)
{
    return (VecpgPageSpecial *)PageGetSpecialPointer(page);
}

/* Bytes between the page header and the special space. */
#define VECPG_PAGE_BYTES (BLCKSZ - MAXALIGN(SizeOfPageHeaderData) - MAXALIGN(sizeof(VecpgPageSpecial)))

/*
 * An entry: this header, then the attributes, then the vector's elements (none for NULL). The offset of slot k in the
 * page stands as a uint16 at pd_special - 2 (k + 1). The header never crosses a page's end.
 */
typedef struct VecpgEntryHeader {
    ItemPointerData tid;
    uint16 flags;
    uint32 payload_bytes; /* attributes and vector */
} VecpgEntryHeader;

#define VECPG_ENTRY_NULL 0x0001

/* One directory entry; the dead bits follow, slots_max / 8 bytes. */
typedef struct VecpgDirectoryEntry {
    BlockNumber block;
    uint16 flags;
    uint16 slots_before; /* slot_count of the page with the number before, final since this page joined */
} VecpgDirectoryEntry;

#define VECPG_DIRECTORY_LIVE      0x0001
#define VECPG_DIRECTORY_RETIRED   0x0002
#define VECPG_DIRECTORY_CONTINUES 0x0004 /* the page begins with a piece of an earlier page's entry */

#define VECPG_MAP_FANOUT (VECPG_PAGE_BYTES / sizeof(BlockNumber))
#define VECPG_MAP_SLOTS  1024 /* 1024 maps x 2036 directories x at least 96 pages: more log pages than 2^27 */

typedef struct VecpgLogMeta {
    uint32 magic;
    uint32 format_version;
    uint64 instance_nonce; /* 0: none drawn yet, and so no segment can belong here */
    uint32 dimensions;
    uint16 element_type; /* VecElementType */
    uint16 metric;       /* VecMetric */
    uint16 attribute_bytes;
    uint16 slots_max;             /* of a log page; a multiple of 32 */
    uint16 directory_entry_bytes; /* sizeof(VecpgDirectoryEntry) + slots_max / 8 */
    uint16 directory_fanout;      /* entries of a directory page */
    uint64 tail_page_number;
    BlockNumber tail_block;
    BlockNumber block_count; /* blocks in use or in the free list; those behind them in the file belong to nobody */
    uint64 directory_first;  /* smaller directory indexes are gone: all their pages are retired */
    uint64 directory_end;    /* smaller directory indexes were made */
    uint64 sealed_to;        /* segments once covered all positions below; where they no longer do, one was lost */
    BlockNumber free_head;   /* taken here by the writer, never the last one */
    BlockNumber free_tail;   /* added here by VACUUM */
    uint32 free_count;
    uint32 vector_bytes; /* of a row that is not NULL; 0 if it varies */
    BlockNumber map_blocks[VECPG_MAP_SLOTS]; /* map index modulo VECPG_MAP_SLOTS */
} VecpgLogMeta;

/* What an index stores, fixed when it is built. */
typedef struct VecpgLogShape {
    uint32 dimensions;
    uint16 element_type;
    uint16 metric;
    uint16 attribute_bytes;
    uint32 vector_bytes; /* of a row that is not NULL; 0 if it varies (sparse) */
} VecpgLogShape;

#define VECPG_POSITION_SLOT_BITS      16
#define VecpgPositionMake(page, slot) (((uint64)(page) << VECPG_POSITION_SLOT_BITS) | (uint16)(slot))
#define VecpgPositionPage(position)   ((uint64)(position) >> VECPG_POSITION_SLOT_BITS)
#define VecpgPositionSlot(position)   ((uint16)((position)&0xFFFF))

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
extern void vecpg_log_create(Relation index, ForkNumber fork, const VecpgLogShape *shape, uint64 instance_nonce);

/* Copies META; XX002 if block 0 is none. */
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

/* Walks the rows of [from, to) that are not dead, ascending. */
extern void vecpg_log_reader_seek(VecpgLogReader *reader, uint64 from, uint64 to);
extern bool vecpg_log_reader_next(VecpgLogReader *reader, VecpgLogEntry *entry);

/* How many rows of [from, to) are not dead; from the directory alone. */
extern uint64 vecpg_log_reader_count_live(VecpgLogReader *reader, uint64 from, uint64 to);

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
