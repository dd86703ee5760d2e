/*
 * graph_build.c: inserting rows into a graph, by several threads at once.
 *
 * Every code is written before the first insertion, so a thread that meets a row may use it at once. Lists are changed under
 * their node's byte lock and read without any: a list is an array of relaxed atomics, every state of which is a valid list.
 * A task is one row, taken from a counter: interrupted threads finish theirs, and the next run goes on at the counter.
 *
 * Which neighbours a list names: graph_lists.c; rows that no list names because they are nearly another: graph_rings.c.
 *
 * Where a base comes along (vectors/merge.h), its lists are translated first. A list that named dead rows is chosen anew among
 * the living rest and the neighbours of the dead (as FreshDiskANN consolidates: Singh et al. 2021). The next living row of its
 * ring takes a dead one's place. Rows that only dead rows led to are then inserted as new ones are.
 */
#include "graph_building.h"
#include "memory.h"
#include "threads.h"

/* The first rows are inserted by one thread: with nothing to find yet, threads would build islands. */
#define ALONE_COUNT 256

/* Rows of a sparse row's lists with which its walk begins, for each candidate that it looks for. */
#define POSTINGS_PER_WIDTH 16

/* Of up to 1 KB of neighbours each. */
#define UNLINKED_POLL_ROWS 65536
#define MEND_FACTOR        8 /* candidates for a list that lost dead neighbours, in lists */

/* A list that names a dead row takes the next living one of its ring, unless so many behind it are dead. */
#define RING_DEAD_MAX 1000

static bool
polled(void *context, uint64_t rows_done, uint64_t rows_total)
{
    VecGraphBuild *build = context;

    (void)rows_done;
    (void)rows_total;
    if (build->should_stop != NULL && !atomic_load_explicit(&build->stop, memory_order_relaxed) &&
        build->should_stop(build->should_stop_context, atomic_load(&build->tasks_done), build->task_count))
        atomic_store(&build->stop, true);
    return false; /* the row under way is finished in any case */
}

/* Rows that were not inserted yet may be among them: they are linked to like all others, and find their lists begun. */
static VecStatus
seed_from_postings(VecGraphWorker *worker)
{
    const VecGraphBuild *build = worker->build;

    if (build->options.postings == NULL)
        return VEC_OK;
    return vec_postings_seed(build->options.postings, &build->codes, &worker->query,
                             (uint64_t)build->options.ef_construction * POSTINGS_PER_WIDTH,
                             &worker->postings_scratch, &worker->walk);
}

/* Finds and links the neighbours of node in a layer, from `entry` on; returns the nearest node found. */
static uint32_t
insert_into_layer(VecGraphWorker *worker, const VecLayer *layer, uint32_t node, uint32_t entry)
{
    VecGraphBuild *build = worker->build;
    VecWalk *walk = &worker->walk;
    uint64_t chosen[2 * 128];

    vec_walk_reset(walk);
    vec_bitset_set(walk->visited, node); /* others may have linked to it already */
    if (entry == node)                   /* of a crowd, and found from above */
        vec_graph_list_seed(worker, layer, node);
    else
        vec_walk_seed(walk, layer, &build->codes, &worker->query, entry);
    if (layer == &build->graph->bottom && seed_from_postings(worker) != VEC_OK)
        atomic_store(&build->no_memory, true);
    if (vec_walk_run(walk, layer, &build->codes, &worker->query, worker->is_caller ? polled : NULL, build) !=
        VEC_OK)
        atomic_store(&build->no_memory,
                     true); /* linked with what was found; reported when all threads are back */
    vec_bitset_clear(walk->visited, node);
    if (walk->pool_count == 0)
        return entry;

    uint32_t row = vec_graph_node_row(layer, node);
    uint32_t copy_count =
        layer == &build->graph->bottom ? vec_graph_ring_originals(worker, layer, row, entry) : 0;
    /* of a copy's list one place is for its leader alone, so that it leads elsewhere, and lists name no others of a ring */
    uint32_t wanted = copy_count > 0 ? layer->degree - 3 : layer->degree;
    uint32_t count = vec_graph_list_choose(worker, layer, walk->pool + copy_count,
                                           walk->pool_count - copy_count, wanted, worker->query.constant);
    memcpy(chosen, worker->chosen_keys, count * sizeof(uint64_t));
    if (copy_count > 0)
        chosen[count++] = walk->pool[0];

    uint32_t *links = vec_graph_node_links(layer, node);
    vec_graph_lock_row(build, row);
    bool is_empty = __atomic_load_n(&links[0], __ATOMIC_RELAXED) == VEC_NODE_NONE;
    if (is_empty)
        vec_graph_list_store(links, vec_graph_list_room(layer, node), chosen, count);
    vec_graph_unlock_row(build, row);

    /* a copy has its leader linked to once more: of one row alone all links may be lost to others */
    bool is_led =
        copy_count > 0 && vec_graph_ring_enter(worker, layer, row, vec_walk_key_node(walk->pool[0]));
    uint32_t linked = is_led ? vec_walk_key_node(walk->pool[0]) : node;
    for (uint32_t i = 0; i < count; i++) {
        if (!is_empty) /* somebody linked to us meanwhile: add to what there is */
            vec_graph_list_add(worker, layer, node, vec_walk_key_node(chosen[i]), false);
        if (vec_walk_key_node(chosen[i]) != linked)
            vec_graph_list_add(worker, layer, vec_walk_key_node(chosen[i]), linked, is_led);
    }
    return vec_walk_key_node(walk->pool[0]);
}

