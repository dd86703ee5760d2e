/*
 * verify_log.c: whether the log's pages are what log_format.h says: kinds, numbers, chains, counters, and that every block
 * has one owner.
 *
 * Rows may be appended meanwhile, nothing else may happen (the caller holds VACUUM off). So only pages up to the tail that META
 * named at the start are looked at, and a block of the free list may already be a page behind that tail: its link survives
 * that. Each page is copied under its lock, in a subtransaction, because PostgreSQL raises an error for a page that it
 * cannot read.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "column.h"
#include "keys.h"
#include "log_page.h"
#include "miscadmin.h"
#include "storage/off.h"
#include "verify.h"

/* The walk over the log. */
typedef struct VecpgLogWalk {
    VecpgVerify *verify;
    BufferAccessStrategy strategy;
    BlockNumber file_blocks;
    uint8 *owned; /* a bit for each block that META counts */
    PGAlignedBlock map;
    PGAlignedBlock directory;
    PGAlignedBlock page;
    uint64 map_index; /* of the copy; PG_UINT64_MAX: none */
    bool map_is_sound;
    uint64 directory_index;
    bool directory_is_sound;
    /* the page before the one that is looked at */
    bool previous_is_known; /* it is there and sound */
    uint16 previous_slots;
    bool carry_is_known; /* whether its last entry runs on is known */
    Size carry_bytes;    /* of that entry, on the pages that follow */
    bool carry_is_live;
} VecpgLogWalk;

/* What read_block reads. */
typedef struct VecpgBlockRead {
    Relation index;
    BlockNumber block;
    BufferAccessStrategy strategy;
    char *copy;
} VecpgBlockRead;

static void
copy_block(void *argument)
{
    VecpgBlockRead *read = argument;
    Buffer buffer = ReadBufferExtended(read->index, MAIN_FORKNUM, read->block, RBM_NORMAL, read->strategy);

    LockBuffer(buffer, BUFFER_LOCK_SHARE);
    memcpy(read->copy, BufferGetPage(buffer), BLCKSZ);
    UnlockReleaseBuffer(buffer);
}

static void
problem_at(VecpgVerify *verify, BlockNumber block, const char *what)
{
    char object[32];

    snprintf(object, sizeof(object), "block %u", block);
    vecpg_verify_problem(verify, object, "%s", what);
}

/* Copies a block and looks whether it is a page of ours at all. */
static bool
read_block(VecpgVerify *verify, BufferAccessStrategy strategy, BlockNumber block, char *copy)
{
    VecpgBlockRead read = {verify->index, block, strategy, copy};
    PageHeader header = (PageHeader)copy;
    char object[32];

    CHECK_FOR_INTERRUPTS();
    snprintf(object, sizeof(object), "block %u", block);
    if (!vecpg_verify_try(verify, object, copy_block, &read))
        return false;
    if (PageIsNew(copy)) {
        problem_at(verify, block, "the page is empty");
        return false;
    }
    if (header->pd_pagesize_version != (BLCKSZ | PG_PAGE_LAYOUT_VERSION) ||
        header->pd_special != BLCKSZ - MAXALIGN(sizeof(VecpgPageSpecial)) ||
        header->pd_lower < SizeOfPageHeaderData || header->pd_lower > header->pd_upper ||
        header->pd_upper > header->pd_special || VecpgPageGetSpecial(copy)->page_id != VECPG_LOG_PAGE_ID) {
        problem_at(verify, block, "the page is none of a vectors index");
        return false;
    }
    return true;
}

/* The same for a page that is referred to as this kind and number. */
static bool
read_page(VecpgLogWalk *walk, BlockNumber block, VecpgPageKind kind, uint64 number, char *copy)
{
    static const char *const names[] = {"", "META", "map", "directory", "log", "free"};
    VecpgPageSpecial *special;

    if (!read_block(walk->verify, walk->strategy, block, copy))
        return false;
    special = VecpgPageGetSpecial(copy);
    if (special->kind != kind || special->number != number) {
        char object[32];

        snprintf(object, sizeof(object), "block %u", block);
        vecpg_verify_problem(walk->verify, object,
                             "should be %s page " UINT64_FORMAT ", has kind %u and number " UINT64_FORMAT,
                             names[kind], number, special->kind, special->number);
        return false;
    }
    return true;
}

