/*
 * bench_engine.c: what the engine's search costs and finds, without a server: recall, time, evaluations, bytes.
 *
 *   bench_engine DIRECTORY [--rows N] [--queries N] [--bits 4,8] [--ef 16,32,…] [--m 16] [--ef-construction N]
 *                [--threads N] [--memory MB, of the build] [--metric l2|cos|dot] [--k 10] [--rerank N] [--repeat N]
 *                [--index DIRECTORY: kept, and used again as it is if it is there already] [--filters 1]
 *                [--flat 1: codes without a graph] [--residual 1: with --flat or --lists, codes of residuals]
 *                [--lists N: lists around centroids in a graph's place; --ef says how many of them are read]
 *                [--merge PERCENT: the last rows are merged into a segment of the others, and what that cost is told]
 *
 * DIRECTORY holds base.f16.npy, queries_public.f16.npy and gt_public.i32.npy (numpy's format: a 128-byte header, then rows of
 * float16 or int32). A search is timed with everything it needs to answer: walking the codes, and exact distances of the
 * float32 vectors in memory for candidates until the k best are certain (lower_bound), at most --rerank of them if given. Time is
 * the thread's CPU time, the least of --repeat rounds. Beside it the bound: the cache lines of the lists and codes that the search
 * reads, at the speed at which this machine reads lines at random places of as much memory, as many at a time as it can.
 *
 * With --filters rows have two keys, category and source of meta.tsv.gz, and searches filters of many selectivities, at random
 * and correlated with the vectors; what they should find is computed exactly. Each line is timed in turn with the same
 * searches without a filter, and says what part of their speed it has.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "vectors/build.h"
#include "vectors/distance.h"
#include "vectors/index.h"
#include "vectors/merge.h"

#define NPY_HEADER_BYTES 128
#define LIST_MAX         32
#define K_MAX            100
#define LINE_BYTES       64
#define LISTS_WIDTH      400 /* rows that a search of lists takes in its first round */

typedef struct Matrix {
    size_t rows;
    size_t columns;
    const void *data;
} Matrix;

typedef struct Settings {
    const char *directory;
    size_t rows;
    size_t queries;
    uint32_t bits[LIST_MAX];
    size_t bits_count;
    uint32_t ef[LIST_MAX];
    size_t ef_count;
    uint32_t m;
    uint32_t ef_construction;
    uint32_t threads;
    uint32_t memory_mb;
    uint32_t merge_percent;
    bool is_flat;
    bool is_residual;
    uint32_t lists; /* 0: a graph */
    VecMetric metric;
    uint32_t k;
    uint32_t rerank;
    uint32_t repeat;
    const char *index;
    bool filters;
} Settings;

static _Noreturn void
die(const char *what, const char *detail)
{
    fprintf(stderr, "bench_engine: %s: %s\n", what, detail);
    exit(1);
}

static void
check(VecStatus status, const VecError *error)
{
    if (status != VEC_OK)
        die("engine", error->message);
}