/* Inserts a row whose number in the upper layers is `node`, in `layers` of them (0: only into the bottom layer). */
static void
insert_row(VecGraphWorker *worker, uint32_t row, uint32_t node, uint32_t layers)
{
    const VecGraph *graph = worker->build->graph;
    const VecCodes *codes = &worker->build->codes;

    vec_codes_query_from_row(codes, row, &worker->query);

    uint32_t entry = vec_graph_descend(graph, &worker->walk, codes, &worker->query, layers);
    for (uint32_t layer = layers; layer > 0; layer--)
        entry = insert_into_layer(worker, &graph->upper[layer - 1], node, entry);
    insert_into_layer(worker, &graph->bottom, row, graph->layer_count > 0 ? graph->upper[0].rows[entry] : 0);
}

/* A neighbour in the base's graph as a node of the new one; VEC_NODE_NONE if it is dead. */
static inline uint32_t
new_node(const VecGraphBase *base, const VecLayer *old_layer, uint32_t old_node)
{
    return old_layer->rows == NULL ? vec_graph_base_row(base, old_node) : base->new_nodes[old_node];
}

/* Read once: what was checked must be what is used, even if the file changes in between. */
static inline uint32_t
old_link(const uint32_t *links, uint32_t i)
{
    return __atomic_load_n(&links[i], __ATOMIC_RELAXED);
}

/* The first living one behind an old row in its ring, after so many dead ones at most; VEC_NODE_NONE: none. */
static uint32_t
next_living(const VecGraphBase *base, const VecLayer *old_layer, uint32_t old_node, uint32_t steps_max)
{
    for (uint32_t step = 0; step < steps_max; step++) {
        old_node = vec_walk_ring_next(old_layer, old_node);
        if (old_node == VEC_NODE_NONE)
            break;
        uint32_t node = new_node(base, old_layer, old_node);
        if (node != VEC_NODE_NONE)
            return node;
    }
    return VEC_NODE_NONE;
}

/* What an old node has become, or one of its ring; VEC_NODE_NONE: all those are dead. */
static uint32_t
living_node(const VecGraphBase *base, const VecLayer *old_layer, uint32_t old_node)
{
    uint32_t node = new_node(base, old_layer, old_node);

    return node != VEC_NODE_NONE ? node : next_living(base, old_layer, old_node, RING_DEAD_MAX);
}

/* Appends the living ones of an old list to worker->list_keys, each once; returns the new count, *lost: some were dead. */
static uint32_t
gather_living(VecGraphWorker *worker, const VecLayer *old_layer, uint32_t old_node, uint32_t count,
              bool *lost)
{
    const VecGraphBase *base = worker->build->options.base;
    const uint32_t *links = old_layer->links + (size_t)old_node * old_layer->degree;

    for (uint32_t i = 0; i < old_layer->degree; i++) {
        uint32_t old_neighbour = old_link(links, i);

        if (old_neighbour >= old_layer->node_count)
            break;
        uint32_t node = living_node(base, old_layer, old_neighbour);
        if (node == VEC_NODE_NONE) {
            *lost = true;
        } else if (!vec_bitset_test(worker->walk.visited, node) && count < worker->list_capacity) {
            vec_bitset_set(worker->walk.visited, node);
            worker->list_keys[count++] = node;
        }
    }
    return count;
}