/* Notes that somebody refers to the block; false if that cannot be, or somebody else does already. */
static bool
own(VecpgLogWalk *walk, BlockNumber block, const char *owner)
{
    char object[32];

    snprintf(object, sizeof(object), "block %u", block);
    if (block >= walk->verify->meta.block_count) {
        vecpg_verify_problem(walk->verify, object, "%s refers to it, but META counts %u blocks", owner,
                             walk->verify->meta.block_count);
        return false;
    }
    if (walk->owned[block / 8] & (1 << (block % 8))) {
        vecpg_verify_problem(walk->verify, object, "%s refers to it, and something else does, too", owner);
        return false;
    }
    walk->owned[block / 8] |= 1 << (block % 8);
    return true;
}

/* ---- META ---- */

/* What the catalogs say of the column. */
typedef struct VecpgCatalogRead {
    Relation index;
    const VecpgKeyLayout *keys; /* that the index was built for */
    VecpgColumn column;
} VecpgCatalogRead;

static void
read_catalog(void *argument)
{
    VecpgCatalogRead *read = argument;

    vecpg_column_from_catalog(read->index, &read->column);
    vecpg_keys_check(read->index, read->keys);
}

static bool
meta_is_readable(VecpgVerify *verify, const VecpgLogMeta *meta)
{
    const char *wrong = NULL;

    if (meta->magic != VECPG_LOG_MAGIC)
        wrong = "META's magic number is wrong";
    else if (meta->format_version != VECPG_LOG_FORMAT_VERSION)
        wrong = "the log has a format that this library does not read";
    else if (meta->slots_max == 0 || meta->slots_max % 32 != 0 ||
             meta->directory_entry_bytes != sizeof(VecpgDirectoryEntry) + meta->slots_max / 8 ||
             meta->directory_entry_bytes > VECPG_PAGE_BYTES ||
             meta->directory_fanout != VECPG_PAGE_BYTES / meta->directory_entry_bytes)
        wrong = "META's sizes of the directory contradict each other";
    else if (meta->directory_first > meta->tail_page_number / meta->directory_fanout ||
             meta->tail_page_number / meta->directory_fanout >= meta->directory_end ||
             (meta->directory_end - 1) / VECPG_MAP_FANOUT - meta->directory_first / VECPG_MAP_FANOUT >=
                 VECPG_MAP_SLOTS)
        wrong = "META's end of the log and its range of the directory contradict each other";
    else if (!vecpg_keys_is_sound(&meta->keys, meta->attribute_bytes))
        wrong = "META's filter columns and the size of their keys contradict each other";
    if (wrong != NULL)
        problem_at(verify, VECPG_LOG_META_BLOCK, wrong);
    return wrong == NULL;
}

bool
vecpg_verify_meta(VecpgVerify *verify)
{
    VecpgLogMeta *meta = &verify->meta;
    VecpgCatalogRead catalog = {.index = verify->index, .keys = &meta->keys};
    PGAlignedBlock page;

    if (!read_block(verify, NULL, VECPG_LOG_META_BLOCK, page.data))
        return false;
    if (!vecpg_page_is(page.data, VECPG_PAGE_META, 0)) {
        problem_at(verify, VECPG_LOG_META_BLOCK, "the page is not META");
        return false;
    }
    *meta = *vecpg_page_meta(page.data);
    if (!meta_is_readable(verify, meta))
        return false;
    if (meta->sealed_to > VecpgPositionMake(meta->tail_page_number + 1, 0))
        problem_at(verify, VECPG_LOG_META_BLOCK, "META says that segments covered more than the log has");
    if (vecpg_verify_try(verify, "catalog", read_catalog, &catalog) &&
        (catalog.column.element_type != meta->element_type || catalog.column.metric != meta->metric ||
         (catalog.column.dimensions != meta->dimensions && catalog.column.dimensions != 0)))
        vecpg_verify_problem(verify, "block 0",
                             "META is of type %u, metric %u, %u dimensions, the catalog of type %u, metric "
                             "%u, %u dimensions",
                             meta->element_type, meta->metric, meta->dimensions, catalog.column.element_type,
                             catalog.column.metric, catalog.column.dimensions);
    return true;
}

