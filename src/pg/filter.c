/*
 * filter.c: scan keys on filter columns become conditions on keys.
 *
 * A value to compare with becomes an interval of keys, of which the keys of all equal values lie inside: one key as a rule, more
 * where a value of another type is compared (below). All conditions on one key are intersected here, so that the engine sees at
 * most one for each; an empty intersection ends the scan before it begins.
 *
 * Times of two types: PostgreSQL converts the column's value, and by the session's time zone that is not monotone (an hour comes
 * twice in autumn). Where the argument can be converted instead, it is, and the answer is the same. Where only the column can be,
 * the interval is widened by more than any time zone shifts, and the executor decides.
 */
#include "filter.h"

#include "am.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "utils/array.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* POSIX time zones shift by up to 167 hours. */
#define SHIFT_DAYS_MAX INT64CONST(8)

/* What is asked of one key so far. */
typedef struct VecpgKeyRange {
    uint64 low;
    uint64 high;
    uint64 *values; /* IN: ascend strictly, lie in [low, high]; NULL: all of the range */
    uint32 value_count;
    bool is_asked;
    bool is_null;
    bool is_not_null;
} VecpgKeyRange;

typedef struct VecpgFilterBuilder {
    VecpgFilter *filter;
    VecpgKeyRange ranges[FLEXIBLE_ARRAY_MEMBER]; /* by key */
} VecpgFilterBuilder;

/* A value as keys: any value that is equal to it has a key in [low, high]. */
typedef struct VecpgKeyInterval {
    uint64 low;
    uint64 high;
    bool is_exact; /* low = high, and values with this key are equal to it */
} VecpgKeyInterval;

/* One scan key, opened. */
typedef struct VecpgQual {
    int strategy;
    VecpgKeyKind kind;
    uint32 key; /* the column's first */
    Oid type;   /* of the value */
    Oid collation;
} VecpgQual;

static bool
collation_is_deterministic(Oid collation)
{
    return !OidIsValid(collation) || get_collation_isdeterministic(collation);
}

bool
vecpg_filter_is_useful(VecpgKeyKind kind, int strategy, Oid collation)
{
    if (kind == VECPG_KEY_TEXT && strategy != VECPG_STRATEGY_EQUAL)
        return OidIsValid(collation) && vecpg_collation_is_c(collation);
    if (kind == VECPG_KEY_TEXT || kind == VECPG_KEY_SET)
        return collation_is_deterministic(collation);
    return kind != VECPG_KEY_NONE;
}

static void
ask_range(VecpgKeyRange *range, uint64 low, uint64 high)
{
    if (!range->is_asked) {
        range->low = 0;
        range->high = PG_UINT64_MAX;
        range->is_asked = true;
    }
    range->low = Max(range->low, low);
    range->high = Min(range->high, high);
}

static int
compare_keys(const void *a, const void *b)
{
    uint64 left = *(const uint64 *)a;
    uint64 right = *(const uint64 *)b;

    return (left > right) - (left < right);
}

/* Values of both lists, which ascend strictly; the first list takes them over. */
static uint32
intersect(uint64 *values, uint32 count, const uint64 *others, uint32 other_count)
{
    uint32 kept = 0;

    for (uint32 i = 0, j = 0; i < count && j < other_count;) {
        if (values[i] < others[j])
            i++;
        else if (values[i] > others[j])
            j++;
        else {
            values[kept++] = values[i];
            i++;
            j++;
        }
    }
    return kept;
}

/* The key must be one of these, which need not ascend. False: they are too many to be told to the engine. */
static bool
ask_values(VecpgKeyRange *range, uint64 *values, uint32 count)
{
    uint32 unique = 0;

    qsort(values, count, sizeof(uint64), compare_keys);
    for (uint32 i = 0; i < count; i++)
        if (unique == 0 || values[unique - 1] != values[i])
            values[unique++] = values[i];
    ask_range(range, values[0], values[unique - 1]);
    if (unique > VEC_VALUES_MAX)
        return false;
    if (range->values != NULL)
        range->value_count = intersect(range->values, range->value_count, values, unique);
    else {
        range->values = values;
        range->value_count = unique;
    }
    return true;
}

