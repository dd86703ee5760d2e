/*
 * log_read.c: reading rows out of the log, by position and in order.
 *
 * A reader holds one content lock at a time and copies what it needs. Between the directory page and the log page a
 * VACUUM may retire the page and a writer may use its block again: then the number in the page is not the expected one,
 * and the row was dead.
 */
#include "log.h"
#include "errors.h"
#include "buffer_hint.h"
#include "log_page.h"

#include "access/relscan.h"
#include "miscadmin.h"
#include "utils/memutils.h"

struct VecpgLogReader {
    Relation index;
    MemoryContext context;
    BufferAccessStrategy strategy;
    char *entry_bytes; /* the entry last handed out */
    Size entry_capacity_bytes;

    /* the walk, and is_dead */
    PGAlignedBlock *directory; /* copy of a directory page; made when first needed */
    uint64 directory_index;    /* PG_UINT64_MAX: none */
    bool directory_exists;
    PGAlignedBlock *page; /* copy of the log page that the walk is on; made when first needed */
    uint64 page_number;
    bool page_loaded;
    uint16 slot;
    uint64 to;

    VecpgLogMeta meta; /* last, and not cleared: it is large */
};

VecpgLogReader *
vecpg_log_reader_open(Relation index, BufferAccessStrategy strategy)
{
    VecpgLogReader *reader = palloc(sizeof(VecpgLogReader));

    memset(reader, 0, offsetof(VecpgLogReader, meta));
    reader->index = index;
    reader->context = CurrentMemoryContext;
    reader->strategy = strategy;
    vecpg_log_meta_read(index, &reader->meta);
    reader->entry_capacity_bytes =
        sizeof(VecpgEntryHeader) + reader->meta.attribute_bytes + reader->meta.vector_bytes;
    reader->entry_bytes = palloc(reader->entry_capacity_bytes);
    reader->directory_index = PG_UINT64_MAX;
    return reader;
}

void
vecpg_log_reader_close(VecpgLogReader *reader)
{
    if (reader->directory != NULL)
        pfree(reader->directory);
    if (reader->page != NULL)
        pfree(reader->page);
    pfree(reader->entry_bytes);
    pfree(reader);
}

const VecpgLogMeta *
vecpg_log_reader_meta(const VecpgLogReader *reader)
{
    return &reader->meta;
}

/* Share-locks the block where the log page of this number is, or was. */
static Buffer
reader_lock(VecpgLogReader *reader, BlockNumber block, uint64 page_number)
{
    Buffer buffer =
        reader->strategy == NULL
            ? vecpg_buffer_hint_read_log_page(reader->index, block, page_number)
            : ReadBufferExtended(reader->index, MAIN_FORKNUM, block, RBM_NORMAL, reader->strategy);

    LockBuffer(buffer, BUFFER_LOCK_SHARE);
    return buffer;
}

uint64
vecpg_log_reader_end(VecpgLogReader *reader)
{
    Buffer buffer = reader_lock(reader, reader->meta.tail_block, reader->meta.tail_page_number);
    Page page = BufferGetPage(buffer);
    uint64 end = VecpgPositionMake(reader->meta.tail_page_number + 1, 0);

    /* Another page has its block: it was closed, all its rows died, and it was retired since META was read. */
    if (vecpg_page_is(page, VECPG_PAGE_LOG, reader->meta.tail_page_number))
        end = VecpgPositionMake(reader->meta.tail_page_number, VecpgPageGetSpecial(page)->slot_count);
    UnlockReleaseBuffer(buffer);
    return end;
}

/* Locks a directory page that was pinned; InvalidBuffer if it is another page. */
static Buffer
directory_identify(VecpgLogReader *reader, uint64 directory_index, Buffer buffer)
{
    LockBuffer(buffer, BUFFER_LOCK_SHARE);
    if (vecpg_page_is(BufferGetPage(buffer), VECPG_PAGE_DIRECTORY, directory_index))
        return buffer;
    UnlockReleaseBuffer(buffer);
    return InvalidBuffer;
}

