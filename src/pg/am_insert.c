/*
 * am_insert.c: INSERT: one append to the log.
 */
#include "am.h"

#include "column.h"
#include "keys.h"
#include "log.h"
#include "utils/memutils.h"
#include "worker.h"

bool
vecpg_am_insert(Relation index, Datum *values, bool *is_null, ItemPointer heap_tid, Relation heap,
                IndexUniqueCheck check_unique, bool index_unchanged, IndexInfo *index_info)
{
    MemoryContext context =
        AllocSetContextCreate(CurrentMemoryContext, "vectors insert", ALLOCSET_SMALL_SIZES);
    MemoryContext old_context = MemoryContextSwitchTo(context);
    VecpgLogEntry entry = {.tid = *heap_tid, .is_null = is_null[0]};
    VecpgLogShape shape = vecpg_log_shape(index);

    vecpg_keys_check(index, &shape.keys);
    if (shape.keys.column_count > 0)
        entry.attributes = vecpg_keys_encode(index, &shape.keys, values, is_null);
    if (!is_null[0]) {
        VecpgColumn column;
        VecpgVectorBytes vector;

        vecpg_column_from_shape(&shape, &column);
        vector = vecpg_column_datum(&column, values[0]);
        entry.vector = vector.elements;
        entry.vector_bytes = vector.bytes;
    }
    vecpg_worker_notice_append(index, vecpg_log_append(index, &entry, true));
    MemoryContextSwitchTo(old_context);
    MemoryContextDelete(context);
    return false;
}