/* A time's key in the units of a column of another type. */
static VecpgKeyInterval
interval_of_time(VecpgKeyKind column, Oid type, Datum value)
{
    VecpgKeyInterval interval = {.is_exact = true};
    int overflow = 0;
    int64 time;

    if (column == VECPG_KEY_DATE || type == TIMESTAMPTZOID) {
        int64 days = column == VECPG_KEY_DATE ? 1 : USECS_PER_DAY;

        time = DatumGetTimestamp(value);
        if (column == VECPG_KEY_DATE && TIMESTAMP_IS_NOBEGIN(time))
            time = DATEVAL_NOBEGIN;
        else if (column == VECPG_KEY_DATE && TIMESTAMP_IS_NOEND(time))
            time = DATEVAL_NOEND;
        else if (column == VECPG_KEY_DATE)
            time /= USECS_PER_DAY;
        interval.low = interval.high = vecpg_keys_of_integer(time);
        interval.low -= Min(interval.low, (uint64)(SHIFT_DAYS_MAX * days));
        interval.high += Min(PG_UINT64_MAX - interval.high, (uint64)(SHIFT_DAYS_MAX * days));
        interval.is_exact = false;
        return interval;
    }
    if (type == DATEOID && column == VECPG_KEY_TIMESTAMP)
        time = date2timestamp_opt_overflow(DatumGetDateADT(value), &overflow);
    else if (type == DATEOID)
        time = date2timestamptz_opt_overflow(DatumGetDateADT(value), &overflow);
    else
        time = timestamp2timestamptz_opt_overflow(DatumGetTimestamp(value), &overflow);
    interval.low = interval.high = vecpg_keys_of_integer(time);
    interval.is_exact = overflow == 0;
    return interval;
}

/* Of a value of a scalar type; of a text: its prefix. */
static VecpgKeyInterval
interval_of(const VecpgQual *qual, Datum value)
{
    VecpgKeyKind kind = vecpg_keys_kind(qual->type);
    VecpgKeyInterval interval;
    uint64 keys[VECPG_KEYS_OF_SET];

    if (kind != qual->kind)
        return interval_of_time(qual->kind, qual->type, value);
    vecpg_keys_encode_value(qual->type, value, keys);
    interval.low = interval.high = keys[0];
    interval.is_exact = kind != VECPG_KEY_NUMERIC && kind != VECPG_KEY_UUID && kind != VECPG_KEY_TEXT;
    return interval;
}

static void
ask_comparison(VecpgFilterBuilder *builder, const VecpgQual *qual, Datum value)
{
    VecpgKeyInterval interval = interval_of(qual, value);
    VecpgKeyRange *range = &builder->ranges[qual->key];

    if (!interval.is_exact)
        builder->filter->is_lossy = true;
    switch (qual->strategy) {
        case VECPG_STRATEGY_LESS:
            if (interval.is_exact && interval.low == 0)
                builder->filter->matches_nothing = true;
            else
                ask_range(range, 0, interval.is_exact ? interval.low - 1 : interval.high);
            break;
        case VECPG_STRATEGY_LESS_EQUAL:
            ask_range(range, 0, interval.high);
            break;
        case VECPG_STRATEGY_EQUAL:
            ask_range(range, interval.low, interval.high);
            break;
        case VECPG_STRATEGY_GREATER_EQUAL:
            ask_range(range, interval.low, PG_UINT64_MAX);
            break;
        case VECPG_STRATEGY_GREATER:
            if (interval.is_exact && interval.high == PG_UINT64_MAX)
                builder->filter->matches_nothing = true;
            else
                ask_range(range, interval.is_exact ? interval.high + 1 : interval.low, PG_UINT64_MAX);
            break;
        default:
            elog(ERROR, "unexpected strategy %d", qual->strategy);
    }
}

/* value < ANY of many is value < the greatest. */
static Datum
extreme_of(const VecpgQual *qual, const Datum *values, uint32 count)
{
    bool wants_greatest =
        qual->strategy == VECPG_STRATEGY_LESS || qual->strategy == VECPG_STRATEGY_LESS_EQUAL;
    uint64 extreme = 0;
    uint32 found = 0;

    for (uint32 i = 0; i < count; i++) {
        VecpgKeyInterval interval = interval_of(qual, values[i]);

        uint64 key = wants_greatest ? interval.high : interval.low;

        /* of values with one key the one that is not exact: what it leaves open is wider */
        if (i == 0 || (wants_greatest ? key > extreme : key < extreme) ||
            (key == extreme && !interval.is_exact)) {
            extreme = key;
            found = i;
        }
    }
    return values[found];
}

