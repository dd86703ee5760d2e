/*
 * log.c: the log's creation, its META page, and the append of one row.
 *
 * An append that fits the tail page locks that page, copies, and logs one delta: O(1), and the lock is held for
 * microseconds. An append that does not fit *joins* pages. Everything before the last record is invisible (see log_format.h),
 * so a crash in between loses nothing and leaks nothing: blocks behind META's block_count are taken again, and blocks
 * of the free list are still in it.
 *
 * Several insertion pages at a time were considered and rejected: with one tail, append order is WAL order is one dense
 * prefix, and a segment can say what it covers with two numbers.
 */
#include "keys.h"
#include "log.h"
#include "log_page.h"

#include "access/xloginsert.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "vectors/stop_point.h"

/* What a backend remembers of META in rd_amcache, so that an insert need not read it. The shape never changes during
 * the relcache entry's life; the tail does, and the page itself tells when it is no longer the tail. */
typedef struct VecpgLogCache {
    VecpgLogShape shape;
    uint16 slots_max;
    uint64 tail_page_number;
    BlockNumber tail_block;
} VecpgLogCache;

/* The pages that one append joins. */
typedef struct VecpgJoin {
    VecpgLogMeta meta; /* META as it was read under the tail's lock, then as this append changes it */
    uint32 free_taken;
} VecpgJoin;

static void
meta_fill(VecpgLogMeta *meta, const VecpgLogShape *shape, uint64 instance_nonce)
{
    uint32 entry_bytes =
        sizeof(VecpgEntryHeader) + shape->attribute_bytes + shape->vector_bytes + sizeof(uint16);
    uint32 slots_max =
        256; /* sparse vectors vary in size; more slots than this would be shorter than 32 bytes each */

    /* As many slots as full-sized entries can begin on a page, and at least 32, so that NULLs do not waste pages. */
    if (shape->vector_bytes > 0)
        slots_max = Max(32, TYPEALIGN(32, VECPG_PAGE_BYTES / entry_bytes + 1));
    memset(meta, 0, sizeof(VecpgLogMeta));
    memset(meta->map_blocks, 0xFF, sizeof(meta->map_blocks));
    meta->magic = VECPG_LOG_MAGIC;
    meta->format_version = VECPG_LOG_FORMAT_VERSION;
    meta->instance_nonce = instance_nonce;
    meta->dimensions = shape->dimensions;
    meta->element_type = shape->element_type;
    meta->metric = shape->metric;
    meta->attribute_bytes = shape->attribute_bytes;
    meta->vector_bytes = shape->vector_bytes;
    meta->keys = shape->keys;
    meta->slots_max = slots_max;
    meta->directory_entry_bytes = sizeof(VecpgDirectoryEntry) + slots_max / 8;
    meta->directory_fanout = VECPG_PAGE_BYTES / meta->directory_entry_bytes;
    meta->tail_page_number = 0;
    meta->tail_block = 3;
    meta->block_count = 4;
    meta->directory_first = 0;
    meta->directory_end = 1;
    meta->free_head = InvalidBlockNumber;
    meta->free_tail = InvalidBlockNumber;
    meta->map_blocks[0] = 1;
}

/* A new block at the end of the fork, locked; it must be this one. */
static Buffer
extend_expecting(Relation index, ForkNumber fork, BlockNumber block)
{
    Buffer buffer = ReadBufferExtended(index, fork, P_NEW, RBM_ZERO_AND_LOCK, NULL);

    if (BufferGetBlockNumber(buffer) != block)
        vecpg_page_corrupt(index, BufferGetBlockNumber(buffer), "the new relation is not empty");
    return buffer;
}

