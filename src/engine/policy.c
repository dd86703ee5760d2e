/*
 * policy.c: see policy.h. Each rule is a function that looks for its case; vec_policy_next asks them by urgency.
 */
#include "vectors/policy.h"

#include <stddef.h>

/*
 * An exact scan costs about 0.2 us a row, most of it for bringing 1.5 KB from the log, a flat segment 0.017 us, and a graph's search
 * 30 us (384 dimensions): a tail of 1250 rows costs a search 0.25 ms at most, a flat segment of 20000 rows 0.35. A graph is faster
 * from about 1000 rows on; so many rows stay without one for the sake of what merges copy, and only while rows keep coming.
 */
#define TAIL_FRACTION 16

/* A flat segment is encoded again together with new rows unless it is this much larger than they are. */
#define FLAT_RATIO 2

/*
 * A segment with a graph is copied along in a merge unless it is this much larger than the rest: copying a row costs about
 * a fiftieth of inserting one into the graph.
 */
#define SEALED_RATIO 16

/* When idle, more is worth it: each graph less is a search less for every query to come. */
#define SEALED_RATIO_IDLE 64

/* Fewer rows than this make no graph when idle: reading all their codes takes no longer than a walk. */
#define IDLE_ROWS_MIN 1000

/* The mean of so many rows is as good as that of all; smaller segments are trained anew whenever they grow. */
#define TRAINED_ROWS_MIN 4096

static uint64_t
living(const VecPiece *piece)
{
    return piece->rows - piece->rows_dead;
}

static uint64_t
smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t
larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

uint64_t
vec_policy_tail_rows(const VecPolicy *policy)
{
    return larger(1, policy->growing_rows_max / TAIL_FRACTION);
}

static VecPolicyStep
rest(void)
{
    return (VecPolicyStep){.action = VEC_POLICY_REST};
}

static VecPolicyStep
over(VecPolicyAction action, const VecPiece *pieces, uint32_t first, uint32_t count)
{
    return (VecPolicyStep){
        .action = action,
        .position_from = pieces[first].position_from,
        .position_to = pieces[first + count - 1].position_to,
        .piece_first = first,
        .piece_count = count,
        .codes_of = VEC_POLICY_TRAIN,
    };
}

/* The piece whose codes all others should have: the largest with codes as wanted. piece_count if there is none. */
static uint32_t
find_leader(const VecPiece *pieces, uint32_t piece_count)
{
    uint32_t leader = piece_count;

    for (uint32_t i = 0; i < piece_count; i++) {
        if (pieces[i].kind != VEC_PIECE_LOG && !pieces[i].codes_differ &&
            (leader == piece_count || pieces[i].rows > pieces[leader].rows))
            leader = i;
    }
    return leader;
}

/* Whether an encoding may take the piece along. */
static bool
is_free(const VecPolicy *policy, const VecPiece *piece)
{
    return piece->position_from >= policy->busy_to;
}

/*
 * Encodes a range of the log, and with it what lies before it and is too small to stay: flat segments that are not much larger, or,
 * as long as the index is too small for a lasting quantizer, everything.
 */
static VecPolicyStep
encode(const VecPolicy *policy, const VecPiece *pieces, uint32_t piece_count, uint32_t at)
{
    uint32_t leader = find_leader(pieces, piece_count), first = at;
    uint64_t rows = living(&pieces[at]), total = 0;
    bool train = leader == piece_count || pieces[leader].rows < TRAINED_ROWS_MIN;

    for (uint32_t i = 0; i < piece_count; i++)
        total += living(&pieces[i]);
    uint64_t rows_max = larger(policy->growing_rows_max, policy->may_merge ? 0 : total / 32);
    while (first > 0 && is_free(policy, &pieces[first - 1])) {
        const VecPiece *before = &pieces[first - 1];
        bool is_small = before->kind == VEC_PIECE_FLAT && living(before) <= FLAT_RATIO * rows &&
                        living(before) + rows <= rows_max;
        bool is_young = train && before->kind != VEC_PIECE_LOG && before->rows < TRAINED_ROWS_MIN &&
                        living(before) + rows <= policy->sealed_rows_max;

        if (!is_small && !is_young)
            break;
        rows += living(before);
        first--;
    }

    VecPolicyStep step = over(VEC_POLICY_ENCODE, pieces, first, at - first + 1);
    /* the leader may be among what is encoded again: then its codes are not worth keeping */
    if (!train && (leader < first || leader > at))
        step.codes_of = leader;
    return step;
}