/* = ANY of many. Of texts: by their hashes. */
static void
ask_any(VecpgFilterBuilder *builder, const VecpgQual *qual, const Datum *values, uint32 count)
{
    VecpgKeyRange *range = &builder->ranges[qual->key + (qual->kind == VECPG_KEY_TEXT ? 1 : 0)];
    uint64 *keys = palloc(count * sizeof(uint64));
    VecpgKeyInterval hull = {.low = PG_UINT64_MAX};
    bool is_wide = false;

    for (uint32 i = 0; i < count; i++) {
        VecpgKeyInterval interval;
        uint64 text_keys[VECPG_KEYS_OF_SET];

        if (qual->kind == VECPG_KEY_TEXT) {
            vecpg_keys_encode_value(TEXTOID, values[i], text_keys);
            interval.low = interval.high = text_keys[1];
            interval.is_exact = false;
        } else
            interval = interval_of(qual, values[i]);
        keys[i] = interval.low;
        is_wide |= interval.low != interval.high;
        hull.low = Min(hull.low, interval.low);
        hull.high = Max(hull.high, interval.high);
        if (!interval.is_exact)
            builder->filter->is_lossy = true;
    }
    if (is_wide)
        ask_range(range, hull.low, hull.high);
    else if (!ask_values(range, keys, count))
        builder->filter->is_lossy = true;
}

/* Nothing can be told to the engine but that NULL fulfils no condition; the executor decides. */
static void
leave_to_executor(VecpgFilterBuilder *builder, const VecpgQual *qual)
{
    builder->ranges[qual->key].is_not_null = true;
    builder->filter->is_lossy = true;
}

static void
ask_scalar(VecpgFilterBuilder *builder, const VecpgQual *qual, const Datum *values, uint32 count)
{
    if (!vecpg_filter_is_useful(qual->kind, qual->strategy, qual->collation))
        leave_to_executor(builder, qual);
    else if (qual->strategy == VECPG_STRATEGY_EQUAL)
        ask_any(builder, qual, values, count);
    else
        ask_comparison(builder, qual, extreme_of(qual, values, count));
}

/* && and @>, with PostgreSQL's meaning of NULL elements and empty arrays. */
static void
ask_set(VecpgFilterBuilder *builder, const VecpgQual *qual, Datum value)
{
    VecpgFilter *filter = builder->filter;
    bool wants_all = qual->strategy == VECPG_STRATEGY_CONTAINS;
    uint64 *signatures;
    bool has_nulls;
    uint32 count = vecpg_keys_of_elements(value, &signatures, &has_nulls);
    VecCondition *condition;

    if (wants_all ? has_nulls : count == 0) { /* a NULL element is in no array */
        filter->matches_nothing = true;
        return;
    }
    if (count == 0 || !vecpg_filter_is_useful(qual->kind, qual->strategy, qual->collation) ||
        count > VEC_VALUES_MAX / VECPG_KEYS_OF_SET || filter->keys.condition_count == VEC_CONDITIONS_MAX) {
        leave_to_executor(builder, qual);
        return;
    }
    condition = &filter->conditions[filter->keys.condition_count++];
    *condition = (VecCondition){.kind = wants_all ? VEC_CONDITION_CONTAINS_ALL : VEC_CONDITION_CONTAINS_ANY,
                                .key = qual->key,
                                .width = VECPG_KEYS_OF_SET,
                                .values = signatures,
                                .value_count = count};
    filter->is_lossy = true;
}

/* The values that a scan key compares with; NULLs are left out, to which nothing is equal. */
static uint32
values_of(ScanKey key, Datum **values)
{
    ArrayType *array;
    int16 length;
    bool by_value;
    char align;
    bool *nulls;
    int count;
    uint32 kept = 0;

    if (!(key->sk_flags & SK_SEARCHARRAY)) {
        *values = &key->sk_argument;
        return 1;
    }
    array = DatumGetArrayTypeP(key->sk_argument);
    get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &align);
    deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, align, values, &nulls, &count);
    for (int i = 0; i < count; i++)
        if (!nulls[i])
            (*values)[kept++] = (*values)[i];
    return kept;
}

static void
ask_vector(VecpgFilter *filter, ScanKey key)
{
    VecpgVectorTest test;

    if (key->sk_flags & SK_SEARCHNULL)
        test = VECPG_VECTOR_IS_NULL;
    else if (key->sk_flags & SK_SEARCHNOTNULL)
        test = VECPG_VECTOR_IS_NOT_NULL;
    else
        return;
    if (filter->vector_test != VECPG_VECTOR_ANY && filter->vector_test != test)
        filter->matches_nothing = true;
    filter->vector_test = test;
}