/* Brings one living node's list over, and its place in a ring. Nobody else writes them in this phase. */
static void
adopt_list(VecGraphWorker *worker, const VecLayer *old_layer, uint32_t old_node, const VecLayer *layer,
           uint32_t node)
{
    const VecGraphBase *base = worker->build->options.base;
    const uint32_t *links = old_layer->links + (size_t)old_node * old_layer->degree;
    uint32_t *list = vec_graph_node_links(layer, node);
    /* however many died between two living ones: together these steps are as many as there are dead, and the ring closes */
    uint32_t next = next_living(base, old_layer, old_node, base->dead_count + 1), room = layer->degree;
    bool lost = false;

    if (next != VEC_NODE_NONE && next != node) {
        list[layer->degree - 1] = next;
        room = layer->degree - 2;
        atomic_store(&worker->build->has_rings, true);
    }
    vec_bitset_set(worker->walk.visited, node);
    uint32_t count = gather_living(worker, old_layer, old_node, 0, &lost);
    for (uint32_t i = 0; lost && i < old_layer->degree; i++) {
        uint32_t old_neighbour = old_link(links, i);
        bool ignored;

        if (old_neighbour >= old_layer->node_count)
            break;
        if (living_node(base, old_layer, old_neighbour) == VEC_NODE_NONE)
            count = gather_living(worker, old_layer, old_neighbour, count, &ignored);
    }
    vec_bitset_clear(worker->walk.visited, node);
    for (uint32_t i = 0; i < count; i++) {
        worker->list_rows[i] = vec_graph_node_row(layer, (uint32_t)worker->list_keys[i]);
        vec_bitset_clear(worker->walk.visited, (uint32_t)worker->list_keys[i]);
    }
    if (!lost) {
        for (uint32_t i = 0; i < room; i++)
            list[i] = i < count ? (uint32_t)worker->list_keys[i] : VEC_NODE_NONE;
        return;
    }
    count = vec_graph_list_choose_anew(worker, layer, vec_graph_node_row(layer, node), count, room);
    vec_graph_list_store(list, room, worker->chosen_keys, count);
}

/* Tasks 0 .. n1 - 1 are the base's upper nodes, the others its rows. */
static void
adopt_task(VecGraphWorker *worker, uint32_t task)
{
    VecGraphBuild *build = worker->build;
    const VecGraphBase *base = build->options.base;
    const VecGraph *old = base->graph;
    uint32_t upper_count = old->upper[0].node_count;

    if (task >= upper_count) {
        uint32_t row = vec_graph_base_row(base, task - upper_count);

        if (row != VEC_NODE_NONE)
            adopt_list(worker, &old->bottom, task - upper_count, &build->graph->bottom, row);
        return;
    }

    uint32_t node = base->new_nodes[task];
    for (uint32_t layer = node == VEC_NODE_NONE ? 0 : vec_graph_node_layers(old, task); layer > 0; layer--)
        adopt_list(worker, &old->upper[layer - 1], task, &build->graph->upper[layer - 1], node);
}

/* The number in layer 1 of the base's highest living row. */
static uint32_t
base_entry(const VecGraphBase *base)
{
    uint32_t node = 0;

    while (base->new_nodes[node] == VEC_NODE_NONE)
        node++;
    return base->new_nodes[node];
}

/* Inserts node 0. In a new graph the entry finds nobody; one that is higher than the base begins at the base's entry. */
static void
insert_entry(VecGraphWorker *worker)
{
    const VecGraph *graph = worker->build->graph;
    const VecGraphBase *base = worker->build->options.base;
    uint32_t row = graph->upper[0].rows[0];

    if (base == NULL || vec_graph_base_has(base, row))
        return;
    vec_codes_query_from_row(&worker->build->codes, row, &worker->query);

    uint32_t entry = base_entry(base);
    for (uint32_t layer = vec_graph_node_layers(graph, entry); layer > 0; layer--)
        entry = insert_into_layer(worker, &graph->upper[layer - 1], 0, entry);
    insert_into_layer(worker, &graph->bottom, row, graph->upper[0].rows[entry]);
}