void
vecpg_log_create(Relation index, ForkNumber fork, const VecpgLogShape *shape, uint64 instance_nonce)
{
    static const VecpgPageKind kinds[4] = {VECPG_PAGE_META, VECPG_PAGE_MAP, VECPG_PAGE_DIRECTORY,
                                           VECPG_PAGE_LOG};
    VecpgLogMeta meta;

    meta_fill(&meta, shape, instance_nonce);
    for (BlockNumber block = 0; block < lengthof(kinds); block++) {
        Buffer buffer = extend_expecting(index, fork, block);
        Page page = BufferGetPage(buffer);

        START_CRIT_SECTION();
        vecpg_page_init(page, kinds[block], 0, InvalidBlockNumber);
        if (block == 0)
            *vecpg_page_meta(page) = meta;
        else if (block == 1) {
            memset(PageGetContents(page), 0xFF, VECPG_MAP_FANOUT * sizeof(BlockNumber));
            ((BlockNumber *)PageGetContents(page))[0] = 2;
        } else if (block == 2) {
            VecpgDirectoryEntry *first = vecpg_page_directory_entry(page, &meta, 0);

            first->block = 3;
            first->flags = VECPG_DIRECTORY_LIVE;
        }
        MarkBufferDirty(buffer);
        if (fork == INIT_FORKNUM)
            log_newpage_buffer(buffer, true);
        END_CRIT_SECTION();
        UnlockReleaseBuffer(buffer);
    }
}

void
vecpg_log_meta_read(Relation index, VecpgLogMeta *meta)
{
    Buffer buffer = vecpg_page_lock(index, VECPG_LOG_META_BLOCK, BUFFER_LOCK_SHARE, VECPG_PAGE_META, 0);
    const VecpgLogMeta *stored = vecpg_page_meta(BufferGetPage(buffer));
    uint64 map_first;
    uint64 map_end;

    memcpy(meta, stored, offsetof(VecpgLogMeta, map_blocks));
    meta->keys = stored->keys;
    if (meta->magic != VECPG_LOG_MAGIC || meta->directory_fanout == 0 || meta->slots_max % 32 != 0 ||
        !vecpg_keys_is_sound(&meta->keys, meta->attribute_bytes))
        vecpg_page_corrupt(index, VECPG_LOG_META_BLOCK, "the META page is not one of a vectors index");
    if (meta->format_version != VECPG_LOG_FORMAT_VERSION)
        ereport(ERROR,
                (errcode(ERRCODE_INDEX_CORRUPTED),
                 errmsg("index \"%s\" has log format %u, this library reads format %d",
                        RelationGetRelationName(index), meta->format_version, VECPG_LOG_FORMAT_VERSION),
                 errhint("REINDEX the index.")));
    if (meta->tail_page_number / meta->directory_fanout >= meta->directory_end)
        vecpg_page_corrupt(index, VECPG_LOG_META_BLOCK, "META's end of the log is beyond its directory");
    /* Nearly all of META is room for maps, of which most indexes have one. */
    map_first = meta->directory_first / VECPG_MAP_FANOUT;
    map_end = (meta->directory_end + VECPG_MAP_FANOUT - 1) / VECPG_MAP_FANOUT;
    if (map_end < map_first || map_end - map_first > VECPG_MAP_SLOTS)
        vecpg_page_corrupt(index, VECPG_LOG_META_BLOCK, "META's directory range is impossible");
    for (uint64 i = map_first; i < map_end; i++)
        meta->map_blocks[i % VECPG_MAP_SLOTS] = stored->map_blocks[i % VECPG_MAP_SLOTS];
    UnlockReleaseBuffer(buffer);
}

uint64
vecpg_log_nonce_ensure(Relation index)
{
    VecpgLogMeta meta;
    VecpgChange change;
    Buffer buffer;
    VecpgLogMeta *stored;
    uint64 nonce;

    vecpg_log_meta_read(index, &meta);
    if (meta.instance_nonce != 0)
        return meta.instance_nonce;
    do {
        if (!pg_strong_random(&nonce, sizeof(nonce)))
            ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate a random number")));
    } while (nonce == 0);
    buffer = vecpg_page_lock(index, VECPG_LOG_META_BLOCK, BUFFER_LOCK_EXCLUSIVE, VECPG_PAGE_META, 0);
    vecpg_change_begin(&change, index, true);
    stored = vecpg_page_meta(vecpg_change_page(&change, buffer, false));
    if (stored->instance_nonce == 0)
        stored->instance_nonce = nonce;
    nonce = stored->instance_nonce;
    vecpg_change_end(&change);
    UnlockReleaseBuffer(buffer);
    return nonce;
}