/* ---- maps and directories ---- */

/* Maps of directory pages that are all gone: VACUUM frees them one at a time. */
static void
own_old_maps(VecpgLogWalk *walk)
{
    const VecpgLogMeta *meta = &walk->verify->meta;
    uint64 first = meta->directory_first / VECPG_MAP_FANOUT;
    uint64 end = (meta->directory_end - 1) / VECPG_MAP_FANOUT + 1;

    for (uint64 i = end; i < first + VECPG_MAP_SLOTS; i++) {
        BlockNumber block = meta->map_blocks[i % VECPG_MAP_SLOTS];

        if (block == InvalidBlockNumber)
            continue;
        if (i < VECPG_MAP_SLOTS || i - VECPG_MAP_SLOTS >= first)
            vecpg_verify_problem(walk->verify, "block 0", "META names block %u for a map that was never made",
                                 block);
        else if (own(walk, block, "META"))
            read_page(walk, block, VECPG_PAGE_MAP, i - VECPG_MAP_SLOTS, walk->map.data);
    }
}

static void
load_map(VecpgLogWalk *walk, uint64 map_index)
{
    const VecpgLogMeta *meta = &walk->verify->meta;
    BlockNumber block = meta->map_blocks[map_index % VECPG_MAP_SLOTS];
    BlockNumber *blocks = (BlockNumber *)PageGetContents(walk->map.data);

    walk->map_index = map_index;
    walk->map_is_sound =
        own(walk, block, "META") && read_page(walk, block, VECPG_PAGE_MAP, map_index, walk->map.data);
    for (uint64 i = 0; walk->map_is_sound && i < VECPG_MAP_FANOUT; i++)
        if (map_index * VECPG_MAP_FANOUT + i < meta->directory_first && blocks[i] != InvalidBlockNumber) {
            problem_at(walk->verify, block, "the map names a directory page that is gone");
            break;
        }
}

static void
load_directory(VecpgLogWalk *walk, uint64 directory_index)
{
    BlockNumber block;

    if (walk->map_index != directory_index / VECPG_MAP_FANOUT)
        load_map(walk, directory_index / VECPG_MAP_FANOUT);
    walk->directory_index = directory_index;
    walk->directory_is_sound = walk->map_is_sound;
    if (!walk->map_is_sound)
        return;
    block = ((BlockNumber *)PageGetContents(walk->map.data))[directory_index % VECPG_MAP_FANOUT];
    walk->directory_is_sound = own(walk, block, "a map") && read_page(walk, block, VECPG_PAGE_DIRECTORY,
                                                                      directory_index, walk->directory.data);
}

/* Directory pages were made for more pages than the log has, when an append was cut short. */
static void
own_spare_directories(VecpgLogWalk *walk)
{
    const VecpgLogMeta *meta = &walk->verify->meta;

    for (uint64 i = meta->tail_page_number / meta->directory_fanout + 1; i < meta->directory_end; i++)
        load_directory(walk, i);
}

/* ---- log pages ---- */

static void
problem_of_page(VecpgLogWalk *walk, uint64 number, const char *what)
{
    char object[48];

    snprintf(object, sizeof(object), "log page " UINT64_FORMAT, number);
    vecpg_verify_problem(walk->verify, object, "%s", what);
}