/* All rows are there: those of a ring that has become part of something larger are linked as others are. */
static void
review_ring(VecGraphWorker *worker, uint32_t row)
{
    uint32_t rows[VEC_GRAPH_RING_ROWS_MAX], count = vec_graph_ring_review(worker, row, rows);

    for (uint32_t i = 0; i < count; i++)
        insert_row(worker, rows[i], VEC_NODE_NONE, 0);
}

/* Tasks 0 .. n1 - 1 are the nodes of layer 1, from the top down; then all rows in order, which skips those. */
static void
insert_task(VecGraphWorker *worker, uint64_t task)
{
    VecGraphBuild *build = worker->build;
    const VecGraph *graph = build->graph;
    const VecGraphBase *base = build->options.base;
    uint32_t upper_count = graph->layer_count > 0 ? graph->upper[0].node_count : 0;

    if (task < upper_count) {
        uint32_t node = (uint32_t)task;

        if (node == 0)
            insert_entry(worker);
        else if (!vec_graph_base_has(base, graph->upper[0].rows[node]))
            insert_row(worker, graph->upper[0].rows[node], node, vec_graph_node_layers(graph, node));
        return;
    }

    uint32_t row = (uint32_t)(task - upper_count);
    if (row == 0 && upper_count == 0)
        return;
    if (vec_graph_base_has(base, row)) {
        if (build->unlinked != NULL && vec_bitset_test(build->unlinked, row))
            insert_row(worker, row, VEC_NODE_NONE, 0);
    } else if (!vec_graph_is_upper(build->options.seed, graph->m, row)) {
        insert_row(worker, row, VEC_NODE_NONE, 0);
    }
}

static void
run_tasks(VecGraphWorker *worker, uint64_t task_end)
{
    VecGraphBuild *build = worker->build;

    while (!atomic_load_explicit(&build->stop, memory_order_relaxed) &&
           !atomic_load_explicit(&build->no_memory, memory_order_relaxed)) {
        if (atomic_load_explicit(&build->task_next, memory_order_relaxed) >= task_end)
            return;
        uint64_t task = atomic_fetch_add(&build->task_next, 1);
        if (task >= build->task_count)
            return;
        if (build->is_adopting)
            adopt_task(worker, (uint32_t)task);
        else if (build->is_reviewing)
            review_ring(worker, (uint32_t)task);
        else
            insert_task(worker, task);
        atomic_fetch_add_explicit(&build->tasks_done, 1, memory_order_relaxed);
        if (worker->is_caller)
            polled(build, 0, 0);
    }
}

static void *
run_thread(void *argument)
{
    VecGraphWorker *worker = argument;

    run_tasks(worker, worker->build->task_count);
    return NULL;
}

static bool
worker_init(VecGraphWorker *worker, VecGraphBuild *build)
{
    const VecAllocator *allocator = build->allocator;
    uint32_t degree = build->graph->bottom.degree;

    *worker = (VecGraphWorker){.build = build};
    if (!vec_codes_query_init(&worker->query, &build->codes, allocator) ||
        !vec_codes_query_init(&worker->relative, &build->codes, allocator) ||
        !vec_codes_query_init(&worker->other, &build->codes, allocator) ||
        !vec_walk_init(&worker->walk, build->graph->row_count, degree, allocator) ||
        vec_walk_set_width(&worker->walk, build->options.ef_construction) != VEC_OK ||
        vec_walk_reserve_spill(&worker->walk, (size_t)build->options.ef_construction * degree) != VEC_OK)
        return false;
    worker->list_capacity = build->options.base != NULL ? MEND_FACTOR * degree : degree + 1;
    worker->list_keys = vec_memory_allocate_raw(allocator, worker->list_capacity, sizeof(uint64_t));
    worker->list_rows = vec_memory_allocate_raw(allocator, worker->list_capacity, sizeof(uint32_t));
    worker->list_sums = vec_memory_allocate_raw(allocator, worker->list_capacity, sizeof(int32_t));
    worker->list_distances = vec_memory_allocate_raw(allocator, worker->list_capacity, sizeof(float));
    worker->chosen_keys = vec_memory_allocate_raw(allocator, degree, sizeof(uint64_t));
    worker->left_keys = vec_memory_allocate_raw(allocator, degree, sizeof(uint64_t));
    worker->chosen_rows = vec_memory_allocate_raw(allocator, degree, sizeof(uint32_t));
    if (worker->list_keys == NULL || worker->list_rows == NULL || worker->list_sums == NULL ||
        worker->list_distances == NULL || worker->chosen_keys == NULL || worker->left_keys == NULL ||
        worker->chosen_rows == NULL)
        return false;
    return true;
}