void
vecpg_log_sealed(Relation index, uint64 sealed_to)
{
    Buffer buffer = vecpg_page_lock(index, VECPG_LOG_META_BLOCK, BUFFER_LOCK_EXCLUSIVE, VECPG_PAGE_META, 0);
    VecpgChange change;

    vec_stop_point("log-before-sealed");
    if (vecpg_page_meta(BufferGetPage(buffer))->sealed_to < sealed_to) {
        vecpg_change_begin(&change, index, true);
        vecpg_page_meta(vecpg_change_page(&change, buffer, false))->sealed_to = sealed_to;
        vecpg_change_end(&change);
    }
    UnlockReleaseBuffer(buffer);
}

static VecpgLogCache *
cache_refresh(Relation index)
{
    VecpgLogMeta meta;
    VecpgLogCache *cache;

    vecpg_log_meta_read(index, &meta);
    if (index->rd_amcache == NULL)
        index->rd_amcache = MemoryContextAlloc(index->rd_indexcxt, sizeof(VecpgLogCache));
    cache = index->rd_amcache;
    cache->shape.dimensions = meta.dimensions;
    cache->shape.element_type = meta.element_type;
    cache->shape.metric = meta.metric;
    cache->shape.attribute_bytes = meta.attribute_bytes;
    cache->shape.vector_bytes = meta.vector_bytes;
    cache->shape.keys = meta.keys;
    cache->slots_max = meta.slots_max;
    cache->tail_page_number = meta.tail_page_number;
    cache->tail_block = meta.tail_block;
    return cache;
}

VecpgLogShape
vecpg_log_shape(Relation index)
{
    VecpgLogCache *cache = index->rd_amcache ? index->rd_amcache : cache_refresh(index);

    return cache->shape;
}

/* A stale memory of the tail is common. That META, read anew, still names a page that is not the tail, is not: both change at once. */
#define TAIL_ATTEMPTS 10

/* Locks the tail page exclusively. */
static Buffer
tail_lock(Relation index, VecpgLogCache **cache)
{
    int unmoved = 0;

    *cache = index->rd_amcache ? index->rd_amcache : cache_refresh(index);
    while (unmoved < TAIL_ATTEMPTS) {
        uint64 page_number = (*cache)->tail_page_number;
        Buffer buffer = ReadBuffer(index, (*cache)->tail_block);
        Page page = BufferGetPage(buffer);

        LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
        if (vecpg_page_is(page, VECPG_PAGE_LOG, page_number) &&
            !(VecpgPageGetSpecial(page)->flags & VECPG_LOG_CLOSED))
            return buffer;
        UnlockReleaseBuffer(buffer);
        CHECK_FOR_INTERRUPTS();
        *cache = cache_refresh(index);
        unmoved = (*cache)->tail_page_number == page_number ? unmoved + 1 : 0;
    }
    vecpg_page_corrupt(index, (*cache)->tail_block, "META's tail page is not the tail");
}

/*
 * A block for a new page, locked exclusively: from the free list while it holds two or more (VACUUM adds at the last
 * one), else the first that belongs to nobody, which the file may have already. free_next says what the list goes on with.
 */