/* How long the entry at this offset is, with its header; 0 if that is impossible. */
static Size
entry_length(const VecpgLogMeta *meta, const VecpgEntryHeader *header)
{
    Size vector_bytes;

    if (header->flags & ~VECPG_ENTRY_NULL || header->payload_bytes < meta->attribute_bytes)
        return 0;
    vector_bytes = header->payload_bytes - meta->attribute_bytes;
    if (header->flags & VECPG_ENTRY_NULL)
        return vector_bytes == 0 ? sizeof(VecpgEntryHeader) + header->payload_bytes : 0;
    if (meta->vector_bytes > 0 ? vector_bytes != meta->vector_bytes
                               : vector_bytes > (Size)meta->dimensions * 8 || vector_bytes % 8 != 0)
        return 0;
    return sizeof(VecpgEntryHeader) + header->payload_bytes;
}

/* One entry, which must begin at *offset; moves that behind it. False: the rest of the page cannot be told. */
static bool
check_entry(VecpgLogWalk *walk, uint64 number, VecpgDirectoryEntry *directory_entry, uint16 slot,
            Size *offset)
{
    const VecpgLogMeta *meta = &walk->verify->meta;
    Page page = walk->page.data;
    Size end = ((PageHeader)page)->pd_lower;
    bool is_dead = vecpg_directory_is_dead(directory_entry, meta, slot);
    VecpgEntryHeader header;
    Size length;

    if (*vecpg_page_slot(page, slot) != *offset || *offset + sizeof(header) + meta->attribute_bytes > end) {
        problem_of_page(walk, number, "a slot does not point behind the entry before it");
        return false;
    }
    memcpy(&header, page + *offset, sizeof(header));
    length = entry_length(meta, &header);
    if (length == 0) {
        problem_of_page(walk, number, "an entry has an impossible length");
        return false;
    }
    if (!ItemPointerIsValid(&header.tid) || ItemPointerGetOffsetNumberNoCheck(&header.tid) > MaxOffsetNumber)
        problem_of_page(walk, number, "an entry names no row of the table");
    vecpg_verify_row(walk->verify, VecpgPositionMake(number, slot), &header.tid,
                     (header.flags & VECPG_ENTRY_NULL) != 0, is_dead);
    if (length <= end - *offset) {
        *offset += length;
        return true;
    }
    if (slot + 1 < VecpgPageGetSpecial(page)->slot_count ||
        !(VecpgPageGetSpecial(page)->flags & VECPG_LOG_CLOSED)) {
        problem_of_page(walk, number, "an entry runs over the next one, or over the end of the log");
        return false;
    }
    walk->carry_is_known = true;
    walk->carry_bytes = length - (end - *offset);
    walk->carry_is_live = !is_dead;
    *offset = end;
    return true;
}

/* The piece of an earlier page's entry at the beginning of the page: as long as it must be? */
static bool
check_continuation(VecpgLogWalk *walk, uint64 number, const VecpgDirectoryEntry *entry)
{
    const VecpgPageSpecial *special = VecpgPageGetSpecial(walk->page.data);
    uint16 piece = special->continuation_bytes;
    bool is_full = piece == VECPG_PAGE_BYTES;

    if ((piece > 0) != ((entry->flags & VECPG_DIRECTORY_CONTINUES) != 0) || piece > VECPG_PAGE_BYTES) {
        problem_of_page(walk, number, "page and directory do not agree whether an entry continues here");
        return false;
    }
    if (walk->carry_is_known && piece != Min(walk->carry_bytes, VECPG_PAGE_BYTES)) {
        problem_of_page(walk, number, "the piece of the earlier page's entry has the wrong length");
        return false;
    }
    if (walk->carry_is_known)
        walk->carry_bytes -= piece;
    else if (!is_full) { /* the entry ends here, wherever it began */
        walk->carry_is_known = true;
        walk->carry_bytes = 0;
    }
    return true;
}

static bool
has_dead_bits_behind(VecpgDirectoryEntry *entry, const VecpgLogMeta *meta, uint16 slot_count)
{
    for (uint16 slot = slot_count; slot < meta->slots_max; slot++)
        if (vecpg_directory_is_dead(entry, meta, slot))
            return true;
    return false;
}