static double
seconds_wall(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Of this thread: on a busy machine wall time measures the others. */
static double
seconds_thread(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double
seconds_cpu(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
           1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* The shape stands in the header's dictionary: 'shape': (rows, columns). */
static Matrix
read_npy(const char *directory, const char *name)
{
    char path[4096], header[NPY_HEADER_BYTES + 1];
    Matrix matrix;
    struct stat file;

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    int descriptor = open(path, O_RDONLY);
    if (descriptor < 0 || fstat(descriptor, &file) != 0 ||
        read(descriptor, header, NPY_HEADER_BYTES) != NPY_HEADER_BYTES)
        die("cannot read", path);
    header[NPY_HEADER_BYTES] = '\0';
    const char *shape = strstr(header + 10, "'shape': (");
    if (shape == NULL || sscanf(shape, "'shape': (%zu, %zu)", &matrix.rows, &matrix.columns) != 2)
        die("no shape in", path);
    const char *map = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (map == MAP_FAILED)
        die("cannot map", path);
    matrix.data = map + NPY_HEADER_BYTES;
    close(descriptor);
    return matrix;
}

static float
widen(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = (half >> 10) & 31, fraction = half & 1023;

    if (exponent == 0)
        return (sign ? -1.0f : 1.0f) * ldexpf((float)fraction, -24);
    uint32_t bits = sign | ((exponent + 112) << 23) | (fraction << 13);
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static float *
widen_rows(Matrix matrix, size_t rows)
{
    size_t count = rows * matrix.columns;
    float *floats = aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);

    if (floats == NULL)
        die("no memory for", "vectors");
    madvise(floats, count * sizeof(float), MADV_HUGEPAGE);
    for (size_t i = 0; i < count; i++)
        floats[i] = widen(((const uint16_t *)matrix.data)[i]);
    return floats;
}

static size_t
parse_list(const char *text, uint32_t *list)
{
    size_t count = 0;

    for (const char *at = text; at != NULL && *at != '\0' && count < LIST_MAX; at = strchr(at, ',')) {
        if (*at == ',')
            at++;
        list[count++] = (uint32_t)strtoul(at, NULL, 10);
    }
    return count;
}

static Settings
parse_arguments(int argc, char **argv)
{
    const VecSegmentOptions *defaults = &vec_segment_options_default;
    Settings settings = {
        .queries = 2000,
        .bits = {4, 8},
        .bits_count = 2,
        .ef = {10, 16, 24, 32, 48, 64, 96, 128, 192, 256},
        .ef_count = 10,
        .m = defaults->m,
        .ef_construction = defaults->ef_construction,
        .threads = 2,
        .memory_mb = 4096,
        .k = 10,
        .repeat = 3,
    };

    if (argc < 2)
        die("usage", "bench_engine DIRECTORY [--option value]…; see the head of bench_engine.c");
    settings.directory = argv[1];
    for (int i = 2; i + 1 < argc; i += 2) {
        const char *name = argv[i], *value = argv[i + 1];
        uint32_t number = (uint32_t)strtoul(value, NULL, 10);

        if (strcmp(name, "--rows") == 0)
            settings.rows = number;
        else if (strcmp(name, "--queries") == 0)
            settings.queries = number;
        else if (strcmp(name, "--bits") == 0)
            settings.bits_count = parse_list(value, settings.bits);
        else if (strcmp(name, "--ef") == 0)
            settings.ef_count = parse_list(value, settings.ef);
        else if (strcmp(name, "--m") == 0)
            settings.m = number;
        else if (strcmp(name, "--ef-construction") == 0)
            settings.ef_construction = number;
        else if (strcmp(name, "--threads") == 0)
            settings.threads = number;
        else if (strcmp(name, "--memory") == 0)
            settings.memory_mb = number;
        else if (strcmp(name, "--merge") == 0)
            settings.merge_percent = number < 100 ? number : 0;
        else if (strcmp(name, "--flat") == 0)
            settings.is_flat = number != 0;
        else if (strcmp(name, "--residual") == 0)
            settings.is_residual = number != 0;
        else if (strcmp(name, "--lists") == 0)
            settings.lists = number;
        else if (strcmp(name, "--k") == 0)
            settings.k = number < K_MAX ? number : K_MAX;
        else if (strcmp(name, "--rerank") == 0)
            settings.rerank = number;
        else if (strcmp(name, "--repeat") == 0)
            settings.repeat = number;
        else if (strcmp(name, "--index") == 0)
            settings.index = value;
        else if (strcmp(name, "--filters") == 0)
            settings.filters = number != 0;
        else if (strcmp(name, "--metric") == 0)
            settings.metric = strcmp(value, "cos") == 0   ? VEC_METRIC_COS
                              : strcmp(value, "dot") == 0 ? VEC_METRIC_DOT
                                                          : VEC_METRIC_L2;
        else
            die("unknown option", name);
    }
    return settings;
}

#define KEY_COUNT 2

/* category and source of each row. */
static uint64_t (*read_keys(const Settings *settings))[KEY_COUNT]
{
    uint64_t(*keys)[KEY_COUNT] = calloc(settings->rows, sizeof(*keys));
    char command[4096], *line = NULL;
    size_t capacity = 0, row = 0;

    snprintf(command, sizeof(command), "gzip -dc '%s/meta.tsv.gz'", settings->directory);
    FILE *file = popen(command, "r");
    if (file == NULL || keys == NULL || getline(&line, &capacity, file) < 0)
        die("cannot read", command);
    for (; row < settings->rows && getline(&line, &capacity, file) > 0; row++) {
        unsigned long source, category;

        if (sscanf(line, "%*d\t%lu\t%*d\t%lu", &source, &category) != 2)
            die("no source and category in", line);
        keys[row][0] = category;
        keys[row][1] = source;
    }
    if (row < settings->rows)
        die("too few lines from", command);
    free(line);
    pclose(file);
    return keys;
}

/* What a build is of. */
typedef struct Rows {
    uint32_t dimensions;
    const float *values;
    const uint64_t (*keys)[KEY_COUNT]; /* or NULL */
} Rows;

static VecBuildOptions
build_options(const Settings *settings, uint32_t bits, const Rows *rows)
{
    VecBuildOptions options = {
        .segment = vec_segment_options_default,
        .thread_count = settings->threads,
        .seed = 42,
        .memory_bytes_max = (uint64_t)settings->memory_mb << 20,
    };

    options.segment.metric = settings->metric;
    options.segment.dimensions = rows->dimensions;
    options.segment.quantization_bits = bits;
    if (settings->is_flat)
        options.segment.kind = VEC_SEGMENT_FLAT;
    if (settings->lists > 0) {
        options.segment.kind = VEC_SEGMENT_IVF;
        options.segment.list_count = settings->lists;
    }
    options.segment.is_residual = settings->is_residual;
    options.segment.m = settings->m;
    options.segment.ef_construction = settings->ef_construction;
    options.segment.key_count = rows->keys != NULL ? KEY_COUNT : 0;
    options.segment.key_ordered = rows->keys != NULL ? 3 : 0;
    return options;
}

/* Graph and file of a build that has its rows, which are those of [from, to). */
static VecBuildResult
finish_build(VecBuild *build, uint64_t from, uint64_t to, double *cpu_graph, double *wall_graph)
{
    VecStamp stamp = {.instance_nonce = 1, .position_from = from, .position_to = to};
    VecBuildResult result;
    VecError error;

    *cpu_graph = -seconds_cpu(), *wall_graph = -seconds_wall();
    check(vec_build_graph(build, NULL, NULL, &error), &error);
    *cpu_graph += seconds_cpu(), *wall_graph += seconds_wall();
    check(vec_build_finish(build, &stamp, NULL, NULL, &result, &error), &error);
    vec_build_free(build);
    return result;
}

/* A segment of the rows [from, to). Returns its result; *cpu: seconds. */
static VecBuildResult
build_rows(const VecBuildOptions *options, const char *directory, const Rows *rows, uint64_t from,
           uint64_t to, double *cpu)
{
    size_t bytes = rows->dimensions * sizeof(float);
    double cpu_begin = seconds_cpu(), wall = seconds_wall(), cpu_coded, cpu_graph, wall_graph;
    VecBuildResult result;
    VecBuild *build;
    VecError error;

    check(vec_build_begin(options, directory, to - from, &vec_allocator_default, &build, &error), &error);
    for (uint64_t i = from; i < to && i < from + 65536; i++)
        vec_build_sample(build, rows->values + i * rows->dimensions, bytes);
    check(vec_build_train(build, NULL, NULL, &error), &error);
    for (uint64_t i = from; i < to; i++) {
        VecRowId id = {.position = i};

        check(vec_build_add(build, &id, rows->keys != NULL ? &(VecKeys){.keys = rows->keys[i]} : NULL,
                            rows->values + i * rows->dimensions, bytes, &error),
              &error);
    }
    cpu_coded = seconds_cpu();
    result = finish_build(build, from, to, &cpu_graph, &wall_graph);
    *cpu = seconds_cpu() - cpu_begin;
    printf("build: %" PRIu64 " rows, %" PRIu32 " bits, m %" PRIu32 ", ef_construction %" PRIu32 ", %" PRIu32
           " threads: codes %.1f s CPU, graph %.1f s CPU %.1f s wall; all %.1f s CPU %.1f s wall\n",
           to - from, options->segment.quantization_bits, options->segment.m,
           options->segment.ef_construction, options->thread_count, cpu_coded - cpu_begin, cpu_graph,
           wall_graph, *cpu, seconds_wall() - wall);
    return result;
}

/* The last rows become a segment without a graph, as new rows do, and are merged into that of the first. */
static VecBuildResult
merge_last(const Settings *settings, VecBuildOptions *options, const char *directory, const Rows *rows,
           const VecBuildResult *first, double cpu_first)
{
    VecBuildOptions flat = *options;
    uint64_t split = first->stamp.position_to;
    double cpu, wall = seconds_wall(), cpu_graph, wall_graph;
    VecBuildResult last, merged;
    VecBuild *build;
    VecError error;

    flat.segment.kind = VEC_SEGMENT_FLAT;
    flat.codes_of = first->file_name;
    last = build_rows(&flat, directory, rows, split, settings->rows, &cpu);
    VecMergeOptions merge = {
        .build = *options, .file_names = (const char *[]){first->file_name, last.file_name}, .file_count = 2};
    cpu = -seconds_cpu();
    check(vec_merge_begin(&merge, directory, &vec_allocator_default, &build, &error), &error);
    merged = finish_build(build, 0, settings->rows, &cpu_graph, &wall_graph);
    cpu += seconds_cpu();
    printf("merge: %" PRIu64 " rows into %" PRIu64
           ": %.1f s CPU %.1f s wall; %.2f of building all, by the rows of the first\n",
           settings->rows - split, split, cpu, seconds_wall() - wall,
           cpu / (cpu_first * (double)settings->rows / (double)split));
    return merged;
}

static void
build_segment(const Settings *settings, uint32_t bits, const Rows *rows, const char *directory)
{
    VecBuildOptions options = build_options(settings, bits, rows);
    uint64_t split = settings->rows - settings->rows * settings->merge_percent / 100;
    VecBuildResult result;
    VecManifest manifest;
    VecControl *control;
    VecError error;
    double cpu;

    check(vec_control_open(directory, true, &vec_allocator_default, &control, &error), &error);
    check(vec_control_lock(control, &error), &error);
    result = build_rows(&options, directory, rows, 0, split, &cpu);
    if (split < settings->rows)
        result = merge_last(settings, &options, directory, rows, &result, cpu);
    check(vec_manifest_read(directory, &vec_allocator_default, &manifest, &error), &error);
    while (manifest.entry_count > 0)
        check(vec_manifest_remove(&manifest, manifest.entries[0].file_name, &error), &error);
    check(vec_manifest_add(&manifest, &result, &error), &error);
    check(vec_manifest_publish(&manifest, directory, control, &error), &error);
    check(vec_manifest_collect(&manifest, directory, NULL, &error), &error);
    vec_manifest_free(&manifest);
    vec_control_close(control);
}

static VecIndex *
open_index(const Settings *settings, uint32_t dimensions, const char *directory)
{
    VecIndex *index;
    VecError error;
    VecIndexOpenOptions open_options = {.expectation = {.element_type = VEC_TYPE_F32,
                                                        .metric = settings->metric,
                                                        .dimensions = dimensions,
                                                        .key_count = settings->filters ? KEY_COUNT : 0}};
    check(vec_index_open(directory, &open_options, &vec_allocator_default, &index, &error), &error);
    if (vec_index_problem_count(index) > 0)
        die("segment", vec_index_problem(index, 0)->message);

    VecSegmentHealth health;
    VecSegmentInfo info;
    check(vec_index_validate(index, 0, NULL, NULL, &health, &error), &error);
    vec_index_segment_info(index, 0, &info);
    printf("       %.1f edges a row (%" PRIu32 "..%" PRIu32 "), %" PRIu64
           " reachable, bytes a row: codes %.1f, graph %.1f, ids %.1f\n",
           (double)health.edges / (double)settings->rows, health.degree_min, health.degree_max,
           health.rows_reachable, (double)info.bytes_codes / (double)settings->rows,
           (double)info.bytes_graph / (double)settings->rows,
           (double)info.bytes_ids / (double)settings->rows);
    return index;
}

typedef struct Answer {
    uint32_t ids[K_MAX];
    uint32_t reranked;
    VecSearchStatistics statistics;
} Answer;

/* Candidates in, exact distances out, until the k-th best is certain. */
static void
answer_query(const Settings *settings, VecIndex *index, uint32_t dimensions, const float *rows,
             const float *query, const VecFilter *filter, uint32_t ef, Answer *answer)
{
    uint32_t width = settings->lists > 0 ? LISTS_WIDTH : ef;
    VecSearchOptions options = {.ef_search = width, .nprobe = ef, .filter = filter};
    VecCandidate candidates[16];
    float best[K_MAX];
    uint32_t kept = 0, count, reranked = 0, k = settings->k;
    VecSearch *search;
    VecError error;
    bool done = false;

    check(vec_search_begin(index, query, dimensions * sizeof(float), &options, &search, &error), &error);
    while (!done) {
        check(vec_search_next(search, candidates, 16, &count, &error), &error);
        if (count == 0)
            break;
        for (uint32_t i = 0; i < count && i < 16; i++)
            for (uint32_t j = 0; j < dimensions; j += 16)
                __builtin_prefetch(rows + candidates[i].id.position * dimensions + j);
        for (uint32_t i = 0; i < count; i++) {
            if ((kept == k && candidates[i].lower_bound >= best[k - 1]) ||
                (settings->rerank != 0 && reranked == settings->rerank) || reranked == width) {
                done = true;
                break;
            }
            uint32_t id = (uint32_t)candidates[i].id.position, place;
            float distance =
                vec_distance_f32(settings->metric, query, rows + (size_t)id * dimensions, dimensions);

            reranked++;
            if (kept == k && distance >= best[k - 1])
                continue;
            kept = kept < k ? kept + 1 : k;
            for (place = kept - 1; place > 0 && best[place - 1] > distance; place--) {
                best[place] = best[place - 1];
                answer->ids[place] = answer->ids[place - 1];
            }
            best[place] = distance;
            answer->ids[place] = id;
        }
    }
    for (uint32_t i = kept; i < k; i++)
        answer->ids[i] = UINT32_MAX;
    answer->reranked = reranked;
    vec_search_statistics(search, &answer->statistics);
    vec_search_free(search);
}

static int
compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Nanoseconds a cache line, of lines at random places in so many bytes; each place is known before the line before it came. */
static double
line_nanoseconds(size_t bytes)
{
    size_t lines = bytes / LINE_BYTES + 1, reads = 4000000;
    uint8_t *memory = aligned_alloc(LINE_BYTES, lines * LINE_BYTES);
    uint64_t random = 42, sum = 0;
    double best = INFINITY;

    if (memory == NULL)
        die("no memory for", "reading at random");
    memset(memory, 1, lines * LINE_BYTES);
    for (int round = 0; round < 3; round++) {
        double start = seconds_thread();

        for (size_t i = 0; i < reads; i++) {
            random = random * UINT64_C(6364136223846793005) + 1;
            sum += memory[((random >> 32) * lines >> 32) * LINE_BYTES];
        }
        double time = (seconds_thread() - start) / (double)reads * 1e9;
        best = time < best ? time : best;
    }
    if (sum == 0) /* never; without it the loop would be nothing */
        die("memory", "lost");
    free(memory);
    return best;
}

typedef struct Bound {
    double hop_lines; /* a list's */
    double row_lines; /* a code's, and one with its factors */
    double line_nanoseconds;
} Bound;

static Bound
bound_of(const Settings *settings, VecIndex *index)
{
    VecSegmentInfo info;
    Bound bound = {.hop_lines = 2.0 * settings->m * sizeof(uint32_t) / LINE_BYTES};

    vec_index_segment_info(index, 0, &info);
    bound.row_lines = ceil((double)info.bytes_codes / (double)settings->rows / LINE_BYTES);
    bound.line_nanoseconds = line_nanoseconds(info.bytes_codes + info.bytes_graph);
    printf("       %.1f ns a random line of %.0f MB\n", bound.line_nanoseconds,
           (double)(info.bytes_codes + info.bytes_graph) / 1e6);
    return bound;
}

static void
measure(const Settings *settings, VecIndex *index, uint32_t bits, uint32_t ef, uint32_t dimensions,
        const float *rows, const float *queries, const int32_t *truth, size_t truth_columns, Bound bound)
{
    double times[64];
    uint64_t hits = 0, reranked = 0, distances = 0, hops = 0;

    for (uint32_t round = 0; round < settings->repeat; round++) {
        double start = seconds_thread();

        hits = reranked = distances = hops = 0;
        for (size_t q = 0; q < settings->queries; q++) {
            Answer answer;

            answer_query(settings, index, dimensions, rows, queries + q * dimensions, NULL, ef, &answer);
            reranked += answer.reranked;
            distances += answer.statistics.distances;
            hops += answer.statistics.hops;
            for (uint32_t i = 0; i < settings->k; i++)
                for (uint32_t j = 0; j < settings->k; j++)
                    hits += answer.ids[i] == (uint32_t)truth[q * truth_columns + j];
        }
        times[round] = (seconds_thread() - start) / (double)settings->queries * 1e6;
    }
    qsort(times, settings->repeat, sizeof(double), compare_doubles);
    double queries_count = (double)settings->queries, time = times[0];
    double lines = (double)hops * bound.hop_lines + (double)distances * bound.row_lines;
    printf("%4" PRIu32 " %6" PRIu32 " %8.4f %9.1f %10.1f %8.1f %8.1f %9.1f %9.1f\n", bits, ef,
           (double)hits / (queries_count * settings->k), time, (double)distances / queries_count,
           (double)hops / queries_count, (double)reranked / queries_count,
           1e3 * time / ((double)distances / queries_count),
           1e-3 * bound.line_nanoseconds * lines / queries_count);
    fflush(stdout);
}

typedef struct NamedFilter {
    const char *name;
    uint64_t categories; /* below it */
    uint64_t sources[3];
    uint32_t source_count;
} NamedFilter;

/* Sources follow the vectors, and those of a query's own neighbourhood may not be among them. */
static const NamedFilter named_filters[] = {
    {"random 50 %", 5000, {0}, 0},
    {"random 10 %", 1000, {0}, 0},
    {"random 5 %", 500, {0}, 0},
    {"random 2 %", 200, {0}, 0},
    {"random 1 %", 100, {0}, 0},
    {"random 0.1 %", 10, {0}, 0},
    {"random 0.01 %", 1, {0}, 0},
    {"sources 0, 1, 4: 43 %", 10000, {0, 1, 4}, 3},
    {"sources 4, 5: 28 %", 10000, {4, 5}, 2},
    {"source 4: 12 %", 10000, {4}, 1},
    {"source 1: 8 %", 10000, {1}, 1},
    {"source 1: 1 %", 1250, {1}, 1},
    {"source 4: 0.1 %", 82, {4}, 1},
    {"source 4: 0.01 %", 8, {4}, 1},
};

static bool
is_named(const NamedFilter *named, const uint64_t *keys)
{
    bool found = named->source_count == 0;

    for (uint32_t i = 0; i < named->source_count; i++)
        found |= keys[1] == named->sources[i];
    return found && keys[0] < named->categories;
}

/* The k nearest rows that the filter lets through, of each query. */
static void
find_exactly(const Settings *settings, uint32_t dimensions, const float *rows,
             const uint64_t (*keys)[KEY_COUNT], const NamedFilter *named, const float *queries,
             int32_t *truth)
{
    for (size_t q = 0; q < settings->queries; q++) {
        int32_t *ids = truth + q * settings->k;
        float best[K_MAX];
        uint32_t kept = 0, place;

        for (size_t row = 0; row < settings->rows; row++) {
            if (!is_named(named, keys[row]))
                continue;
            float distance = vec_distance_f32(settings->metric, queries + q * dimensions,
                                              rows + row * dimensions, dimensions);
            if (kept == settings->k && distance >= best[kept - 1])
                continue;
            kept = kept < settings->k ? kept + 1 : kept;
            for (place = kept - 1; place > 0 && best[place - 1] > distance; place--) {
                best[place] = best[place - 1];
                ids[place] = ids[place - 1];
            }
            best[place] = distance;
            ids[place] = (int32_t)row;
        }
        for (; kept < settings->k; kept++)
            ids[kept] = -2;
    }
}

static void
measure_filter(const Settings *settings, VecIndex *index, uint32_t ef, uint32_t dimensions, const float *rows,
               const uint64_t (*keys)[KEY_COUNT], const float *queries, const NamedFilter *named)
{
    VecCondition conditions[] = {
        {.kind = VEC_CONDITION_RANGE, .key = 0, .width = 1, .high = named->categories - 1},
        {.kind = VEC_CONDITION_IN,
         .key = 1,
         .width = 1,
         .values = named->sources,
         .value_count = named->source_count},
    };
    VecFilter filter = {conditions, named->source_count > 0 ? 2 : 1};
    int32_t *truth = calloc(settings->queries * settings->k, sizeof(int32_t));
    double least[2] = {INFINITY, INFINITY};
    uint64_t hits = 0, wanted = 0, reranked = 0, distances = 0, hops = 0, scans = 0;

    if (truth == NULL)
        die("no memory for", named->name);
    find_exactly(settings, dimensions, rows, keys, named, queries, truth);
    for (uint32_t round = 0; round < settings->repeat; round++) {
        for (int filtered = 0; filtered < 2; filtered++) {
            double start = seconds_thread();

            hits = wanted = reranked = distances = hops = scans = 0;
            for (size_t q = 0; q < settings->queries; q++) {
                Answer answer;

                answer_query(settings, index, dimensions, rows, queries + q * dimensions,
                             filtered ? &filter : NULL, ef, &answer);
                reranked += answer.reranked;
                distances += answer.statistics.distances;
                hops += answer.statistics.hops;
                scans += answer.statistics.segments_scanned;
                for (uint32_t i = 0; i < settings->k; i++) {
                    wanted += truth[q * settings->k + i] >= 0;
                    for (uint32_t j = 0; j < settings->k; j++)
                        hits += (int32_t)answer.ids[i] == truth[q * settings->k + j];
                }
            }
            least[filtered] = fmin(least[filtered], seconds_thread() - start);
        }
    }
    double n = (double)settings->queries;
    printf("%-24s %6" PRIu32 " %8.4f %9.1f %10.1f %8.1f %8.1f %7.2f %8.2f\n", named->name, ef,
           (double)hits / (double)wanted, least[1] / n * 1e6, (double)distances / n, (double)hops / n,
           (double)reranked / n, (double)scans / n, least[0] / least[1]);
    fflush(stdout);
    free(truth);
}

static void
remove_index(const char *directory)
{
    VecManifest none = {.allocator = &vec_allocator_default};
    VecError error;
    char path[4096];
    check(vec_manifest_collect(&none, directory, NULL, &error), &error);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, i == 0 ? VEC_MANIFEST_NAME : VEC_CONTROL_NAME);
        unlink(path);
    }
    rmdir(directory);
}

int
main(int argc, char **argv)
{
    Settings settings = parse_arguments(argc, argv);
    Matrix base = read_npy(settings.directory, "base.f16.npy");
    Matrix query_matrix = read_npy(settings.directory, "queries_public.f16.npy");
    Matrix truth = read_npy(settings.directory, "gt_public.i32.npy");
    char temporary[] = "/tmp/bench_engine.XXXXXX", directory[4000];

    if (settings.rows == 0 || settings.rows > base.rows)
        settings.rows = base.rows;
    if (settings.rows < base.rows)
        printf("recall is against all %zu rows: it means nothing with --rows\n", base.rows);
    if (settings.queries > query_matrix.rows)
        settings.queries = query_matrix.rows;
    if (settings.repeat < 1 || settings.repeat > 64)
        settings.repeat = 3;

    uint32_t dimensions = (uint32_t)base.columns;
    float *rows = widen_rows(base, settings.rows);
    float *queries = widen_rows(query_matrix, settings.queries);
    uint64_t(*keys)[KEY_COUNT] = settings.filters ? read_keys(&settings) : NULL;
    if (settings.index == NULL && mkdtemp(temporary) == NULL)
        die("cannot create", temporary);
    for (size_t i = 0; i < settings.bits_count; i++) {
        snprintf(directory, sizeof(directory), "%s/%" PRIu32,
                 settings.index != NULL ? settings.index : temporary, settings.bits[i]);
        if (access(directory, F_OK) != 0)
            build_segment(&settings, settings.bits[i], &(Rows){dimensions, rows, keys}, directory);
        VecIndex *index = open_index(&settings, dimensions, directory);
        Bound bound = bound_of(&settings, index);

        printf(
            settings.filters
                ? "filter                       ef   recall  us/query  distances     hops reranked   scans  "
                  "x speed\n"
                : "bits     ef   recall  us/query  distances     hops reranked  ns/dist.  bound us\n");
        for (size_t f = 0; settings.filters && f < sizeof(named_filters) / sizeof(named_filters[0]); f++)
            for (size_t j = 0; j < settings.ef_count; j++)
                measure_filter(&settings, index, settings.ef[j], dimensions, rows, keys, queries,
                               &named_filters[f]);
        for (size_t j = 0; j < settings.ef_count && !settings.filters; j++)
            measure(&settings, index, settings.bits[i], settings.ef[j], dimensions, rows, queries, truth.data,
                    truth.columns, bound);
        vec_index_close(index);
        if (settings.index == NULL)
            remove_index(directory);
    }
    if (settings.index == NULL)
        rmdir(temporary);
    free(rows);
    free(queries);
    free(keys);
    return 0;
}