static Buffer
block_take(Relation index, VecpgJoin *join, BlockNumber *free_next)
{
    VecpgLogMeta *meta = &join->meta;
    BlockNumber block;
    Buffer buffer;

    *free_next = InvalidBlockNumber;
    if (meta->free_count > 1) {
        buffer = ReadBuffer(index, meta->free_head);
        LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
        *free_next = VecpgPageGetSpecial(BufferGetPage(buffer))->free_next;
        if (VecpgPageGetSpecial(BufferGetPage(buffer))->page_id != VECPG_LOG_PAGE_ID ||
            *free_next == InvalidBlockNumber)
            vecpg_page_corrupt(index, meta->free_head, "the free list breaks here");
        meta->free_head = *free_next;
        meta->free_count--;
        join->free_taken++;
        vec_stop_point("log-block-used-again");
        return buffer;
    }
    block = meta->block_count++;
    if (block < RelationGetNumberOfBlocks(index))
        return ReadBufferExtended(index, MAIN_FORKNUM, block, RBM_ZERO_AND_LOCK, NULL);
    LockRelationForExtension(index, ExclusiveLock);
    buffer = ReadBufferExtended(index, MAIN_FORKNUM, P_NEW, RBM_ZERO_AND_LOCK, NULL);
    UnlockRelationForExtension(index, ExclusiveLock);
    if (BufferGetBlockNumber(buffer) != block)
        vecpg_page_corrupt(index, BufferGetBlockNumber(buffer), "the relation was extended by somebody else");
    return buffer;
}

/* META's locked page takes over what this append changed: the tail, the blocks taken. VACUUM's end of the free list
 * and its counter may have moved since META was copied, so they are changed by difference. */
static void
meta_apply(VecpgLogMeta *stored, VecpgJoin *join)
{
    stored->tail_page_number = join->meta.tail_page_number;
    stored->tail_block = join->meta.tail_block;
    stored->block_count = join->meta.block_count;
    stored->directory_end = join->meta.directory_end;
    if (join->free_taken > 0) {
        stored->free_head = join->meta.free_head;
        stored->free_count -= join->free_taken;
        join->free_taken = 0;
    }
}

static Buffer
meta_lock(Relation index)
{
    return vecpg_page_lock(index, VECPG_LOG_META_BLOCK, BUFFER_LOCK_EXCLUSIVE, VECPG_PAGE_META, 0);
}

/* Makes the next directory page, and its map page if that is new, in a record of their own. */
static void
directory_extend(Relation index, VecpgJoin *join, bool logged)
{
    VecpgLogMeta *meta = &join->meta;
    uint64 directory_index = meta->directory_end;
    uint64 map_index = directory_index / VECPG_MAP_FANOUT;
    bool map_is_new = directory_index % VECPG_MAP_FANOUT == 0;
    BlockNumber directory_next;
    BlockNumber map_next = InvalidBlockNumber;
    Buffer directory_buffer;
    Buffer map_buffer;
    Buffer meta_buffer;
    VecpgChange change;
    Page page;
    VecpgLogMeta *stored;

    if (map_index >= meta->directory_first / VECPG_MAP_FANOUT + VECPG_MAP_SLOTS)
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                        errmsg("index \"%s\" has no room for further pages", RelationGetRelationName(index)),
                        errhint("REINDEX the index.")));
    directory_buffer = block_take(index, join, &directory_next);
    map_buffer = map_is_new ? block_take(index, join, &map_next)
                            : vecpg_page_lock(index, meta->map_blocks[map_index % VECPG_MAP_SLOTS],
                                              BUFFER_LOCK_EXCLUSIVE, VECPG_PAGE_MAP, map_index);
    meta_buffer = meta_lock(index);
    meta->directory_end++;
    meta->map_blocks[map_index % VECPG_MAP_SLOTS] = BufferGetBlockNumber(map_buffer);

    vecpg_change_begin(&change, index, logged);
    vecpg_page_init(vecpg_change_page(&change, directory_buffer, true), VECPG_PAGE_DIRECTORY, directory_index,
                    directory_next);
    page = vecpg_change_page(&change, map_buffer, map_is_new);
    if (map_is_new) {
        vecpg_page_init(page, VECPG_PAGE_MAP, map_index, map_next);
        memset(PageGetContents(page), 0xFF, VECPG_MAP_FANOUT * sizeof(BlockNumber));
    }
    ((BlockNumber *)PageGetContents(page))[directory_index % VECPG_MAP_FANOUT] =
        BufferGetBlockNumber(directory_buffer);
    stored = vecpg_page_meta(vecpg_change_page(&change, meta_buffer, false));
    meta_apply(stored, join);
    stored->map_blocks[map_index % VECPG_MAP_SLOTS] = BufferGetBlockNumber(map_buffer);
    vecpg_change_end(&change);
    vec_stop_point("log-directory-extended");
    UnlockReleaseBuffer(meta_buffer);
    UnlockReleaseBuffer(map_buffer);
    UnlockReleaseBuffer(directory_buffer);
}

