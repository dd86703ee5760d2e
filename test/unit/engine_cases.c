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
#include "sparse.h"
#include "vectors/distance_types.h"

#define BIT_ABOVE    0.3f /* the mean of cases_make */
#define SPARSE_ABOVE 1.2f

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

static size_t
shape_sparse(const float *row, uint32_t dimensions, uint32_t *indexes)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < dimensions; i++)
        if (!(row[i] <= SPARSE_ABOVE && isfinite(row[i])))
            indexes[count++] = i;

    float *elements = (float *)(indexes + count);
    for (uint32_t i = 0; i < count; i++)
        elements[i] = row[indexes[i]];
    return count * (sizeof(uint32_t) + sizeof(float));
}

const void *
cases_vector(const VecSegmentOptions *options, const float *row, size_t *bytes)
{
    static void *buffers[2];
    static int turn;
    uint32_t dimensions = options->dimensions;

    *bytes = dimensions * sizeof(float);
    if (options->element_type != VEC_TYPE_BIT && options->element_type != VEC_TYPE_SPARSE)
        return row;
    turn = 1 - turn;
    free(buffers[turn]);
    buffers[turn] = calloc(dimensions + 1, sizeof(uint32_t) + sizeof(float));
    assert_non_null(buffers[turn]);
    if (options->element_type == VEC_TYPE_SPARSE) {
        *bytes = shape_sparse(row, dimensions, buffers[turn]);
        return buffers[turn];
    }
    *bytes = (dimensions + 7) / 8;
    for (uint32_t i = 0; i < dimensions; i++)
        ((uint8_t *)buffers[turn])[i / 8] |= (uint8_t)((row[i] > BIT_ABOVE) << (i % 8));
    return buffers[turn];
}

float
cases_distance(const VecSegmentOptions *options, const float *a, const float *b)
{
    size_t bytes_a, bytes_b;
    const void *vector_a = cases_vector(options, a, &bytes_a), *vector_b = cases_vector(options, b, &bytes_b);

    if (options->element_type == VEC_TYPE_BIT)
        return vec_distance_bit(options->metric, vector_a, vector_b, options->dimensions);
    if (options->element_type == VEC_TYPE_SPARSE)
        return vec_distance_sparse(options->metric, vec_sparse_view(vector_a, bytes_a),
                                   vec_sparse_view(vector_b, bytes_b));
    return vec_distance_f32(options->metric, a, b, options->dimensions);
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

const VecKeys *
cases_keys(uint32_t row, uint32_t key_count)
{
    static uint64_t words[CASES_KEYS];
    static VecKeys keys = {.keys = words};

    words[0] = row % 17 == 0 ? UINT64_C(12345) : (uint64_t)(cases_uniform(1, row) * 100); /* NULL: ignored */
    words[1] = UINT32_MAX - row;
    words[2] = row % 4;
    words[3] = vec_random_at(3, row) & vec_random_at(4, row);
    words[4] = vec_random_at(5, row) & vec_random_at(6, row);
    words[5] = vec_random_at(7, row);
    keys.nulls = (row % 17 == 0 ? 1 : 0) | (row % 13 == 0 ? 0x18 : 0);
    return key_count > 0 ? &keys : NULL;
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
    VecBuildOptions sized = *options;
    size_t bytes = 0;
    VecBuildResult result;
    VecError error = {0};
    VecBuild *build;
    VecStamp stamp = cases_stamp(count);

    sized.vector_bytes_max = 0;
    for (uint32_t i = 0; i < count && vectors != NULL; i++, sized.vector_bytes_max += bytes)
        (void)cases_vector(&options->segment, vectors + (size_t)i * dimensions, &bytes);
    assert_int_equal(vec_build_begin(&sized, directory, count, &vec_allocator_default, &build, &error),
                     VEC_OK);
    for (uint32_t i = 0; i < count && vectors != NULL; i++) {
        const void *vector = cases_vector(&options->segment, vectors + (size_t)i * dimensions, &bytes);

        vec_build_sample(build, vector, bytes);
    }
    assert_int_equal(vec_build_train(build, NULL, NULL, &error), VEC_OK);
    for (uint32_t i = 0; i < count; i++) {
        VecRowId id = cases_row_id(i);
        const void *vector = NULL;

        bytes = 0;
        if (vectors != NULL)
            vector = cases_vector(&options->segment, vectors + (size_t)i * dimensions, &bytes);
        assert_int_equal(
            vec_build_add(build, &id, cases_keys(i, options->segment.key_count), vector, bytes, &error),
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

VecIndexOpenOptions
cases_open_options(const VecBuildOptions *options)
{
    return (VecIndexOpenOptions){.expectation = {.element_type = options->segment.element_type,
                                                 .metric = options->segment.metric,
                                                 .dimensions = options->segment.dimensions,
                                                 .key_count = options->segment.key_count}};
}

VecIndex *
cases_open(const char *directory, const VecBuildOptions *options)
{
    VecIndexOpenOptions open_options = cases_open_options(options);
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
    if (size_bytes > __atomic_load_n(&allocator->bytes_largest, __ATOMIC_RELAXED))
        __atomic_store_n(&allocator->bytes_largest, size_bytes, __ATOMIC_RELAXED);
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
