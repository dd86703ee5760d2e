/*
 * log_vacuum.c: deletion in the log: dead bits, pages that only dead entries touch, and the free list.
 *
 * Nothing is ever moved, because moving a live row would make a running scan lose it or see it twice. A page goes as a
 * whole, when each entry that touches it is dead: those that begin on it, and the one that runs on into it.
 */
#include "log.h"
#include "log_page.h"

#include "miscadmin.h"
#include "vectors/stop_point.h"

void
vecpg_log_mark_dead(Relation index, const uint64 *positions, size_t count)
{
    VecpgLogMeta meta;
    size_t next = 0;

    vecpg_log_meta_read(index, &meta);
    while (next < count) {
        uint64 directory_index = VecpgPositionPage(positions[next]) / meta.directory_fanout;
        BlockNumber block = vecpg_log_directory_block(index, &meta, directory_index);
        VecpgChange change;
        Buffer buffer;
        Page page;

        CHECK_FOR_INTERRUPTS();
        if (block == InvalidBlockNumber) { /* all its pages are retired already */
            while (next < count &&
                   VecpgPositionPage(positions[next]) / meta.directory_fanout == directory_index)
                next++;
            continue;
        }
        vec_stop_point("dead-bits-before");
        buffer = vecpg_page_lock(index, block, BUFFER_LOCK_EXCLUSIVE, VECPG_PAGE_DIRECTORY, directory_index);
        vecpg_change_begin(&change, index, true);
        page = vecpg_change_page(&change, buffer, false);
        for (; next < count && VecpgPositionPage(positions[next]) / meta.directory_fanout == directory_index;
             next++) {
            uint16 slot = VecpgPositionSlot(positions[next]);
            VecpgDirectoryEntry *entry =
                vecpg_page_directory_entry(page, &meta, VecpgPositionPage(positions[next]));

            if (slot < meta.slots_max)
                vecpg_directory_dead_bits(entry)[slot / 8] |= 1 << (slot % 8);
        }
        vecpg_change_end(&change);
        vec_stop_point("dead-bits-set");
        UnlockReleaseBuffer(buffer);
    }
}

/* The page that is last in the free list, locked; InvalidBuffer if the list is empty. Only VACUUM changes that end. */
static Buffer
free_tail_lock(Relation index)
{
    VecpgLogMeta meta;
    Buffer buffer;

    vecpg_log_meta_read(index, &meta);
    if (meta.free_count == 0)
        return InvalidBuffer;
    buffer = ReadBuffer(index, meta.free_tail);
    LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
    if (VecpgPageGetSpecial(BufferGetPage(buffer))->page_id != VECPG_LOG_PAGE_ID)
        vecpg_page_corrupt(index, meta.free_tail, "the free list ends in a foreign page");
    return buffer;
}

/* Inside a change that has the freed page, the list's old last page (or none) and META: puts the page on the list. */
static void
free_list_add(VecpgChange *change, Buffer freed, Buffer last, VecpgLogMeta *stored)
{
    BlockNumber block = BufferGetBlockNumber(freed);

    vecpg_page_init(vecpg_change_page(change, freed, false), VECPG_PAGE_FREE, 0, InvalidBlockNumber);
    if (last != InvalidBuffer)
        VecpgPageGetSpecial(vecpg_change_page(change, last, false))->free_next = block;
    else
        stored->free_head = block;
    stored->free_tail = block;
    stored->free_count++;
}

static Buffer
meta_lock(Relation index)
{
    return vecpg_page_lock(index, VECPG_LOG_META_BLOCK, BUFFER_LOCK_EXCLUSIVE, VECPG_PAGE_META, 0);
}

static void
release_if_valid(Buffer buffer)
{
    if (buffer != InvalidBuffer)
        UnlockReleaseBuffer(buffer);
}

