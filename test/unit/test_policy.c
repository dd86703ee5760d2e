/*
 * test_policy.c: the policy of segments, by simulation: it comes to rest, keeps segments few, and its work is bounded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "random.h"
#include "vectors/policy.h"

#define PIECES_MAX 512

typedef struct Simulation {
    VecPolicy policy;
    VecPiece pieces[PIECES_MAX];
    uint32_t count;
    uint64_t end; /* of the log; a row takes one position */
    uint64_t encoded;
    uint64_t inserted; /* into a graph */
    uint64_t copied;
    uint64_t codes_next;
} Simulation;

static Simulation
simulation(void)
{
    return (Simulation){.policy = {.growing_rows_max = 20000,
                                   .sealed_rows_max = UINT64_C(4000000000),
                                   .sealing_rows_min = 1,
                                   .dead_fraction_max = 0.2,
                                   .may_merge = true},
                        .codes_next = 1};
}

static void
append(Simulation *sim, uint64_t rows)
{
    VecPiece *last = sim->count > 0 ? &sim->pieces[sim->count - 1] : NULL;

    if (last != NULL && last->kind == VEC_PIECE_LOG && last->is_tail) {
        last->rows += rows;
        last->position_to += rows;
    } else {
        assert_true(sim->count < PIECES_MAX);
        sim->pieces[sim->count++] = (VecPiece){.kind = VEC_PIECE_LOG,
                                               .is_tail = true,
                                               .position_from = sim->end,
                                               .position_to = sim->end + rows,
                                               .rows = rows};
    }
    sim->end += rows;
}

static void
replace(Simulation *sim, const VecPolicyStep *step, const VecPiece *result)
{
    memmove(&sim->pieces[step->piece_first + 1], &sim->pieces[step->piece_first + step->piece_count],
            (sim->count - step->piece_first - step->piece_count) * sizeof(VecPiece));
    sim->pieces[step->piece_first] = *result;
    sim->count -= step->piece_count - 1;
}

static void
carry_out(Simulation *sim, const VecPolicyStep *step)
{
    VecPiece result = {.position_from = step->position_from, .position_to = step->position_to};
    uint64_t largest = 0;

    assert_true(step->piece_count > 0 && step->piece_first + step->piece_count <= sim->count);
    for (uint32_t i = step->piece_first; i < step->piece_first + step->piece_count; i++) {
        const VecPiece *piece = &sim->pieces[i];
        uint64_t living = piece->rows - piece->rows_dead;

        result.rows += living;
        if (step->action == VEC_POLICY_MERGE) {
            assert_true(piece->kind != VEC_PIECE_LOG && !piece->codes_differ);
            assert_int_equal(piece->codes_hash, sim->pieces[step->piece_first].codes_hash);
            result.codes_hash = piece->codes_hash;
            if (piece->kind == VEC_PIECE_SEALED && !piece->graph_differs && living > largest)
                largest = living;
        } else {
            assert_true(piece->position_from >= sim->policy.busy_to);
        }
    }
    assert_int_equal(step->position_from, sim->pieces[step->piece_first].position_from);
    assert_int_equal(step->position_to, sim->pieces[step->piece_first + step->piece_count - 1].position_to);
    result.kind = step->with_graph ? VEC_PIECE_SEALED : VEC_PIECE_FLAT;
    if (step->action == VEC_POLICY_MERGE) {
        sim->copied += result.rows;
        sim->inserted += step->with_graph ? result.rows - largest : 0;
    } else {
        sim->encoded += result.rows;
        sim->inserted += step->with_graph ? result.rows : 0;
        result.codes_hash =
            step->codes_of == VEC_POLICY_TRAIN ? sim->codes_next++ : sim->pieces[step->codes_of].codes_hash;
    }
    replace(sim, step, &result);
}

static void
settle(Simulation *sim)
{
    for (int steps = 0;; steps++) {
        VecPolicyStep step = vec_policy_next(&sim->policy, sim->pieces, sim->count);

        if (step.action == VEC_POLICY_REST)
            return;
        assert_true(steps < 1000);
        carry_out(sim, &step);
    }
}

