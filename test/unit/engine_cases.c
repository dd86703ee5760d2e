/*
 * engine_cases.c: see engine_cases.h.
 */
#include "engine_cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "random.h"

double
cases_uniform(uint64_t seed, uint64_t index)
{
    return (double)(vec_random_at(seed, index) >> 11) * 0x1p-53;
}

double
cases_gaussian(uint64_t seed, uint64_t index)
{
    double u = 1.0 - cases_uniform(seed, 2 * index), v = cases_uniform(seed, 2 * index + 1);

    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

Cases
cases_make(uint32_t count, uint32_t dimensions, uint32_t centre_count, uint64_t seed)
{
    Cases cases = {.dimensions = dimensions, .count = count};

    cases.vectors = malloc(((size_t)count * dimensions + 1) * sizeof(float));
    assert_non_null(cases.vectors);
    for (uint32_t i = 0; i < count; i++) {
        double u = cases_uniform(seed, i);
        uint64_t centre = (uint64_t)(u * u * centre_count);
        double spread = 0.2 + 0.4 * cases_uniform(seed + 1, i);

        for (uint32_t j = 0; j < dimensions; j++)
            cases.vectors[(size_t)i * dimensions + j] =
                (float)(0.3 + cases_gaussian(seed + 2, centre * dimensions + j) +
                        spread * cases_gaussian(seed + 3, (uint64_t)i * dimensions + j));
    }
    return cases;
}

void
cases_free(Cases *cases)
{
    free(cases->vectors);
    cases->vectors = NULL;
}

const char *
cases_directory(void)
{
    static char name[1024];
    const char *parent = getenv("TMPDIR");

    snprintf(name, sizeof(name), "%s/test_engine.XXXXXX", parent != NULL ? parent : "/tmp");
    assert_non_null(mkdtemp(name));
    return name;
}

void
cases_remove_directory(const char *directory)
{
    char path[4096];
    struct dirent *entry;
    DIR *stream = opendir(directory);

    assert_non_null(stream);
    while ((entry = readdir(stream)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
        assert_int_equal(unlink(path), 0);
    }
    closedir(stream);
    assert_int_equal(rmdir(directory), 0);
}

VecBuildOptions
cases_options(uint32_t dimensions, VecMetric metric, uint32_t bits)
{
    VecBuildOptions options = {
        .segment = vec_segment_options_default,
        .thread_count = 1,
        .seed = 7,
        .memory_bytes_max = UINT64_C(1) << 30,
    };

    options.segment.dimensions = dimensions;
    options.segment.metric = metric;
    options.segment.quantization_bits = bits;
    return options;
}

VecRowId
cases_row_id(uint32_t row)
{
    VecRowId id = {.position = UINT64_C(10) * row + 5};

    for (int i = 0; i < VEC_TID_BYTES; i++)
        id.tid[i] = (uint8_t)((uint64_t)row >> (8 * i));
    return id;
}

uint32_t
cases_id_row(const VecRowId *id)
{
    VecRowId expected = cases_row_id((uint32_t)(id->position / 10));

    assert_int_equal(id->position, expected.position);
    assert_memory_equal(id->tid, expected.tid, VEC_TID_BYTES);
    return (uint32_t)(id->position / 10);
}

VecStamp
cases_stamp(uint32_t count)
{
    return (VecStamp){
        .instance_nonce = 77, .timeline = 1, .lsn = 1000, .position_to = UINT64_C(10) * count + 10};
}

VecBuildResult
cases_build(const char *directory, const VecBuildOptions *options, const float *vectors, uint32_t count)
{
    uint32_t dimensions = options->segment.dimensions;
    VecBuildResult result;
    VecError error = {0};
    VecBuild *build;
    VecStamp stamp = cases_stamp(count);

    assert_int_equal(vec_build_begin(options, directory, count, &vec_allocator_default, &build, &error),
                     VEC_OK);
    for (uint32_t i = 0; i < count && vectors != NULL; i++)
        vec_build_sample(build, vectors + (size_t)i * dimensions, dimensions * sizeof(float));
    assert_int_equal(vec_build_train(build, &error), VEC_OK);
    for (uint32_t i = 0; i < count; i++) {
        VecRowId id = cases_row_id(i);
        const float *vector = vectors == NULL ? NULL : vectors + (size_t)i * dimensions;

        assert_int_equal(
            vec_build_add(build, &id, vector, vector == NULL ? 0 : dimensions * sizeof(float), &error),
            VEC_OK);
    }
    assert_int_equal(vec_build_graph(build, NULL, NULL, &error), VEC_OK);
    assert_int_equal(vec_build_finish(build, &stamp, NULL, NULL, &result, &error), VEC_OK);
    vec_build_free(build);
    return result;
}

void
cases_publish(const char *directory, const VecBuildResult *result)
{
    VecControl *control;
    VecManifest manifest;
    VecError error;

    assert_int_equal(vec_control_open(directory, true, &vec_allocator_default, &control, &error), VEC_OK);
    assert_int_equal(vec_control_lock(control, &error), VEC_OK);
    assert_int_equal(vec_manifest_read(directory, &vec_allocator_default, &manifest, &error), VEC_OK);
    assert_int_equal(vec_manifest_add(&manifest, result, &error), VEC_OK);
    assert_int_equal(vec_manifest_publish(&manifest, directory, control, &error), VEC_OK);
    assert_int_equal(vec_manifest_collect(&manifest, directory, NULL, &error), VEC_OK);
    vec_manifest_free(&manifest);
    vec_control_close(control);
}

VecIndex *
cases_open(const char *directory, const VecBuildOptions *options)
{
    VecIndexOpenOptions open_options = {.expectation = {.element_type = options->segment.element_type,
                                                        .metric = options->segment.metric,
                                                        .dimensions = options->segment.dimensions}};
    VecIndex *index;
    VecError error;

    assert_int_equal(vec_index_open(directory, &open_options, &vec_allocator_default, &index, &error),
                     VEC_OK);
    return index;
}

VecIndex *
cases_index(const char *directory, const VecBuildOptions *options, const float *vectors, uint32_t count)
{
    VecBuildResult result = cases_build(directory, options, vectors, count);

    cases_publish(directory, &result);
    VecIndex *index = cases_open(directory, options);
    if (vec_index_problem_count(index) > 0)
        fail_msg("%s", vec_index_problem(index, 0)->message);
    assert_int_equal(vec_index_segment_count(index), 1);
    return index;
}

static void *
allocate(void *context, size_t size_bytes)
{
    CasesAllocator *allocator = context;

    if (__atomic_add_fetch(&allocator->calls, 1, __ATOMIC_RELAXED) == allocator->fail_at)
        return NULL;
    __atomic_add_fetch(&allocator->outstanding, 1, __ATOMIC_RELAXED);
    return vec_allocator_default.allocate(NULL, size_bytes);
}

static void
release(void *context, void *pointer)
{
    CasesAllocator *allocator = context;

    if (pointer != NULL)
        __atomic_sub_fetch(&allocator->outstanding, 1, __ATOMIC_RELAXED);
    vec_allocator_default.release(NULL, pointer);
}

void
cases_allocator_init(CasesAllocator *allocator, uint64_t fail_at)
{
    *allocator = (CasesAllocator){.allocator = {allocate, release, allocator}, .fail_at = fail_at};
}