/* An entry as one run of bytes: header, attributes, vector. */
typedef struct VecpgEntryBytes {
    VecpgEntryHeader header;
    const VecpgLogEntry *entry;
    uint32 attribute_bytes;
    uint32 length;
} VecpgEntryBytes;

static void
entry_copy(const VecpgEntryBytes *bytes, uint32 from, uint32 count, char *to)
{
    const struct {
        const char *start;
        uint32 length;
    } parts[3] = {{(const char *)&bytes->header, sizeof(VecpgEntryHeader)},
                  {bytes->entry->attributes, bytes->attribute_bytes},
                  {bytes->entry->vector, bytes->entry->is_null ? 0 : bytes->entry->vector_bytes}};

    for (int i = 0; i < lengthof(parts) && count > 0; i++) {
        if (from < parts[i].length) {
            uint32 piece = Min(count, parts[i].length - from);

            memcpy(to, parts[i].start + from, piece);
            to += piece;
            count -= piece;
            from = 0;
        } else
            from -= parts[i].length;
    }
    Assert(count == 0);
}

/* Bytes of an entry that can begin on this page; 0 if none can. */
static uint32
page_room(Page page, uint16 slots_max, const VecpgEntryBytes *bytes)
{
    uint32 room = ((PageHeader)page)->pd_upper - ((PageHeader)page)->pd_lower;

    if (VecpgPageGetSpecial(page)->slot_count >= slots_max ||
        room < sizeof(uint16) + sizeof(VecpgEntryHeader) + bytes->attribute_bytes)
        return 0;
    return Min(room - sizeof(uint16), bytes->length);
}

/* Begins the entry on the page: a slot and its first count bytes. */
static void
page_begin_entry(Page page, const VecpgEntryBytes *bytes, uint32 count)
{
    PageHeader header = (PageHeader)page;
    VecpgPageSpecial *special = VecpgPageGetSpecial(page);

    entry_copy(bytes, 0, count, page + header->pd_lower);
    *vecpg_page_slot(page, special->slot_count) = header->pd_lower;
    special->slot_count++;
    header->pd_lower += count;
    header->pd_upper -= sizeof(uint16);
}

/* A new log page that continues the entry after `done` bytes, or begins it when done is 0. Returns the bytes placed. */
static uint32
page_fill_joined(Page page, const VecpgLogMeta *meta, const VecpgEntryBytes *bytes, uint32 done)
{
    uint32 piece;

    if (done == 0) {
        piece = page_room(page, meta->slots_max, bytes);
        page_begin_entry(page, bytes, piece);
        return piece;
    }
    piece = Min(bytes->length - done, VECPG_PAGE_BYTES);
    entry_copy(bytes, done, piece, page + ((PageHeader)page)->pd_lower);
    ((PageHeader)page)->pd_lower += piece;
    VecpgPageGetSpecial(page)->continuation_bytes = piece;
    return piece;
}

static void
directory_set(Page directory_page, const VecpgLogMeta *meta, uint64 page_number, BlockNumber block,
              uint16 slots_before, bool continues)
{
    VecpgDirectoryEntry *entry = vecpg_page_directory_entry(directory_page, meta, page_number);

    memset(entry, 0, meta->directory_entry_bytes);
    entry->block = block;
    entry->slots_before = slots_before;
    entry->flags = VECPG_DIRECTORY_LIVE | (continues ? VECPG_DIRECTORY_CONTINUES : 0);
}