/* The log page in walk->page. False: what follows cannot be told from it. */
static bool
check_log_page(VecpgLogWalk *walk, uint64 number, VecpgDirectoryEntry *entry)
{
    const VecpgLogMeta *meta = &walk->verify->meta;
    PageHeader header = (PageHeader)walk->page.data;
    VecpgPageSpecial *special = VecpgPageGetSpecial(walk->page.data);
    Size offset = SizeOfPageHeaderData + special->continuation_bytes;

    if (!check_continuation(walk, number, entry))
        return false;
    if (special->slot_count > meta->slots_max || offset > header->pd_lower ||
        header->pd_upper != header->pd_special - sizeof(uint16) * special->slot_count) {
        problem_of_page(walk, number, "the counts of slots and bytes contradict each other");
        return false;
    }
    if (number < meta->tail_page_number && !(special->flags & VECPG_LOG_CLOSED))
        problem_of_page(walk, number, "the page is not the last one and yet not closed");
    if (has_dead_bits_behind(entry, meta, special->slot_count))
        problem_of_page(walk, number, "rows are dead that do not exist");
    if (walk->carry_is_known && walk->carry_bytes > 0 && special->slot_count > 0) {
        problem_of_page(walk, number, "an entry begins within an earlier page's entry");
        return false;
    }
    vecpg_verify_page(walk->verify, number, special->slot_count);
    for (uint16 slot = 0; slot < special->slot_count; slot++)
        if (!check_entry(walk, number, entry, slot, &offset))
            return false;
    if (offset != header->pd_lower) {
        problem_of_page(walk, number, "there are bytes behind the last entry");
        return false;
    }
    walk->previous_slots = special->slot_count;
    return true;
}

static void
check_retired(VecpgLogWalk *walk, uint64 number, const VecpgDirectoryEntry *entry)
{
    if (entry->block != InvalidBlockNumber)
        problem_of_page(walk, number, "the page is retired and yet has a block");
    if (number == walk->verify->meta.tail_page_number)
        problem_of_page(walk, number, "the last page of the log is retired");
    if (walk->carry_is_known && walk->carry_bytes > 0 && walk->carry_is_live)
        problem_of_page(walk, number, "the page is retired, and a row that is not dead runs on into it");
}

static void
visit_page(VecpgLogWalk *walk, uint64 number)
{
    const VecpgLogMeta *meta = &walk->verify->meta;
    bool is_sound = false;

    if (walk->directory_index != number / meta->directory_fanout)
        load_directory(walk, number / meta->directory_fanout);
    if (walk->directory_is_sound) {
        VecpgDirectoryEntry *entry = vecpg_page_directory_entry(walk->directory.data, meta, number);
        uint16 state = entry->flags & ~VECPG_DIRECTORY_CONTINUES;

        if (walk->previous_is_known && entry->slots_before != walk->previous_slots)
            problem_of_page(walk, number, "the directory has another count of the page before");
        if (number == meta->tail_page_number && entry->block != meta->tail_block)
            problem_of_page(walk, number, "META's last block is not the one that the directory names");
        if (state == VECPG_DIRECTORY_RETIRED)
            check_retired(walk, number, entry);
        else if (state != VECPG_DIRECTORY_LIVE)
            problem_of_page(walk, number, "the page is neither alive nor retired");
        else if (own(walk, entry->block, "the directory"))
            is_sound = read_page(walk, entry->block, VECPG_PAGE_LOG, number, walk->page.data) &&
                       check_log_page(walk, number, entry);
    }
    walk->previous_is_known = is_sound;
    if (!is_sound) {
        walk->carry_is_known = false;
        walk->carry_bytes = 0;
    }
}

/* ---- free list, and blocks that are nowhere ---- */