static void
worker_free(VecGraphWorker *worker)
{
    const VecAllocator *allocator;

    if (worker->build == NULL)
        return;
    allocator = worker->build->allocator;
    vec_walk_free(&worker->walk);
    vec_postings_scratch_free(&worker->postings_scratch);
    vec_codes_query_free(&worker->query);
    vec_codes_query_free(&worker->relative);
    vec_codes_query_free(&worker->other);
    vec_memory_release(allocator, worker->list_keys);
    vec_memory_release(allocator, worker->list_rows);
    vec_memory_release(allocator, worker->list_sums);
    vec_memory_release(allocator, worker->list_distances);
    vec_memory_release(allocator, worker->chosen_keys);
    vec_memory_release(allocator, worker->left_keys);
    vec_memory_release(allocator, worker->chosen_rows);
}

static void
set_task_count(VecGraphBuild *build)
{
    const VecGraph *graph = build->is_adopting ? build->options.base->graph : build->graph;

    build->task_count = graph->row_count;
    if (graph->layer_count > 0 && !build->is_reviewing)
        build->task_count += graph->upper[0].node_count;
    atomic_store(&build->task_next, 0);
    atomic_store(&build->tasks_done, 0);
}

/* The rows behind one in its ring are found where it is. */
static void
clear_ring(const VecGraphBuild *build, uint32_t row)
{
    const VecLayer *bottom = &build->graph->bottom;
    uint32_t next = vec_walk_ring_next(bottom, row);

    for (; next != VEC_NODE_NONE && next != row && vec_bitset_test(build->unlinked, next);
         next = vec_walk_ring_next(bottom, next))
        vec_bitset_clear(build->unlinked, next);
}

/*
 * The first phase is over: which rows of the base does no list of the bottom layer name any more? Three passes: lists clear whom
 * they name; rings of rows that were named are cleared; of the others one row each stays.
 */
static VecStatus
find_unlinked(VecGraphBuild *build, VecError *error)
{
    const VecGraphBase *base = build->options.base;
    const VecGraph *graph = build->graph;
    uint64_t *bits = build->unlinked;

    if (build->unlinked_next == 0) {
        for (uint32_t i = 0; i < base->row_count; i++)
            vec_bitset_set(bits, base->row_first + i);
        for (uint32_t node = 0; node < graph->upper[0].node_count; node++) /* are found from above */
            vec_bitset_clear(bits, graph->upper[0].rows[node]);
    }
    for (; build->unlinked_next < 3 * (uint64_t)base->row_count; build->unlinked_next++) {
        uint32_t row = base->row_first + (uint32_t)(build->unlinked_next % base->row_count);
        const uint32_t *links = graph->bottom.links + (size_t)row * graph->bottom.degree;
        uint64_t pass = build->unlinked_next / base->row_count;

        if (build->unlinked_next % UNLINKED_POLL_ROWS == UNLINKED_POLL_ROWS - 1) {
            polled(build, 0, 0);
            if (atomic_load(&build->stop))
                return vec_error_set(error, VEC_INTERRUPTED, 0, "interrupted");
        }
        for (uint32_t i = 0; pass == 0 && i < graph->bottom.degree && links[i] != VEC_NODE_NONE; i++)
            vec_bitset_clear(bits, links[i]);
        if (pass > 0 && vec_bitset_test(bits, row) == (pass == 2))
            clear_ring(build, row);
    }
    return VEC_OK;
}

