/*
 * log_page.c: the ground of the log: what a page of ours looks like, how it is locked, how up to four change as one.
 */
#include "log_page.h"

#include "access/xloginsert.h"
#include "miscadmin.h"

StaticAssertDecl(sizeof(VecpgPageSpecial) == 24, "the special space is part of the page format");
StaticAssertDecl(sizeof(VecpgEntryHeader) == 12, "the entry header is part of the page format");
StaticAssertDecl(sizeof(VecpgDirectoryEntry) == 8, "the directory entry is part of the page format");
StaticAssertDecl(offsetof(VecpgLogMeta, map_blocks) == 88, "META is part of the page format");
StaticAssertDecl(offsetof(VecpgLogMeta, keys) == 88 + 4 * VECPG_MAP_SLOTS, "META is part of the page format");
StaticAssertDecl(sizeof(VecpgKeyLayout) == 36, "META is part of the page format");
StaticAssertDecl(sizeof(VecpgLogMeta) <= VECPG_PAGE_BYTES, "META fits a page");
StaticAssertDecl(VECPG_CHANGE_PAGES_MAX <= MAX_GENERIC_XLOG_PAGES, "a change fits a Generic WAL record");

void
vecpg_change_begin(VecpgChange *change, Relation index, bool logged)
{
    change->state = logged ? GenericXLogStart(index) : NULL;
    change->buffer_count = 0;
}

Page
vecpg_change_page(VecpgChange *change, Buffer buffer, bool is_new)
{
    Assert(change->buffer_count < VECPG_CHANGE_PAGES_MAX);
    change->buffers[change->buffer_count++] = buffer;
    if (change->state)
        return GenericXLogRegisterBuffer(change->state, buffer, is_new ? GENERIC_XLOG_FULL_IMAGE : 0);
    return BufferGetPage(buffer);
}

void
vecpg_change_end(VecpgChange *change)
{
    if (change->state)
        GenericXLogFinish(change->state);
    else
        for (int i = 0; i < change->buffer_count; i++)
            MarkBufferDirty(change->buffers[i]);
}

void
vecpg_page_init(Page page, VecpgPageKind kind, uint64 number, BlockNumber free_next)
{
    VecpgPageSpecial *special;

    PageInit(page, BLCKSZ, sizeof(VecpgPageSpecial));
    special = VecpgPageGetSpecial(page);
    special->number = number;
    special->free_next = free_next;
    special->kind = kind;
    special->page_id = VECPG_LOG_PAGE_ID;
    /* Generic WAL takes what lies between pd_lower and pd_upper for a hole: only LOG pages grow into it. */
    if (kind == VECPG_PAGE_META || kind == VECPG_PAGE_MAP || kind == VECPG_PAGE_DIRECTORY)
        ((PageHeader)page)->pd_lower = ((PageHeader)page)->pd_upper;
}

bool
vecpg_page_is(Page page, VecpgPageKind kind, uint64 number)
{
    VecpgPageSpecial *special;

    if (PageIsNew(page) || PageGetSpecialSize(page) != MAXALIGN(sizeof(VecpgPageSpecial)))
        return false;
    special = VecpgPageGetSpecial(page);
    return special->page_id == VECPG_LOG_PAGE_ID && special->kind == kind && special->number == number;
}

void
vecpg_page_corrupt(Relation index, BlockNumber block, const char *what)
{
    ereport(ERROR,
            (errcode(ERRCODE_INDEX_CORRUPTED),
             errmsg("index \"%s\" is corrupt at block %u: %s", RelationGetRelationName(index), block, what),
             errhint("REINDEX the index.")));
}

Buffer
vecpg_page_lock(Relation index, BlockNumber block, int lock_mode, VecpgPageKind kind, uint64 number)
{
    Buffer buffer = ReadBuffer(index, block);

    LockBuffer(buffer, lock_mode);
    if (!vecpg_page_is(BufferGetPage(buffer), kind, number))
        vecpg_page_corrupt(index, block, "the page is of another kind or number than its reference says");
    return buffer;
}

BlockNumber
vecpg_log_directory_block(Relation index, const VecpgLogMeta *meta, uint64 directory_index)
{
    BlockNumber block = meta->map_blocks[(directory_index / VECPG_MAP_FANOUT) % VECPG_MAP_SLOTS];
    BlockNumber result = InvalidBlockNumber;
    Buffer buffer;

    if (directory_index < meta->directory_first || directory_index >= meta->directory_end ||
        block == InvalidBlockNumber)
        return InvalidBlockNumber;
    buffer = ReadBuffer(index, block);
    LockBuffer(buffer, BUFFER_LOCK_SHARE);
    /* A map that was freed meanwhile, or stands for another index in the ring, names nothing that we look for. */
    if (vecpg_page_is(BufferGetPage(buffer), VECPG_PAGE_MAP, directory_index / VECPG_MAP_FANOUT))
        result = ((BlockNumber *)PageGetContents(BufferGetPage(buffer)))[directory_index % VECPG_MAP_FANOUT];
    UnlockReleaseBuffer(buffer);
    return result;
}