static void
page_retire(Relation index, const VecpgLogMeta *meta, uint64 page_number, BlockNumber block,
            BlockNumber directory_block)
{
    Buffer freed = vecpg_page_lock(index, block, BUFFER_LOCK_EXCLUSIVE, VECPG_PAGE_LOG, page_number);
    Buffer last = free_tail_lock(index);
    Buffer directory = vecpg_page_lock(index, directory_block, BUFFER_LOCK_EXCLUSIVE, VECPG_PAGE_DIRECTORY,
                                       page_number / meta->directory_fanout);
    Buffer meta_buffer = meta_lock(index);
    VecpgDirectoryEntry *entry;
    VecpgChange change;

    vec_stop_point("retire-before");
    vecpg_change_begin(&change, index, true);
    entry = vecpg_page_directory_entry(vecpg_change_page(&change, directory, false), meta, page_number);
    entry->flags = (entry->flags & ~VECPG_DIRECTORY_LIVE) | VECPG_DIRECTORY_RETIRED;
    entry->block = InvalidBlockNumber;
    free_list_add(&change, freed, last, vecpg_page_meta(vecpg_change_page(&change, meta_buffer, false)));
    vecpg_change_end(&change);
    vec_stop_point("retired");
    UnlockReleaseBuffer(meta_buffer);
    UnlockReleaseBuffer(directory);
    release_if_valid(last);
    UnlockReleaseBuffer(freed);
}

/* Frees the map page before the one that knows the oldest directory page, if it is still there: its directory pages are gone. */
static void
map_free_previous(Relation index, const VecpgLogMeta *meta)
{
    uint64 map_index = meta->directory_first / VECPG_MAP_FANOUT;
    BlockNumber map_block;
    Buffer last;
    Buffer map;
    Buffer meta_buffer;
    VecpgChange change;
    VecpgLogMeta *stored;

    if (map_index-- == 0)
        return;
    map_block = meta->map_blocks[map_index % VECPG_MAP_SLOTS];
    if (map_block == InvalidBlockNumber)
        return;
    last = free_tail_lock(index);
    map = ReadBuffer(index, map_block);
    LockBuffer(map, BUFFER_LOCK_EXCLUSIVE);
    if (vecpg_page_is(BufferGetPage(map), VECPG_PAGE_MAP,
                      map_index)) { /* else the ring's slot has a later map */
        meta_buffer = meta_lock(index);
        vecpg_change_begin(&change, index, true);
        stored = vecpg_page_meta(vecpg_change_page(&change, meta_buffer, false));
        stored->map_blocks[map_index % VECPG_MAP_SLOTS] = InvalidBlockNumber;
        free_list_add(&change, map, last, stored);
        vecpg_change_end(&change);
        UnlockReleaseBuffer(meta_buffer);
    }
    UnlockReleaseBuffer(map);
    release_if_valid(last);
}

/* Frees the oldest directory page. */
static void
directory_free_first(Relation index, const VecpgLogMeta *meta, BlockNumber block)
{
    uint64 directory_index = meta->directory_first;
    uint64 map_index = directory_index / VECPG_MAP_FANOUT;
    BlockNumber map_block = meta->map_blocks[map_index % VECPG_MAP_SLOTS];
    Buffer last = free_tail_lock(index);
    Buffer freed =
        vecpg_page_lock(index, block, BUFFER_LOCK_EXCLUSIVE, VECPG_PAGE_DIRECTORY, directory_index);
    Buffer map = vecpg_page_lock(index, map_block, BUFFER_LOCK_EXCLUSIVE, VECPG_PAGE_MAP, map_index);
    Buffer meta_buffer = meta_lock(index);
    VecpgChange change;
    VecpgLogMeta *stored;
    Page map_page;

    vecpg_change_begin(&change, index, true);
    stored = vecpg_page_meta(vecpg_change_page(&change, meta_buffer, false));
    stored->directory_first = directory_index + 1;
    map_page = vecpg_change_page(&change, map, false);
    ((BlockNumber *)PageGetContents(map_page))[directory_index % VECPG_MAP_FANOUT] = InvalidBlockNumber;
    free_list_add(&change, freed, last, stored);
    vecpg_change_end(&change);
    vec_stop_point("directory-freed");
    UnlockReleaseBuffer(meta_buffer);
    UnlockReleaseBuffer(map);
    UnlockReleaseBuffer(freed);
    release_if_valid(last);
}

static bool
all_dead(VecpgDirectoryEntry *entry, const VecpgLogMeta *meta, uint16 slot_count)
{
    for (uint16 slot = 0; slot < slot_count; slot++)
        if (!vecpg_directory_is_dead(entry, meta, slot))
            return false;
    return true;
}