static Buffer
directory_lock(Relation index, const VecpgLogMeta *meta, uint64 page_number)
{
    uint64 directory_index = page_number / meta->directory_fanout;
    BlockNumber block = vecpg_log_directory_block(index, meta, directory_index);

    if (block == InvalidBlockNumber)
        vecpg_page_corrupt(index, VECPG_LOG_META_BLOCK, "a directory page is missing");
    return vecpg_page_lock(index, block, BUFFER_LOCK_EXCLUSIVE, VECPG_PAGE_DIRECTORY, directory_index);
}

/* The tail page's last words: the entry's first piece, if one fits, and that another page follows. */
static void
tail_close(Page page, const VecpgEntryBytes *bytes, uint32 first_bytes)
{
    if (first_bytes > 0)
        page_begin_entry(page, bytes, first_bytes);
    VecpgPageGetSpecial(page)->flags |= VECPG_LOG_CLOSED;
}

/* The common case: one page joins, and one record of {tail, new page, directory, META} does it all. */
static void
append_joining_one(Relation index, VecpgJoin *join, Buffer tail, const VecpgEntryBytes *bytes,
                   uint32 first_bytes, bool logged)
{
    VecpgLogMeta *meta = &join->meta;
    BlockNumber free_next;
    Buffer new_buffer = block_take(index, join, &free_next);
    Buffer directory_buffer = directory_lock(index, meta, meta->tail_page_number + 1);
    Buffer meta_buffer = meta_lock(index);
    VecpgChange change;
    Page tail_page;
    Page new_page;

    meta->tail_page_number++;
    meta->tail_block = BufferGetBlockNumber(new_buffer);
    vecpg_change_begin(&change, index, logged);
    tail_page = vecpg_change_page(&change, tail, false);
    tail_close(tail_page, bytes, first_bytes);
    new_page = vecpg_change_page(&change, new_buffer, true);
    vecpg_page_init(new_page, VECPG_PAGE_LOG, meta->tail_page_number, free_next);
    page_fill_joined(new_page, meta, bytes, first_bytes);
    directory_set(vecpg_change_page(&change, directory_buffer, false), meta, meta->tail_page_number,
                  meta->tail_block, VecpgPageGetSpecial(tail_page)->slot_count, first_bytes > 0);
    meta_apply(vecpg_page_meta(vecpg_change_page(&change, meta_buffer, false)), join);
    vecpg_change_end(&change);
    vec_stop_point("log-page-joined");
    UnlockReleaseBuffer(meta_buffer);
    UnlockReleaseBuffer(directory_buffer);
    UnlockReleaseBuffer(new_buffer);
}

/* Many pages join: each with its directory entry in a record that publishes nothing, then {tail, META}. */
static void
append_joining_many(Relation index, VecpgJoin *join, Buffer tail, const VecpgEntryBytes *bytes,
                    uint32 first_bytes, uint32 page_count, bool logged)
{
    VecpgLogMeta *meta = &join->meta;
    uint32 done = first_bytes;
    uint16 slots_before = VecpgPageGetSpecial(BufferGetPage(tail))->slot_count + (first_bytes > 0 ? 1 : 0);
    VecpgChange change;
    Buffer meta_buffer;

    for (uint32 i = 0; i < page_count; i++) {
        BlockNumber free_next;
        Buffer new_buffer = block_take(index, join, &free_next);
        Buffer directory_buffer = directory_lock(index, meta, meta->tail_page_number + 1);
        bool continues = done > 0;
        Page new_page;

        meta->tail_page_number++;
        meta->tail_block = BufferGetBlockNumber(new_buffer);
        vecpg_change_begin(&change, index, logged);
        new_page = vecpg_change_page(&change, new_buffer, true);
        vecpg_page_init(new_page, VECPG_PAGE_LOG, meta->tail_page_number, free_next);
        /* Only the last page stays open. */
        if (i < page_count - 1)
            VecpgPageGetSpecial(new_page)->flags |= VECPG_LOG_CLOSED;
        done += page_fill_joined(new_page, meta, bytes, done);
        directory_set(vecpg_change_page(&change, directory_buffer, false), meta, meta->tail_page_number,
                      meta->tail_block, slots_before, continues);
        slots_before = VecpgPageGetSpecial(new_page)->slot_count;
        vecpg_change_end(&change);
        vec_stop_point("log-between-pages");
        UnlockReleaseBuffer(directory_buffer);
        UnlockReleaseBuffer(new_buffer);
    }
    Assert(done == bytes->length);
    vec_stop_point("log-before-publication");
    meta_buffer = meta_lock(index);
    vecpg_change_begin(&change, index, logged);
    tail_close(vecpg_change_page(&change, tail, false), bytes, first_bytes);
    meta_apply(vecpg_page_meta(vecpg_change_page(&change, meta_buffer, false)), join);
    vecpg_change_end(&change);
    vec_stop_point("log-published");
    UnlockReleaseBuffer(meta_buffer);
}