/* An append that was cut short leaves pages behind the end of the log in the list, as does one that goes on meanwhile. */
static bool
may_be_free(const VecpgLogMeta *meta, const VecpgPageSpecial *special)
{
    switch (special->kind) {
        case VECPG_PAGE_FREE:
            return true;
        case VECPG_PAGE_LOG:
            return special->number > meta->tail_page_number;
        case VECPG_PAGE_DIRECTORY:
            return special->number >= meta->directory_end;
        case VECPG_PAGE_MAP:
            return special->number > (meta->directory_end - 1) / VECPG_MAP_FANOUT;
        default:
            return false;
    }
}

static void
check_free_list(VecpgLogWalk *walk)
{
    const VecpgLogMeta *meta = &walk->verify->meta;
    BlockNumber block = meta->free_head;
    BlockNumber last = InvalidBlockNumber;

    for (uint32 i = 0; i < meta->free_count; i++) {
        if (!own(walk, block, "the free list") ||
            !read_block(walk->verify, walk->strategy, block, walk->page.data))
            return;
        if (!may_be_free(meta, VecpgPageGetSpecial(walk->page.data)))
            problem_at(walk->verify, block, "the page is in the free list and yet in use");
        last = block;
        block = VecpgPageGetSpecial(walk->page.data)->free_next;
    }
    if (last != meta->free_tail)
        vecpg_verify_problem(walk->verify, "block 0",
                             "the free list ends with block %u after %u blocks, META says with block %u",
                             last, meta->free_count, meta->free_tail);
}

/* Only where all else is sound: one broken reference makes everything behind it nobody's. */
static void
check_owners(VecpgLogWalk *walk)
{
    if (walk->verify->problems != NIL)
        return;
    for (BlockNumber block = 0; block < walk->verify->meta.block_count; block++)
        if (!(walk->owned[block / 8] & (1 << (block % 8))))
            problem_at(walk->verify, block, "nothing refers to the block");
}

static void
count_blocks(void *argument)
{
    VecpgLogWalk *walk = argument;

    walk->file_blocks = RelationGetNumberOfBlocks(walk->verify->index);
}

/* The entry that ran on into pages that joined since META was read. */
static void
visit_last_entry(VecpgLogWalk *walk, uint64 number)
{
    VecpgVerify *verify = walk->verify;
    uint64 tail = verify->meta.tail_page_number;
    VecpgLogMeta later;

    if (!walk->carry_is_known || walk->carry_bytes == 0)
        return;
    vecpg_log_meta_read(verify->index, &later);
    if (tail + (walk->carry_bytes + VECPG_PAGE_BYTES - 1) / VECPG_PAGE_BYTES > later.tail_page_number)
        problem_of_page(walk, number - 1, "the last entry runs on behind the end of the log");
}

void
vecpg_verify_log(VecpgVerify *verify)
{
    VecpgLogWalk *walk = palloc0(sizeof(VecpgLogWalk));
    const VecpgLogMeta *meta = &verify->meta;
    uint64 number = meta->directory_first * meta->directory_fanout;

    walk->verify = verify;
    walk->strategy = GetAccessStrategy(BAS_BULKREAD);
    walk->map_index = PG_UINT64_MAX;
    walk->directory_index = PG_UINT64_MAX;
    walk->carry_is_known = number == 0; /* nothing runs on into the very first page */
    if (!vecpg_verify_try(verify, "relation", count_blocks, walk))
        return;
    if (meta->block_count > walk->file_blocks) {
        vecpg_verify_problem(verify, "block 0", "META counts %u blocks, the relation has %u",
                             meta->block_count, walk->file_blocks);
        return;
    }
    walk->owned = MemoryContextAllocExtended(CurrentMemoryContext, meta->block_count / 8 + 1,
                                             MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
    own(walk, VECPG_LOG_META_BLOCK, "PostgreSQL");
    own_old_maps(walk);
    for (; number <= meta->tail_page_number; number++)
        visit_page(walk, number);
    visit_last_entry(walk, number);
    own_spare_directories(walk);
    check_free_list(walk);
    check_owners(walk);
    pfree(walk->owned);
    FreeAccessStrategy(walk->strategy);
    pfree(walk);
}
