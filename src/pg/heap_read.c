/*
 * heap_read.c: the vectors of candidates out of the table's rows, and the pages of these.
 *
 * The executor fetches every row that a scan gives, and so reads its page of the table in any case. Where rows hold their vectors in
 * line, the log would be read for the same bytes once more, from another page. A row that the scan's snapshot sees has the vector that
 * was indexed: an update that changes it makes a new row, with a TID and an entry in the log of its own. (A serializable transaction locks
 * all rows whose vectors are compared, not only those that are given.)
 */
#include "heap_read.h"

#include "access/heapam.h"
#include "access/heaptoast.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "buffer_hint.h"
#include "executor/tuptable.h"
#include "storage/smgr.h"
#include "utils/rel.h"

/* What a row has beside its vector at least: a header and a key. */
#define ROW_BYTES_BESIDE 40

struct VecpgHeapReader {
    IndexScanDesc scan;
    Relation heap;
    TupleTableSlot *slot; /* NULL if has_vectors was never true */
    AttrNumber attribute;
    bool has_vectors;
};

/* As far as the column says; vectors whose size varies (0 bytes) tell themselves. */
static bool
is_in_line(const FormData_pg_attribute *attribute, uint32 vector_bytes)
{
    return attribute->attstorage == TYPSTORAGE_PLAIN || attribute->attstorage == TYPSTORAGE_MAIN ||
           vector_bytes + ROW_BYTES_BESIDE <= TOAST_TUPLE_THRESHOLD;
}

VecpgHeapReader *
vecpg_heap_reader_open(IndexScanDesc scan, const VecpgLogMeta *meta)
{
    Relation heap = scan->heapRelation;
    VecpgHeapReader *reader;

    if (heap == NULL || scan->xs_heapfetch == NULL)
        return NULL;
    reader = palloc0(sizeof(VecpgHeapReader));
    reader->scan = scan;
    reader->heap = heap;
    reader->attribute = scan->indexRelation->rd_index->indkey.values[0];
    reader->has_vectors =
        reader->attribute > 0 && heap->rd_tableam == GetHeapamTableAmRoutine() &&
        is_in_line(TupleDescAttr(RelationGetDescr(heap), reader->attribute - 1), meta->vector_bytes);
    if (reader->has_vectors)
        reader->slot = table_slot_create(heap, NULL);
    return reader;
}

void
vecpg_heap_reader_close(VecpgHeapReader *reader)
{
    if (reader == NULL)
        return;
    if (reader->slot != NULL)
        ExecDropSingleTupleTableSlot(reader->slot);
    pfree(reader);
}

bool
vecpg_heap_reader_has_vectors(const VecpgHeapReader *reader)
{
    return reader != NULL && reader->has_vectors;
}

/*
 * Whether a row may be in the table: its TID comes from a segment file, which may be damaged. Asks for the table's size only when it is not known.
 */
static bool
is_in_table(const VecpgHeapReader *reader, const ItemPointerData *tid)
{
    BlockNumber block = ItemPointerGetBlockNumberNoCheck(tid);
    OffsetNumber offset = ItemPointerGetOffsetNumberNoCheck(tid);
    BlockNumber known = RelationGetSmgr(reader->heap)->smgr_cached_nblocks[MAIN_FORKNUM];

    if (offset == InvalidOffsetNumber || offset > MaxHeapTuplesPerPage)
        return false;
    return (known != InvalidBlockNumber && block < known) || block < RelationGetNumberOfBlocks(reader->heap);
}

/*
 * A fetch of heapam's keeps the page of the row before pinned, and does not look a page up that it has, nor think of pruning it: it is given the
 * one where the row was found last, unless that has something to prune. Looking pages up in the table of buffers, once here and once by the
 * executor, was an eighth of a search for a hundred rows.
 */
static void
lend_page(const VecpgHeapReader *reader, BlockNumber block)
{
    IndexFetchHeapData *fetch = (IndexFetchHeapData *)reader->scan->xs_heapfetch;
    Buffer buffer;

    if (BufferIsValid(fetch->xs_cbuf) && BufferGetBlockNumber(fetch->xs_cbuf) == block)
        return;
    buffer = vecpg_buffer_hint_pin_heap_page(reader->heap, block);
    if (buffer == InvalidBuffer)
        return;
    if (TransactionIdIsValid(((PageHeader)BufferGetPage(buffer))->pd_prune_xid)) {
        ReleaseBuffer(buffer);
        return;
    }
    if (BufferIsValid(fetch->xs_cbuf))
        ReleaseBuffer(fetch->xs_cbuf);
    fetch->xs_cbuf = buffer;
}

VecpgHeapResult
vecpg_heap_reader_fetch(VecpgHeapReader *reader, const ItemPointerData *tid, const VecpgColumn *column,
                        VecpgVectorBytes *vector)
{
    ItemPointerData row = *tid; /* becomes that of the version that is seen */
    BlockNumber block = ItemPointerGetBlockNumberNoCheck(tid);
    bool is_continued = false;
    bool is_null;
    Datum datum;

    if (!is_in_table(reader, tid))
        return VECPG_HEAP_ELSEWHERE;
    lend_page(reader, block);
    if (!table_index_fetch_tuple(reader->scan->xs_heapfetch, &row, reader->scan->xs_snapshot, reader->slot,
                                 &is_continued, NULL))
        return VECPG_HEAP_INVISIBLE;
    if (TTS_IS_BUFFERTUPLE(reader->slot))
        vecpg_buffer_hint_found_heap_page(reader->heap, block,
                                          ((BufferHeapTupleTableSlot *)reader->slot)->buffer);
    datum = slot_getattr(reader->slot, reader->attribute, &is_null);
    if (is_null || VARATT_IS_EXTENDED(DatumGetPointer(datum))) {
        reader->has_vectors = false;
        ExecClearTuple(reader->slot);
        return VECPG_HEAP_ELSEWHERE;
    }
    *vector = vecpg_column_datum(column, datum);
    return VECPG_HEAP_READ;
}

void
vecpg_heap_reader_release(VecpgHeapReader *reader)
{
    ExecClearTuple(reader->slot);
}

void
vecpg_heap_reader_give(VecpgHeapReader *reader, const ItemPointerData *tid)
{
    if (reader->has_vectors)
        lend_page(reader, ItemPointerGetBlockNumberNoCheck(tid));
}

void
vecpg_heap_reader_expect(VecpgHeapReader *reader, const ItemPointerData *tid)
{
    vecpg_buffer_hint_prefetch_heap_page(reader->heap, tid);
}

void
vecpg_heap_reader_expect_soon(VecpgHeapReader *reader, const ItemPointerData *tid)
{
    vecpg_buffer_hint_prefetch_row(reader->heap, tid);
}

void
vecpg_heap_reader_read_ahead(VecpgHeapReader *reader, const ItemPointerData *tid)
{
    BlockNumber block = ItemPointerGetBlockNumberNoCheck(tid);

    if (!vecpg_buffer_hint_is_heap_page(reader->heap, block) && is_in_table(reader, tid))
        (void)PrefetchBuffer(reader->heap, MAIN_FORKNUM, block);
}