/* Copies a directory page; false if there is none with this index. */
static bool
directory_copy(Relation index, const VecpgLogMeta *meta, uint64 directory_index, BlockNumber *block,
               char *copy)
{
    Buffer buffer;

    *block = vecpg_log_directory_block(index, meta, directory_index);
    if (*block == InvalidBlockNumber)
        return false;
    buffer = vecpg_page_lock(index, *block, BUFFER_LOCK_SHARE, VECPG_PAGE_DIRECTORY, directory_index);
    memcpy(copy, BufferGetPage(buffer), BLCKSZ);
    UnlockReleaseBuffer(buffer);
    return true;
}

/* What the walk over the directory remembers: whether the entry that might run on into the next page is dead. */
typedef struct VecpgRetireWalk {
    bool previous_dead;
    uint64 retired_count;
} VecpgRetireWalk;

/* Looks at one page, whose slot count the entry of the page after it knows. Returns whether the page stays. */
static bool
retire_visit(Relation index, const VecpgLogMeta *meta, VecpgRetireWalk *walk, uint64 page_number,
             VecpgDirectoryEntry *entry, uint16 slot_count, BlockNumber directory_block)
{
    bool continues = (entry->flags & VECPG_DIRECTORY_CONTINUES) != 0;
    bool stays = (entry->flags & VECPG_DIRECTORY_LIVE) != 0;

    if (stays && all_dead(entry, meta, slot_count) && (!continues || walk->previous_dead)) {
        CHECK_FOR_INTERRUPTS();
        page_retire(index, meta, page_number, entry->block, directory_block);
        walk->retired_count++;
        stays = false;
    }
    if (slot_count > 0)
        walk->previous_dead = vecpg_directory_is_dead(entry, meta, slot_count - 1);
    return stays;
}

uint64
vecpg_log_retire(Relation index)
{
    VecpgLogMeta meta;
    PGAlignedBlock current;
    PGAlignedBlock following;
    VecpgRetireWalk walk = {.previous_dead =
                                true}; /* pages before the first directory page are all retired */
    uint64 directory_index;
    uint64 first_kept = PG_UINT64_MAX;
    BlockNumber block;
    BlockNumber following_block;

    vecpg_log_meta_read(index, &meta);
    directory_index = meta.directory_first;
    if (!directory_copy(index, &meta, directory_index, &block, current.data))
        vecpg_page_corrupt(index, VECPG_LOG_META_BLOCK, "the first directory page is missing");
    for (;;) {
        uint64 first = directory_index * meta.directory_fanout;
        uint64 end =
            Min(first + meta.directory_fanout, meta.tail_page_number); /* the tail is never retired */
        bool has_following =
            directory_copy(index, &meta, directory_index + 1, &following_block, following.data);
        bool keeps = end < first + meta.directory_fanout;

        for (uint64 number = first; number < end; number++) {
            VecpgDirectoryEntry *entry = vecpg_page_directory_entry(current.data, &meta, number);
            bool is_last = number + 1 == first + meta.directory_fanout;
            VecpgDirectoryEntry *next;

            if (is_last && !has_following)
                vecpg_page_corrupt(index, block, "the next directory page is missing");
            next = vecpg_page_directory_entry(is_last ? following.data : current.data, &meta, number + 1);
            if (retire_visit(index, &meta, &walk, number, entry, next->slots_before, block))
                keeps = true;
        }
        if (keeps && first_kept == PG_UINT64_MAX)
            first_kept = directory_index;
        if (end == meta.tail_page_number || !has_following)
            break;
        memcpy(current.data, following.data, BLCKSZ);
        block = following_block;
        directory_index++;
    }
    /* The tail's directory page stays, whatever is on it. */
    first_kept = Min(first_kept, meta.tail_page_number / meta.directory_fanout);
    for (; meta.directory_first < first_kept; meta.directory_first++) {
        CHECK_FOR_INTERRUPTS();
        directory_free_first(index, &meta, vecpg_log_directory_block(index, &meta, meta.directory_first));
    }
    vecpg_log_meta_read(index, &meta);
    map_free_previous(index, &meta);
    return walk.retired_count;
}
