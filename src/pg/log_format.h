/*
 * log_format.h: the append-only, WAL-logged log of rows in the index's relation: its pages, byte by byte.
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
#ifndef VECPG_LOG_FORMAT_H
#define VECPG_LOG_FORMAT_H

#include "postgres.h"

#include "storage/block.h"
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

#define VECPG_KEY_COLUMNS_MAX 31

/* The filter columns of the index, whose keys are the attributes of its entries (keys.h). */
typedef struct VecpgKeyLayout {
    uint32 column_count;
    uint8 kinds[VECPG_KEY_COLUMNS_MAX + 1]; /* VecpgKeyKind */
} VecpgKeyLayout;

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
    BlockNumber
        block_count; /* blocks in use or in the free list; those behind them in the file belong to nobody */
    uint64 directory_first; /* smaller directory indexes are gone: all their pages are retired */
    uint64 directory_end;   /* smaller directory indexes were made */
    uint64 sealed_to; /* segments once covered all positions below; where they no longer do, one was lost */
    BlockNumber free_head; /* taken here by the writer, never the last one */
    BlockNumber free_tail; /* added here by VACUUM */
    uint32 free_count;
    uint32 vector_bytes;                     /* of a row that is not NULL; 0 if it varies */
    BlockNumber map_blocks[VECPG_MAP_SLOTS]; /* map index modulo VECPG_MAP_SLOTS */
    VecpgKeyLayout keys;
} VecpgLogMeta;

#define VECPG_POSITION_SLOT_BITS      16
#define VecpgPositionMake(page, slot) (((uint64)(page) << VECPG_POSITION_SLOT_BITS) | (uint16)(slot))
#define VecpgPositionPage(position)   ((uint64)(position) >> VECPG_POSITION_SLOT_BITS)
#define VecpgPositionSlot(position)   ((uint16)((position)&0xFFFF))

#endif