static void
ask_column(VecpgFilterBuilder *builder, Relation index, ScanKey key)
{
    const VecpgKeyLayout *layout = builder->filter->layout;
    int column = key->sk_attno - 2;
    Oid input_type = index->rd_opcintype[key->sk_attno - 1];
    VecpgQual qual = {.strategy = key->sk_strategy, .collation = key->sk_collation};
    Datum *values;
    uint32 count;

    qual.kind = layout->kinds[column];
    qual.key = vecpg_keys_first(layout, column);
    /* Of the operator; one that takes any enum or array names no type. */
    qual.type = OidIsValid(key->sk_subtype) && vecpg_keys_kind(key->sk_subtype) != VECPG_KEY_NONE
                    ? key->sk_subtype
                    : input_type;
    if (key->sk_flags & SK_SEARCHNULL)
        builder->ranges[qual.key].is_null = true;
    else if (key->sk_flags & SK_SEARCHNOTNULL)
        builder->ranges[qual.key].is_not_null = true;
    else if ((key->sk_flags & SK_ISNULL) || (count = values_of(key, &values)) == 0)
        builder->filter->matches_nothing = true;
    else if (qual.kind == VECPG_KEY_SET &&
             count > 1) /* ANY of an array of domains over arrays: too rare for more */
        leave_to_executor(builder, &qual);
    else if (qual.kind == VECPG_KEY_SET)
        ask_set(builder, &qual, values[0]);
    else
        ask_scalar(builder, &qual, values, count);
}

/* Of the values that an IN names, those within the range. */
static void
choose_values(VecpgFilter *filter, const VecpgKeyRange *range, VecCondition *condition)
{
    const uint64 *first = range->values;
    const uint64 *end = first + range->value_count;

    while (first < end && *first < range->low)
        first++;
    while (first < end && end[-1] > range->high)
        end--;
    filter->matches_nothing |= first == end;
    if (end - first == 1)
        condition->low = condition->high = *first;
    else {
        condition->kind = VEC_CONDITION_IN;
        condition->values = first;
        condition->value_count = end - first;
    }
}

/* What is asked of one key, as one condition at most. */
static void
finish_range(VecpgFilter *filter, const VecpgKeyRange *range, uint32 key)
{
    VecCondition condition = {.key = key, .width = 1};

    if (range->is_null && (range->is_asked || range->is_not_null))
        filter->matches_nothing = true;
    if (range->is_null)
        condition.kind = VEC_CONDITION_IS_NULL;
    else if (range->is_asked) {
        condition.kind = VEC_CONDITION_RANGE;
        condition.low = range->low;
        condition.high = range->high;
        filter->matches_nothing |= range->low > range->high;
        if (range->values != NULL)
            choose_values(filter, range, &condition);
    } else if (range->is_not_null)
        condition.kind = VEC_CONDITION_IS_NOT_NULL;
    else
        return;
    if (filter->keys.condition_count == VEC_CONDITIONS_MAX)
        filter->is_lossy = true;
    else
        filter->conditions[filter->keys.condition_count++] = condition;
}

VecpgFilter *
vecpg_filter_make(Relation index, const VecpgKeyLayout *layout, ScanKey keys, int count)
{
    VecpgFilterBuilder *builder;
    VecpgFilter *filter;
    uint32 key_count = vecpg_keys_count(layout);

    if (count == 0)
        return NULL;
    builder = palloc0(offsetof(VecpgFilterBuilder, ranges) + key_count * sizeof(VecpgKeyRange));
    filter = builder->filter = palloc(sizeof(VecpgFilter));
    memset(filter, 0, offsetof(VecpgFilter, conditions));
    filter->layout = layout;
    for (int i = 0; i < count; i++) {
        if (keys[i].sk_attno == 1)
            ask_vector(filter, &keys[i]);
        else
            ask_column(builder, index, &keys[i]);
    }
    for (uint32 key = 0; key < key_count; key++)
        finish_range(filter, &builder->ranges[key], key);
    filter->keys.conditions = filter->conditions;
    pfree(builder);
    if (filter->keys.condition_count > 0 || filter->matches_nothing || filter->is_lossy ||
        filter->vector_test != VECPG_VECTOR_ANY)
        return filter;
    pfree(filter);
    return NULL;
}

bool
vecpg_filter_matches(const VecpgFilter *filter, const VecpgLogEntry *entry)
{
    VecKeys keys;

    if (filter == NULL)
        return true;
    if (filter->matches_nothing || (filter->vector_test != VECPG_VECTOR_ANY &&
                                    entry->is_null != (filter->vector_test == VECPG_VECTOR_IS_NULL)))
        return false;
    if (filter->keys.condition_count == 0)
        return true;
    keys = vecpg_keys_read(filter->layout, entry->attributes);
    return vec_filter_matches(&filter->keys, &keys);
}
