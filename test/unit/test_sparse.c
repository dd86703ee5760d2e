/*
 * test_sparse.c: sparse vectors as texts make them: 30,000 dimensions, few and unequally frequent elements, hardly two alike.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_cases.h"
#include "postings.h"
#include "random.h"
#include "sparse.h"
#include "vectors/distance_types.h"

#define DIMENSIONS 30000
#define ROWS       4000
#define QUERIES    60
#define ELEMENTS   200 /* at most */

/* Rows of words drawn by Zipf's law from a few of many topics; a word's weight falls with its frequency. */
typedef struct Texts {
    uint32_t *words; /* index[n], then float[n] */
    uint32_t counts[ROWS + QUERIES];
    uint64_t starts[ROWS + QUERIES + 1]; /* in words */
} Texts;

static int
compare_words(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static uint32_t
draw_word(uint64_t seed, uint64_t draw, uint64_t topic)
{
    double u = cases_uniform(seed, 3 * draw), rank = exp(u * log(DIMENSIONS));
    uint64_t of_topic = cases_uniform(seed, 3 * draw + 1) < 0.5 ? topic : 0;

    /* the same rank is another word in another topic; frequent words are everybody's */
    return rank < 100 ? (uint32_t)rank
                      : (uint32_t)(vec_random_at(77 + of_topic, (uint64_t)rank) % DIMENSIONS);
}

static Texts *
make_texts(void)
{
    Texts *texts = calloc(1, sizeof(Texts));
    uint64_t next = 0, draw = 0;

    assert_non_null(texts);
    texts->words = calloc((size_t)(ROWS + QUERIES) * 2 * ELEMENTS, sizeof(uint32_t));
    assert_non_null(texts->words);
    for (uint32_t row = 0; row < ROWS + QUERIES; row++) {
        uint32_t *words = texts->words + next, wanted, count = 0;
        uint64_t topic = vec_random_at(5, row) % 300;

        wanted = (uint32_t)(2 * pow(ELEMENTS / 2, cases_uniform(6, row)));
        for (uint32_t i = 0; i < wanted; i++)
            words[i] = draw_word(7, draw++, topic);
        qsort(words, wanted, sizeof(uint32_t), compare_words);
        for (uint32_t i = 0; i < wanted; i++)
            if (count == 0 || words[i] != words[count - 1])
                words[count++] = words[i];
        for (uint32_t i = 0; i < count; i++) {
            float weight = words[i] < 100 ? 0.3f : 1.0f + (float)cases_uniform(8, next + i);
            memcpy(&words[count + i], &weight, sizeof(weight));
        }
        texts->counts[row] = count;
        texts->starts[row] = next;
        next += 2 * (uint64_t)count;
    }
    texts->starts[ROWS + QUERIES] = next;
    return texts;
}

static void
free_texts(Texts *texts)
{
    free(texts->words);
    free(texts);
}

static const void *
text(const Texts *texts, uint32_t row, size_t *bytes)
{
    *bytes = texts->counts[row] * (sizeof(uint32_t) + sizeof(float));
    return texts->words + texts->starts[row];
}

static float
text_distance(VecMetric metric, const Texts *texts, uint32_t a, uint32_t b)
{
    size_t bytes_a, bytes_b;
    const void *x = text(texts, a, &bytes_a), *y = text(texts, b, &bytes_b);

    return vec_distance_sparse(metric, vec_sparse_view(x, bytes_a), vec_sparse_view(y, bytes_b));
}

static VecIndex *
index_texts(const Texts *texts, VecMetric metric, const char *directory)
{
    VecBuildOptions options = cases_options(DIMENSIONS, metric, 8);
    VecStamp stamp = cases_stamp(ROWS);
    VecBuildResult result;
    VecBuild *build;
    VecError error;
    size_t bytes;

    options.segment.element_type = VEC_TYPE_SPARSE;
    options.thread_count = 2;
    options.vector_bytes_max = texts->starts[ROWS] * sizeof(uint32_t);
    assert_int_equal(vec_build_begin(&options, directory, ROWS, &vec_allocator_default, &build, &error),
                     VEC_OK);
    assert_false(vec_build_wants_sample(build));
    assert_int_equal(vec_build_train(build, NULL, NULL, &error), VEC_OK);
    for (uint32_t row = 0; row < ROWS; row++) {
        VecRowId id = cases_row_id(row);
        const void *vector = text(texts, row, &bytes);

        assert_int_equal(vec_build_add(build, &id, NULL, vector, bytes, &error), VEC_OK);
    }
    assert_int_equal(vec_build_graph(build, NULL, NULL, &error), VEC_OK);
    assert_int_equal(vec_build_finish(build, &stamp, NULL, NULL, &result, &error), VEC_OK);
    vec_build_free(build);
    cases_publish(directory, &result);

    VecIndex *index = cases_open(directory, &options);
    assert_int_equal(vec_index_segment_count(index), 1);
    return index;
}

/* The tenth least distance of all rows. */
static float
tenth_nearest(const Texts *texts, VecMetric metric, uint32_t query)
{
    float nearest[10];
    uint32_t kept = 0;

    for (uint32_t row = 0; row < ROWS; row++) {
        float distance = text_distance(metric, texts, query, row);
        uint32_t at;

        if (kept == 10 && distance >= nearest[9])
            continue;
        for (at = kept < 10 ? kept++ : 9; at > 0 && nearest[at - 1] > distance; at--)
            nearest[at] = nearest[at - 1];
        nearest[at] = distance;
    }
    return nearest[9];
}

static void
texts_are_found(void **state)
{
    Texts *texts = make_texts();

    (void)state;
    for (int metric = VEC_METRIC_L2; metric <= VEC_METRIC_COS; metric++) {
        const char *directory = cases_directory();
        VecIndex *index = index_texts(texts, (VecMetric)metric, directory);
        uint32_t hits = 0;
        VecError error;

        assert_int_equal(vec_index_validate(index, 0, NULL, NULL, NULL, &error), VEC_OK);
        for (uint32_t query = ROWS; query < ROWS + QUERIES; query++) {
            VecSearchOptions options = {.ef_search = 100};
            float tenth = tenth_nearest(texts, (VecMetric)metric, query);
            VecCandidate candidates[100];
            uint32_t got, found = 0;
            VecSearch *search;
            size_t bytes;
            const void *vector = text(texts, query, &bytes);

            assert_int_equal(vec_search_begin(index, vector, bytes, &options, &search, &error), VEC_OK);
            assert_int_equal(vec_search_next(search, candidates, 100, &got, &error), VEC_OK);
            for (uint32_t i = 0; i < got; i++) {
                float distance =
                    text_distance((VecMetric)metric, texts, query, cases_id_row(&candidates[i].id));

                assert_true(distance >= candidates[i].lower_bound);
                found += distance <= tenth;
            }
            hits += found < 10 ? found : 10;
            vec_search_free(search);
        }
        if (hits < QUERIES * 10 * 0.98)
            fail_msg("metric %d: recall %.3f", metric, (double)hits / (QUERIES * 10));
        vec_index_close(index);
        cases_remove_directory(directory);
    }
    free_texts(texts);
}

/* Shapes that are none, and more bytes than were announced. */
static void
what_is_no_sparse_vector_is_refused(void **state)
{
    static const uint32_t descending[] = {2, 1, 0x3f800000, 0x3f800000};
    static const uint32_t twice[] = {2, 2, 0x3f800000, 0x3f800000};
    static const uint32_t beyond[] = {2, 10, 0x3f800000, 0x3f800000};
    static const uint32_t sound[] = {2, 9, 0x3f800000, 0x3f800000};
    const char *directory = cases_directory();
    VecBuildOptions options = cases_options(10, VEC_METRIC_L2, 8);
    VecBuild *build;
    VecError error;

    (void)state;
    options.segment.element_type = VEC_TYPE_SPARSE;
    options.vector_bytes_max = sizeof(sound);
    assert_int_equal(vec_build_begin(&options, directory, 10, &vec_allocator_default, &build, &error),
                     VEC_OK);
    assert_int_equal(vec_build_train(build, NULL, NULL, &error), VEC_OK);
    VecRowId id = cases_row_id(1);
    assert_int_equal(vec_build_add(build, &id, NULL, descending, sizeof(descending), &error), VEC_INVALID);
    assert_int_equal(vec_build_add(build, &id, NULL, twice, sizeof(twice), &error), VEC_INVALID);
    assert_int_equal(vec_build_add(build, &id, NULL, beyond, sizeof(beyond), &error), VEC_INVALID);
    assert_int_equal(vec_build_add(build, &id, NULL, sound, sizeof(sound) - 4, &error), VEC_INVALID);
    assert_int_equal(vec_build_add(build, &id, NULL, sound, sizeof(sound), &error), VEC_OK);
    /* what rows leave over for rounding is no room for elements */
    id = cases_row_id(2);
    VecStatus status = VEC_OK;
    for (uint32_t row = 2; row < 10 && status == VEC_OK; row++) {
        id = cases_row_id(row);
        status = vec_build_add(build, &id, NULL, sound, sizeof(sound), &error);
    }
    assert_int_equal(status, VEC_INVALID);
    vec_build_free(build);
    cases_remove_directory(directory);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_found),
        cmocka_unit_test(what_is_no_sparse_vector_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