/* The directory page's buffer, share-locked; InvalidBuffer if the directory no longer holds it. */
static Buffer
directory_lock_share(VecpgLogReader *reader, uint64 directory_index)
{
    BlockNumber block;
    Buffer buffer;

    if (directory_index < reader->meta.directory_first || directory_index >= reader->meta.directory_end)
        return InvalidBuffer;
    buffer = vecpg_buffer_hint_read_directory(reader->index, directory_index, reader->meta.block_count);
    if (buffer != InvalidBuffer)
        buffer = directory_identify(reader, directory_index, buffer);
    if (buffer != InvalidBuffer)
        return buffer;
    block = vecpg_log_directory_block(reader->index, &reader->meta, directory_index);
    if (block == InvalidBlockNumber)
        return InvalidBuffer;
    buffer = ReadBufferExtended(reader->index, MAIN_FORKNUM, block, RBM_NORMAL, reader->strategy);
    buffer = directory_identify(reader, directory_index, buffer);
    if (buffer != InvalidBuffer)
        vecpg_buffer_hint_found_directory(reader->index, directory_index, block, buffer);
    return buffer;
}

/* The directory's entry of a log page, and its page's buffer, share-locked; NULL, and nothing locked, where there is none. */
static VecpgDirectoryEntry *
directory_entry_lock(VecpgLogReader *reader, uint64 page_number, Buffer *buffer)
{
    if (page_number > reader->meta.tail_page_number)
        return NULL;
    *buffer = directory_lock_share(reader, page_number / reader->meta.directory_fanout);
    if (*buffer == InvalidBuffer)
        return NULL;
    return vecpg_page_directory_entry(BufferGetPage(*buffer), &reader->meta, page_number);
}

/* What the directory says of a log page, but for its dead bits; false if it is retired or unknown. */
static bool
directory_read(VecpgLogReader *reader, uint64 page_number, VecpgDirectoryEntry *entry)
{
    Buffer buffer;
    const VecpgDirectoryEntry *found = directory_entry_lock(reader, page_number, &buffer);

    if (found == NULL)
        return false;
    memcpy(entry, found, sizeof(*entry));
    UnlockReleaseBuffer(buffer);
    return (entry->flags & VECPG_DIRECTORY_LIVE) != 0;
}

/* The block of the log page of a row; false if the row is dead or unknown. */
static bool
row_locate(VecpgLogReader *reader, uint64 page_number, uint16 slot, BlockNumber *block)
{
    Buffer buffer;
    VecpgDirectoryEntry *entry = directory_entry_lock(reader, page_number, &buffer);
    bool live;

    if (entry == NULL)
        return false;
    live = !vecpg_directory_is_dead(entry, &reader->meta, slot);
    *block = entry->block;
    UnlockReleaseBuffer(buffer);
    return live;
}

/* Appends to entry_bytes the pieces on the pages after page_number. False: they are not there (any more). */
static bool
entry_gather(VecpgLogReader *reader, uint64 page_number, Size done, Size length)
{
    while (done < length) {
        VecpgDirectoryEntry entry;
        Buffer buffer;
        Page page;
        uint16 piece;

        page_number++;
        if (!directory_read(reader, page_number, &entry))
            return false;
        buffer = reader_lock(reader, entry.block, page_number);
        page = BufferGetPage(buffer);
        if (!vecpg_page_is(page, VECPG_PAGE_LOG, page_number)) {
            UnlockReleaseBuffer(buffer);
            return false;
        }
        piece = VecpgPageGetSpecial(page)->continuation_bytes;
        if (piece == 0 || piece > VECPG_PAGE_BYTES || piece > length - done)
            vecpg_page_corrupt(reader->index, entry.block,
                               "a continued entry's piece has an impossible length");
        memcpy(reader->entry_bytes + done, PageGetContents(page), piece);
        UnlockReleaseBuffer(buffer);
        done += piece;
    }
    return true;
}

/*
 * Copies the piece of an entry that stands on its first page (a locked buffer's, or a copy). Returns its length; the
 * whole entry's goes to *length.
 */