/* The entry does not fit what is left of the tail page, whose lock is held. */
static uint64
append_joining(Relation index, Buffer tail, VecpgLogCache *cache, const VecpgEntryBytes *bytes, bool logged)
{
    Page tail_page = BufferGetPage(tail);
    VecpgJoin join = {.free_taken = 0};
    uint32 first_bytes;
    uint32 page_count;
    uint64 position;

    vecpg_log_meta_read(index, &join.meta);
    first_bytes = page_room(tail_page, join.meta.slots_max, bytes);
    /* An entry that begins on a new page spends two bytes there on its slot. */
    page_count =
        (bytes->length - first_bytes + (first_bytes == 0 ? sizeof(uint16) : 0) + VECPG_PAGE_BYTES - 1) /
        VECPG_PAGE_BYTES;
    position = first_bytes > 0
                   ? VecpgPositionMake(join.meta.tail_page_number, VecpgPageGetSpecial(tail_page)->slot_count)
                   : VecpgPositionMake(join.meta.tail_page_number + 1, 0);
    while (join.meta.directory_end <= (join.meta.tail_page_number + page_count) / join.meta.directory_fanout)
        directory_extend(index, &join, logged);
    if (page_count == 1)
        append_joining_one(index, &join, tail, bytes, first_bytes, logged);
    else
        append_joining_many(index, &join, tail, bytes, first_bytes, page_count, logged);
    cache->tail_page_number = join.meta.tail_page_number;
    cache->tail_block = join.meta.tail_block;
    return position;
}

uint64
vecpg_log_append(Relation index, const VecpgLogEntry *entry, bool logged)
{
    VecpgLogCache *cache;
    Buffer tail = tail_lock(index, &cache);
    Page page = BufferGetPage(tail);
    VecpgEntryBytes bytes = {.entry = entry};
    uint64 position;

    bytes.attribute_bytes = cache->shape.attribute_bytes;
    bytes.header.tid = entry->tid;
    bytes.header.flags = entry->is_null ? VECPG_ENTRY_NULL : 0;
    bytes.header.payload_bytes = bytes.attribute_bytes + (entry->is_null ? 0 : entry->vector_bytes);
    bytes.length = sizeof(VecpgEntryHeader) + bytes.header.payload_bytes;
    if (page_room(page, cache->slots_max, &bytes) == bytes.length) {
        VecpgChange change;

        position = VecpgPositionMake(cache->tail_page_number, VecpgPageGetSpecial(page)->slot_count);
        vecpg_change_begin(&change, index, logged);
        page_begin_entry(vecpg_change_page(&change, tail, false), &bytes, bytes.length);
        vecpg_change_end(&change);
    } else
        position = append_joining(index, tail, cache, &bytes, logged);
    UnlockReleaseBuffer(tail);
    return position;
}