/* Rows that a segment once covered are scanned exactly until they are encoded: nothing is more urgent. */
static VecPolicyStep
lost_range(const VecPolicy *policy, const VecPiece *pieces, uint32_t piece_count)
{
    for (uint32_t i = 0; i < piece_count; i++) {
        if (pieces[i].kind == VEC_PIECE_LOG && !pieces[i].is_tail)
            return encode(policy, pieces, piece_count, i);
    }
    return rest();
}

static VecPolicyStep
long_tail(const VecPolicy *policy, const VecPiece *pieces, uint32_t piece_count)
{
    const VecPiece *tail = piece_count > 0 ? &pieces[piece_count - 1] : NULL;
    uint64_t rows_min = policy->is_idle || policy->tail_is_idle
                            ? smaller(policy->sealing_rows_min, vec_policy_tail_rows(policy))
                            : vec_policy_tail_rows(policy);

    if (tail == NULL || tail->kind != VEC_PIECE_LOG || tail->rows < rows_min)
        return rest();
    return encode(policy, pieces, piece_count, piece_count - 1);
}

/* A segment whose codes no merge can use. Small ones become flat segments with the leader's codes. */
static VecPolicyStep
foreign_codes(const VecPolicy *policy, const VecPiece *pieces, uint32_t piece_count)
{
    uint32_t leader = find_leader(pieces, piece_count);
    bool has_leader = leader < piece_count && pieces[leader].rows >= TRAINED_ROWS_MIN;

    for (uint32_t i = 0; i < piece_count; i++) {
        const VecPiece *piece = &pieces[i];
        bool is_foreign = has_leader && piece->codes_hash != pieces[leader].codes_hash;

        if (piece->kind == VEC_PIECE_LOG || !is_free(policy, piece))
            continue;
        if (is_foreign && living(piece) <= policy->growing_rows_max) {
            VecPolicyStep step = over(VEC_POLICY_ENCODE, pieces, i, 1);

            step.codes_of = leader;
            return step;
        }
        if (piece->codes_differ && policy->may_merge) {
            VecPolicyStep step = over(VEC_POLICY_REBUILD, pieces, i, 1);

            step.with_graph = !policy->without_graph && piece->kind == VEC_PIECE_SEALED;
            step.codes_of = has_leader ? leader : VEC_POLICY_TRAIN;
            return step;
        }
    }
    return rest();
}

static bool
can_merge(const VecPiece *a, const VecPiece *b)
{
    return a->kind != VEC_PIECE_LOG && b->kind != VEC_PIECE_LOG && !a->codes_differ && !b->codes_differ &&
           a->codes_hash == b->codes_hash;
}

/* Takes neighbours along that are not much larger than what is merged anyway. */
static VecPolicyStep
widen(const VecPolicy *policy, const VecPiece *pieces, uint32_t piece_count, uint32_t first, uint32_t count,
      uint64_t rows)
{
    uint64_t ratio = policy->is_idle ? SEALED_RATIO_IDLE : SEALED_RATIO;
    bool grew = true;

    while (grew) {
        grew = false;
        if (first > 0 && can_merge(&pieces[first - 1], &pieces[first]) &&
            living(&pieces[first - 1]) <= ratio * rows &&
            living(&pieces[first - 1]) + rows <= policy->sealed_rows_max) {
            rows += living(&pieces[--first]);
            count++;
            grew = true;
        }
        uint32_t end = first + count;
        if (end < piece_count && can_merge(&pieces[end - 1], &pieces[end]) &&
            living(&pieces[end]) <= ratio * rows && living(&pieces[end]) + rows <= policy->sealed_rows_max) {
            rows += living(&pieces[end]);
            count++;
            grew = true;
        }
    }

    VecPolicyStep step = over(VEC_POLICY_MERGE, pieces, first, count);
    step.with_graph = !policy->without_graph;
    return step;
}

/* Most of a segment is dead. Alone it is only thinned; its neighbours come along if they would anyway. */
static VecPolicyStep
dead_rows(const VecPolicy *policy, const VecPiece *pieces, uint32_t piece_count)
{
    for (uint32_t i = 0; i < piece_count; i++) {
        const VecPiece *piece = &pieces[i];

        if (piece->kind == VEC_PIECE_LOG || piece->codes_differ || piece->rows_dead == 0 ||
            (double)piece->rows_dead < policy->dead_fraction_max * (double)piece->rows)
            continue;
        if (piece->kind == VEC_PIECE_SEALED && living(piece) > 0)
            return widen(policy, pieces, piece_count, i, 1, living(piece));

        VecPolicyStep step = over(VEC_POLICY_MERGE, pieces, i, 1);
        step.with_graph = false;
        return step;
    }
    return rest();
}