static Size
entry_begin(VecpgLogReader *reader, Page page, BlockNumber block, uint16 slot, Size *length)
{
    PageHeader header = (PageHeader)page;
    uint32 offset = *vecpg_page_slot(page, slot);
    VecpgEntryHeader entry;
    Size piece;

    if (offset < SizeOfPageHeaderData || offset + sizeof(VecpgEntryHeader) > header->pd_lower ||
        header->pd_lower > header->pd_special)
        vecpg_page_corrupt(reader->index, block, "a slot points outside its page");
    memcpy(&entry, page + offset, sizeof(entry));
    *length = sizeof(VecpgEntryHeader) + (Size)entry.payload_bytes;
    if (reader->meta.vector_bytes > 0) {
        if (entry.payload_bytes !=
            reader->meta.attribute_bytes + ((entry.flags & VECPG_ENTRY_NULL) ? 0 : reader->meta.vector_bytes))
            vecpg_page_corrupt(reader->index, block, "an entry's length does not fit the index's dimensions");
    } else if (!AllocSizeIsValid(*length) || entry.payload_bytes < reader->meta.attribute_bytes)
        vecpg_page_corrupt(reader->index, block, "an entry has an impossible length");
    if (*length > reader->entry_capacity_bytes) {
        pfree(reader->entry_bytes);
        reader->entry_capacity_bytes = *length;
        reader->entry_bytes = palloc(*length);
    }
    piece = Min(*length, header->pd_lower - offset);
    memcpy(reader->entry_bytes, page + offset, piece);
    return piece;
}

static void
entry_hand_out(VecpgLogReader *reader, uint64 position, VecpgLogEntry *out)
{
    VecpgEntryHeader *header = (VecpgEntryHeader *)reader->entry_bytes;

    out->position = position;
    out->tid = header->tid;
    out->is_null = (header->flags & VECPG_ENTRY_NULL) != 0;
    out->attributes = reader->entry_bytes + sizeof(VecpgEntryHeader);
    out->vector = out->attributes + reader->meta.attribute_bytes;
    out->vector_bytes = header->payload_bytes - reader->meta.attribute_bytes;
}

bool
vecpg_log_reader_fetch(VecpgLogReader *reader, uint64 position, VecpgLogEntry *entry)
{
    uint64 page_number = VecpgPositionPage(position);
    uint16 slot = VecpgPositionSlot(position);
    BlockNumber block;
    Buffer buffer;
    Page page;
    Size piece;
    Size length;

    if (!row_locate(reader, page_number, slot, &block))
        return false;
    buffer = reader_lock(reader, block, page_number);
    page = BufferGetPage(buffer);
    if (!vecpg_page_is(page, VECPG_PAGE_LOG, page_number) || slot >= VecpgPageGetSpecial(page)->slot_count) {
        UnlockReleaseBuffer(buffer);
        return false;
    }
    piece = entry_begin(reader, page, block, slot, &length);
    UnlockReleaseBuffer(buffer);
    if (piece < length && !entry_gather(reader, page_number, piece, length))
        return false;
    entry_hand_out(reader, position, entry);
    return true;
}

void
vecpg_log_reader_expect(VecpgLogReader *reader, uint64 position)
{
    vecpg_buffer_hint_prefetch_log_page(reader->index, VecpgPositionPage(position));
}

void
vecpg_log_reader_expect_soon(VecpgLogReader *reader, uint64 position)
{
    vecpg_buffer_hint_prefetch_entry(reader->index, VecpgPositionPage(position), VecpgPositionSlot(position),
                                     reader->entry_capacity_bytes);
}

bool
vecpg_log_reader_read_ahead(VecpgLogReader *reader, uint64 position)
{
    uint64 first = VecpgPositionPage(position);
    uint64 last = first + 1 + reader->entry_capacity_bytes / VECPG_PAGE_BYTES;
    VecpgDirectoryEntry entry;

    if (vecpg_buffer_hint_is_log_page(reader->index, first))
        return false;
    for (uint64 number = first; number <= last && directory_read(reader, number, &entry); number++) {
        /* only the last entry of a page runs on, and only as far as pages say that they begin with a piece of one */
        if (number > first && !(entry.flags & VECPG_DIRECTORY_CONTINUES))
            break;
        if (number == first + 1 && entry.slots_before > VecpgPositionSlot(position) + 1)
            break;
        (void)PrefetchBuffer(reader->index, MAIN_FORKNUM, entry.block);
    }
    return true;
}