VecStatus
vec_graph_build_begin(const VecGraph *graph, const VecCodes *codes, const VecGraphBuildOptions *options,
                      const VecAllocator *allocator, VecGraphBuild **build, VecError *error)
{
    VecGraphBuild *made = vec_memory_allocate(allocator, 1, sizeof(*made));
    size_t ones_bytes = codes->kind == VEC_CODE_SCALAR ? VEC_SIMD_QUERY_BYTES(codes->dimensions) : 0;

    if (made == NULL)
        return vec_memory_error(error);
    made->graph = graph;
    made->codes = *codes;
    made->options = *options;
    made->allocator = allocator;
    made->is_adopting = options->base != NULL;
    set_task_count(made);
    made->locks = vec_memory_allocate(allocator, graph->row_count, 1);
    made->ones = vec_memory_allocate(allocator, ones_bytes, 1);
    if (options->base != NULL && options->base->dead_count > 0)
        made->unlinked = vec_memory_allocate(allocator, VEC_BITSET_WORDS(graph->row_count), sizeof(uint64_t));
    if (made->locks == NULL || made->ones == NULL ||
        (made->unlinked == NULL && options->base != NULL && options->base->dead_count > 0)) {
        vec_graph_build_free(made);
        return vec_memory_error(error);
    }
    if (ones_bytes > 0)
        memset(made->ones, 1, codes->dimensions);
    made->codes.ones = made->ones;
    *build = made;
    return VEC_OK;
}

/* The tasks of one phase, by all workers. */
static VecStatus
run_phase(VecGraphBuild *build, VecGraphWorker *workers, uint32_t worker_count, VecError *error)
{
    uint32_t started = 0;

    run_tasks(&workers[0], build->task_count < ALONE_COUNT ? build->task_count : ALONE_COUNT);
    if (!atomic_load(&build->stop) && atomic_load(&build->task_next) < build->task_count)
        while (started + 1 < worker_count &&
               vec_threads_start(&workers[started + 1].thread, run_thread, &workers[started + 1]))
            started++;
    run_tasks(&workers[0], build->task_count);
    for (uint32_t i = 0; i < started; i++)
        pthread_join(workers[1 + i].thread, NULL);

    if (atomic_load(&build->no_memory))
        return vec_memory_error(error);
    if (atomic_load(&build->tasks_done) < build->task_count)
        return vec_error_set(error, VEC_INTERRUPTED, 0, "interrupted");
    return VEC_OK;
}

VecStatus
vec_graph_build_run(VecGraphBuild *build, VecShouldStop should_stop, void *should_stop_context,
                    VecError *error)
{
    uint32_t worker_count = build->options.thread_count, made = 0;
    VecGraphWorker *workers = vec_memory_allocate(build->allocator, worker_count, sizeof(VecGraphWorker));
    VecStatus status = VEC_OK;

    if (workers == NULL)
        return vec_memory_error(error);
    while (made < worker_count && worker_init(&workers[made], build))
        made++;
    if (made < worker_count) {
        status = vec_memory_error(error);
        goto done;
    }
    build->should_stop = should_stop;
    build->should_stop_context = should_stop_context;
    atomic_store(&build->stop, false);
    atomic_store(&build->no_memory, false);
    workers[0].is_caller = true;
    polled(build, 0, 0);
    if (build->is_adopting) {
        if ((status = run_phase(build, workers, worker_count, error)) != VEC_OK)
            goto done;
        if (build->unlinked != NULL && (status = find_unlinked(build, error)) != VEC_OK)
            goto done;
        build->is_adopting = false;
        set_task_count(build);
    }
    if (!build->is_reviewing) {
        if ((status = run_phase(build, workers, worker_count, error)) != VEC_OK ||
            !atomic_load(&build->has_rings))
            goto done;
        build->is_reviewing = true;
        set_task_count(build);
    }
    status = run_phase(build, workers, worker_count, error);

done:
    for (uint32_t i = 0; i <= made && i < worker_count; i++)
        worker_free(&workers[i]);
    vec_memory_release(build->allocator, workers);
    return status;
}

bool
vec_graph_build_has_rings(const VecGraphBuild *build)
{
    return atomic_load(&build->has_rings);
}

void
vec_graph_build_free(VecGraphBuild *build)
{
    if (build == NULL)
        return;
    vec_memory_release(build->allocator, build->locks);
    vec_memory_release(build->allocator, build->ones);
    vec_memory_release(build->allocator, build->unlinked);
    vec_memory_release(build->allocator, build);
}