/* The options ask for another graph, or for one or none. */
static VecPolicyStep
other_graph(const VecPolicy *policy, const VecPiece *pieces, uint32_t piece_count)
{
    for (uint32_t i = 0; i < piece_count; i++) {
        if (pieces[i].kind == VEC_PIECE_SEALED && pieces[i].graph_differs && !pieces[i].codes_differ)
            return widen(policy, pieces, piece_count, i, 1, living(&pieces[i]));
    }
    return rest();
}

/* Enough rows without a graph, in a stretch of pieces that can be merged. */
static VecPolicyStep
many_flat(const VecPolicy *policy, const VecPiece *pieces, uint32_t piece_count)
{
    for (uint32_t first = 0; first < piece_count; first++) {
        uint64_t flat_rows = 0, rows = 0, sealed_rows = 0;
        uint32_t end = first, flat_end = first;

        if (pieces[first].kind != VEC_PIECE_FLAT || policy->without_graph)
            continue;
        do {
            rows += living(&pieces[end]);
            if (pieces[end].kind == VEC_PIECE_FLAT) {
                flat_rows += living(&pieces[end]);
                flat_end = end + 1;
            } else {
                sealed_rows = larger(sealed_rows, living(&pieces[end]));
            }
            end++;
        } while (end < piece_count && can_merge(&pieces[end - 1], &pieces[end]) &&
                 rows + living(&pieces[end]) <= policy->sealed_rows_max);
        for (uint32_t i = 0; i < first; i++) {
            if (pieces[i].kind == VEC_PIECE_SEALED)
                sealed_rows = larger(sealed_rows, living(&pieces[i]));
        }

        uint64_t rows_min = policy->growing_rows_max;
        if (policy->is_idle)
            rows_min = smaller(rows_min, larger(IDLE_ROWS_MIN, sealed_rows / SEALED_RATIO_IDLE));
        if (flat_rows >= rows_min) {
            rows = 0;
            for (uint32_t i = first; i < flat_end; i++)
                rows += living(&pieces[i]);
            return widen(policy, pieces, piece_count, first, flat_end - first, rows);
        }
        first = flat_end - 1;
    }
    return rest();
}

/* Where there are no graphs, flat segments double. */
static VecPolicyStep
similar_flat(const VecPolicy *policy, const VecPiece *pieces, uint32_t piece_count)
{
    for (uint32_t i = piece_count; policy->without_graph && i-- > 1;) {
        uint64_t one = living(&pieces[i - 1]), other = living(&pieces[i]);

        if (can_merge(&pieces[i - 1], &pieces[i]) && larger(one, other) <= FLAT_RATIO * smaller(one, other) &&
            one + other <= policy->sealed_rows_max)
            return over(VEC_POLICY_MERGE, pieces, i - 1, 2);
    }
    return rest();
}

/* Two sealed segments side by side, or with flat ones between them, neither much larger than the other. */
static VecPolicyStep
similar_sealed(const VecPolicy *policy, const VecPiece *pieces, uint32_t piece_count)
{
    uint64_t ratio = policy->is_idle ? SEALED_RATIO_IDLE : SEALED_RATIO, between = 0;
    uint32_t left = piece_count; /* the last sealed piece, if all since can be merged with it */

    for (uint32_t i = 0; i < piece_count; i++) {
        if (left < piece_count && !can_merge(&pieces[i - 1], &pieces[i]))
            left = piece_count;
        if (pieces[i].kind != VEC_PIECE_SEALED) {
            between += living(&pieces[i]);
            continue;
        }
        if (left < piece_count) {
            uint64_t one = living(&pieces[left]), other = living(&pieces[i]);

            if (larger(one, other) <= ratio * smaller(one, other) &&
                one + between + other <= policy->sealed_rows_max)
                return widen(policy, pieces, piece_count, left, i - left + 1, one + between + other);
        }
        left = i;
        between = 0;
    }
    return rest();
}

VecPolicyStep
vec_policy_next(const VecPolicy *policy, const VecPiece *pieces, uint32_t piece_count)
{
    typedef VecPolicyStep (*Rule)(const VecPolicy *, const VecPiece *, uint32_t);
    static const Rule encodes[] = {lost_range, long_tail, foreign_codes};
    static const Rule merges[] = {dead_rows, other_graph, many_flat, similar_flat, similar_sealed};
    VecPolicyStep step = rest();

    for (size_t i = 0; i < sizeof(encodes) / sizeof(Rule) && step.action == VEC_POLICY_REST; i++)
        step = encodes[i](policy, pieces, piece_count);
    for (size_t i = 0;
         policy->may_merge && i < sizeof(merges) / sizeof(Rule) && step.action == VEC_POLICY_REST; i++)
        step = merges[i](policy, pieces, piece_count);
    return step;
}