bool
vecpg_log_reader_is_live(VecpgLogReader *reader, uint64 position)
{
    BlockNumber block;

    return row_locate(reader, VecpgPositionPage(position), VecpgPositionSlot(position), &block);
}

/* Makes reader->directory the copy of the directory page that covers page_number. */
static void
directory_load(VecpgLogReader *reader, uint64 page_number)
{
    uint64 directory_index = page_number / reader->meta.directory_fanout;
    Buffer buffer;

    if (reader->directory_index == directory_index)
        return;
    buffer = directory_lock_share(reader, directory_index);
    reader->directory_exists = buffer != InvalidBuffer;
    if (reader->directory_exists) {
        if (reader->directory == NULL)
            reader->directory = MemoryContextAlloc(reader->context, sizeof(PGAlignedBlock));
        memcpy(reader->directory->data, BufferGetPage(buffer), BLCKSZ);
        UnlockReleaseBuffer(buffer);
    }
    reader->directory_index = directory_index;
}

/* The entry of the page in the loaded copy; NULL if the page is retired or unknown. */
static VecpgDirectoryEntry *
directory_entry_loaded(VecpgLogReader *reader, uint64 page_number)
{
    VecpgDirectoryEntry *entry;

    directory_load(reader, page_number);
    if (!reader->directory_exists)
        return NULL;
    entry = vecpg_page_directory_entry(reader->directory->data, &reader->meta, page_number);
    return (entry->flags & VECPG_DIRECTORY_LIVE) ? entry : NULL;
}

bool
vecpg_log_reader_is_dead(VecpgLogReader *reader, uint64 position)
{
    VecpgDirectoryEntry *entry;

    if (VecpgPositionPage(position) > reader->meta.tail_page_number)
        return true;
    entry = directory_entry_loaded(reader, VecpgPositionPage(position));
    return entry == NULL || vecpg_directory_is_dead(entry, &reader->meta, VecpgPositionSlot(position));
}

/* Counts the slots of [first, end), unless the page is retired, until live_max live ones were counted; where it stopped. */
static uint16
count_slots(VecpgDirectoryEntry *entry, const VecpgLogMeta *meta, uint16 first, uint16 end, uint64 live_max,
            VecpgLogCount *count)
{
    uint16 slot = first;

    if (!(entry->flags & VECPG_DIRECTORY_LIVE))
        return end;
    for (; slot < end && count->live < live_max; slot++)
        if (vecpg_directory_is_dead(entry, meta, slot))
            count->dead++;
        else
            count->live++;
    return slot;
}

static uint16
first_slot_of(uint64 from, uint64 page_number)
{
    return VecpgPositionPage(from) == page_number ? VecpgPositionSlot(from) : 0;
}

/* Counts the rows of [from, to) until live_max live ones were counted. Returns where it stopped. */
static uint64
count_rows(VecpgLogReader *reader, uint64 from, uint64 to, uint64 live_max, VecpgLogCount *count)
{
    const VecpgLogMeta *meta = &reader->meta;
    uint64 end = Min(to, vecpg_log_reader_end(reader));
    uint64 number = Max(VecpgPositionPage(from), meta->directory_first * meta->directory_fanout);
    uint64 previous_number = number;
    VecpgDirectoryEntry *previous =
        palloc0(meta->directory_entry_bytes); /* not live: before the first page */
    bool is_last = false;

    *count = (VecpgLogCount){0, 0};
    reader->directory_index = PG_UINT64_MAX;
    for (; !is_last && count->live < live_max; number++) {
        VecpgDirectoryEntry *entry = NULL;
        uint16 slot;

        is_last = number > VecpgPositionPage(end);
        if (number % meta->directory_fanout == 0)
            vecpg_errors_check();
        if (!is_last) {
            directory_load(reader, number);
            if (!reader->directory_exists)
                continue;
            entry = vecpg_page_directory_entry(reader->directory->data, meta, number);
        }
        /* A page's slot count stands in the entry of the page after it. */
        slot = count_slots(previous, meta, first_slot_of(from, previous_number),
                           is_last ? VecpgPositionSlot(end) : entry->slots_before, live_max, count);
        if (count->live == live_max)
            end = VecpgPositionMake(previous_number, slot);
        if (!is_last)
            memcpy(previous, entry, meta->directory_entry_bytes);
        previous_number = number;
    }
    pfree(previous);
    return end;
}