static uint32_t
count_kind(const Simulation *sim, VecPieceKind kind)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < sim->count; i++)
        count += sim->pieces[i].kind == kind;
    return count;
}

static void
a_growing_index_costs_little(void **state)
{
    Simulation sim = simulation();

    (void)state;
    while (sim.end < 3000000) {
        append(&sim, 700);
        settle(&sim);
        assert_true(count_kind(&sim, VEC_PIECE_SEALED) <= 3);
        assert_true(count_kind(&sim, VEC_PIECE_FLAT) <= 8);
    }
    assert_true(sim.encoded < 5 * sim.end);
    assert_true(sim.inserted < 2 * sim.end);
    assert_true(sim.copied < 30 * sim.end);
    sim.policy.is_idle = true;
    settle(&sim);
    assert_int_equal(count_kind(&sim, VEC_PIECE_LOG), 0);
    assert_true(count_kind(&sim, VEC_PIECE_SEALED) <= 2);
}

static void
an_idle_index_of_100000_rows_has_one_graph(void **state)
{
    Simulation sim = simulation();

    (void)state;
    while (sim.end < 100000) {
        append(&sim, 1);
        settle(&sim);
    }
    sim.policy.is_idle = true;
    settle(&sim);
    assert_int_equal(count_kind(&sim, VEC_PIECE_SEALED), 1);
    assert_int_equal(count_kind(&sim, VEC_PIECE_LOG), 0);
    assert_true(sim.count <= 2);
    for (uint32_t i = 0; i < sim.count; i++)
        assert_true(sim.pieces[i].kind == VEC_PIECE_SEALED || sim.pieces[i].rows < 100000 / 64);
    assert_true(sim.encoded < 400000);
    assert_true(sim.inserted < 180000);
}

/* One row now and then into a large index must not copy it each time. */
static void
drops_do_not_move_the_ocean(void **state)
{
    Simulation sim = simulation();

    (void)state;
    sim.pieces[sim.count++] =
        (VecPiece){.kind = VEC_PIECE_SEALED, .position_to = 10000000, .rows = 10000000, .codes_hash = 1};
    sim.end = 10000000;
    sim.codes_next = 2;
    sim.policy.is_idle = true;
    for (int i = 0; i < 100000; i++) {
        append(&sim, 1);
        settle(&sim);
    }
    assert_true(sim.copied < 3000000);
    assert_true(sim.count < 12);
}

/* What was lost is encoded at once, in its place, with the codes that the rest has. */
static void
lost_segments_come_back(void **state)
{
    Simulation sim = simulation();

    (void)state;
    sim.pieces[0] =
        (VecPiece){.kind = VEC_PIECE_SEALED, .position_to = 50000, .rows = 50000, .codes_hash = 7};
    sim.pieces[1] =
        (VecPiece){.kind = VEC_PIECE_LOG, .position_from = 50000, .position_to = 50010, .rows = 10};
    sim.pieces[2] = (VecPiece){.kind = VEC_PIECE_SEALED,
                               .position_from = 50010,
                               .position_to = 90000,
                               .rows = 39990,
                               .codes_hash = 7};
    sim.count = 3;
    sim.end = 90000;
    VecPolicyStep step = vec_policy_next(&sim.policy, sim.pieces, sim.count);
    assert_int_equal(step.action, VEC_POLICY_ENCODE);
    assert_int_equal(step.piece_first, 1);
    assert_int_equal(step.piece_count, 1);
    assert_int_equal(step.codes_of, 0);
    settle(&sim);
    assert_int_equal(count_kind(&sim, VEC_PIECE_LOG), 0);
    assert_int_equal(sim.count, 1);
}

static void
dead_rows_are_thinned_out(void **state)
{
    Simulation sim = simulation();

    (void)state;
    sim.pieces[0] = (VecPiece){
        .kind = VEC_PIECE_SEALED, .position_to = 50000, .rows = 50000, .rows_dead = 9000, .codes_hash = 7};
    sim.count = 1;
    assert_int_equal(vec_policy_next(&sim.policy, sim.pieces, 1).action, VEC_POLICY_REST);
    sim.pieces[0].rows_dead = 11000;
    assert_int_equal(vec_policy_next(&sim.policy, sim.pieces, 1).action, VEC_POLICY_MERGE);
    settle(&sim);
    assert_int_equal(sim.pieces[0].rows, 39000);
    sim.pieces[0].rows_dead = 39000;
    settle(&sim);
    assert_int_equal(sim.pieces[0].rows, 0);
}