VecpgLogCount
vecpg_log_reader_count(VecpgLogReader *reader, uint64 from, uint64 to)
{
    VecpgLogCount count;

    (void)count_rows(reader, from, to, PG_UINT64_MAX, &count);
    return count;
}

uint64
vecpg_log_reader_count_live(VecpgLogReader *reader, uint64 from, uint64 to)
{
    return vecpg_log_reader_count(reader, from, to).live;
}

uint64
vecpg_log_reader_after_live(VecpgLogReader *reader, uint64 from, uint64 to, uint64 rows)
{
    VecpgLogCount count;

    return count_rows(reader, from, to, rows, &count);
}

void
vecpg_log_reader_seek(VecpgLogReader *reader, uint64 from, uint64 to)
{
    uint64 first = reader->meta.directory_first * reader->meta.directory_fanout;

    reader->page_number = Max(VecpgPositionPage(from), first);
    reader->slot = VecpgPositionPage(from) < first ? 0 : VecpgPositionSlot(from);
    reader->page_loaded = false;
    reader->directory_index = PG_UINT64_MAX;
    reader->to = Min(to, VecpgPositionMake(reader->meta.tail_page_number + 1, 0));
}

/* Copies the page of the walk. False: it is retired, so all its rows are dead. */
static bool
walk_load_page(VecpgLogReader *reader)
{
    VecpgDirectoryEntry *entry = directory_entry_loaded(reader, reader->page_number);
    Buffer buffer;
    bool expected;

    if (entry == NULL)
        return false;
    buffer = reader_lock(reader, entry->block, reader->page_number);
    expected = vecpg_page_is(BufferGetPage(buffer), VECPG_PAGE_LOG, reader->page_number);
    if (expected && reader->page == NULL)
        reader->page = MemoryContextAlloc(reader->context, sizeof(PGAlignedBlock));
    if (expected)
        memcpy(reader->page->data, BufferGetPage(buffer), BLCKSZ);
    UnlockReleaseBuffer(buffer);
    reader->page_loaded = expected;
    return expected;
}

bool
vecpg_log_reader_next(VecpgLogReader *reader, VecpgLogEntry *entry)
{
    while (VecpgPositionMake(reader->page_number, reader->slot) < reader->to) {
        Page page;
        VecpgDirectoryEntry *directory_entry;
        uint16 slot;
        Size piece;
        Size length;

        if (!reader->page_loaded)
            vecpg_errors_check();
        if ((!reader->page_loaded && !walk_load_page(reader)) ||
            reader->slot >= VecpgPageGetSpecial((Page)reader->page->data)->slot_count) {
            reader->page_number++;
            reader->slot = 0;
            reader->page_loaded = false;
            continue;
        }
        page = (Page)reader->page->data;
        slot = reader->slot++;
        directory_entry = directory_entry_loaded(reader, reader->page_number);
        if (directory_entry == NULL || vecpg_directory_is_dead(directory_entry, &reader->meta, slot))
            continue;
        piece = entry_begin(reader, page, directory_entry->block, slot, &length);
        if (piece < length && !entry_gather(reader, reader->page_number, piece, length))
            continue; /* published after META was read, or dead since */
        entry_hand_out(reader, VecpgPositionMake(reader->page_number, slot), entry);
        return true;
    }
    return false;
}