static void
options_that_changed_are_followed(void **state)
{
    Simulation sim = simulation();

    (void)state;
    sim.pieces[0] = (VecPiece){.kind = VEC_PIECE_SEALED,
                               .position_to = 50000,
                               .rows = 50000,
                               .codes_hash = 7,
                               .graph_differs = true};
    sim.count = 1;
    VecPolicyStep step = vec_policy_next(&sim.policy, sim.pieces, 1);
    assert_int_equal(step.action, VEC_POLICY_MERGE);
    assert_true(step.with_graph);
    sim.policy.without_graph = true;
    step = vec_policy_next(&sim.policy, sim.pieces, 1);
    assert_int_equal(step.action, VEC_POLICY_MERGE);
    assert_false(step.with_graph);
    sim.pieces[0].codes_differ = true;
    step = vec_policy_next(&sim.policy, sim.pieces, 1);
    assert_int_equal(step.action, VEC_POLICY_REBUILD);
    sim.policy.may_merge = false;
    assert_int_equal(vec_policy_next(&sim.policy, sim.pieces, 1).action, VEC_POLICY_REST);
}

static void
nothing_touches_what_is_being_merged(void **state)
{
    Simulation sim = simulation();

    (void)state;
    while (sim.end < 15000) {
        append(&sim, 1500);
        settle(&sim);
    }
    sim.policy.may_merge = false;
    sim.policy.busy_to = sim.end;
    for (uint64_t busy = sim.end; sim.end < 500000;) {
        append(&sim, 1500);
        settle(&sim);
        assert_int_equal(sim.policy.busy_to, busy);
        assert_true(sim.count < 40);
    }
    sim.policy.may_merge = true;
    sim.policy.busy_to = 0;
    settle(&sim);
    assert_true(sim.count <= 10);
}

/* Anything at all comes to rest. */
static void
every_state_comes_to_rest(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20000; seed++) {
        Simulation sim = simulation();
        uint64_t draw = vec_random_mix(seed);

        sim.count = draw % 12;
        sim.codes_next = 100;
        sim.policy.growing_rows_max = UINT64_C(1) << (draw >> 8) % 20;
        if ((draw >> 13) % 4 == 0)
            sim.policy.sealed_rows_max = UINT64_C(1) << (draw >> 16) % 24;
        sim.policy.is_idle = draw >> 24 & 1;
        sim.policy.without_graph = (draw >> 25) % 8 == 0;
        sim.policy.may_merge = (draw >> 28) % 8 != 0;
        for (uint32_t i = 0; i < sim.count; i++) {
            uint64_t d = vec_random_at(seed, i), rows = (d >> 20) >> (44 - 1 - (d & 15));
            VecPiece *piece = &sim.pieces[i];

            *piece = (VecPiece){.kind = (VecPieceKind)((d >> 4) % 3), .rows = rows};
            if (piece->kind == VEC_PIECE_LOG) {
                piece->rows += 1;
                piece->is_tail = i + 1 == sim.count;
            } else {
                piece->codes_hash = 1 + (d >> 8) % 2;
                piece->codes_differ = (d >> 10) % 8 == 0;
                piece->graph_differs = (d >> 13) % 8 == 0;
                piece->rows_dead = (d >> 16) % 4 == 0 ? rows / (1 + (d >> 18) % 4) : 0;
            }
            piece->position_from = sim.end;
            piece->position_to = sim.end += piece->rows;
        }
        settle(&sim);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_growing_index_costs_little),
        cmocka_unit_test(an_idle_index_of_100000_rows_has_one_graph),
        cmocka_unit_test(drops_do_not_move_the_ocean),
        cmocka_unit_test(lost_segments_come_back),
        cmocka_unit_test(dead_rows_are_thinned_out),
        cmocka_unit_test(options_that_changed_are_followed),
        cmocka_unit_test(nothing_touches_what_is_being_merged),
        cmocka_unit_test(every_state_comes_to_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
