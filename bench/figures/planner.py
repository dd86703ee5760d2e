"""Whether the planner takes the fastest way to the nearest rows under a filter, or one within twice its time.

Selectivities, at random and correlated with the vectors, k, and which indexes there are: each cell is measured in every way that there
is (forced by enable_… settings), and compared with what EXPLAIN says is chosen when all are allowed.
"""

import statistics
import time

from dataset import binary
from figures.filters import EF, FILTERS, _condition, _meta

NAME = "planner"
QUERIES = 40
WAY_SECONDS = 0.15
QUERIES_LEAST = 3
WITHIN = 2
WANTED = 0.9
TABLE = "planner"
BTREES = {"planner_source": "(source, category)", "planner_category": "(category)"}
INDEXES = {
    # name: (columns of the index, are there B-trees)
    "vector": ("embedding vectors.vector_l2_ops", False),
    "vector, B-trees": ("embedding vectors.vector_l2_ops", True),
    "filter columns, B-trees": ("embedding vectors.vector_l2_ops, category, source", True),
    "filter columns": ("embedding vectors.vector_l2_ops, category, source", False),
}
# What is not allowed. A B-tree gives another order, so that only the index of vectors needs no sort.
WAYS = {
    "index": ("enable_sort", "enable_seqscan", "enable_bitmapscan"),
    "B-tree": ("vectors.enable_index", "enable_seqscan"),
    "sequential": ("vectors.enable_index", "enable_indexscan", "enable_bitmapscan"),
}


def _create(bench):
    connection = bench.connection
    connection.execute("CREATE TABLE planner_meta (id int PRIMARY KEY, category int, source int)")
    with connection.cursor() as cursor, cursor.copy("COPY planner_meta FROM STDIN") as copy:
        for row in _meta(bench):
            copy.write_row(row)
    connection.execute(
        f"CREATE TABLE {TABLE} AS SELECT id, category, source, embedding FROM items_vectors JOIN planner_meta USING (id)"
    )


def _create_indexes(bench, columns, has_btrees):
    connection = bench.connection
    for name in ("planner_vectors", *BTREES):
        connection.execute(f"DROP INDEX IF EXISTS {name}")
    connection.execute(f"CREATE INDEX planner_vectors ON {TABLE} USING vectors ({columns})")
    for name, btree in BTREES.items() if has_btrees else ():
        connection.execute(f"CREATE INDEX {name} ON {TABLE} {btree}")
    connection.execute(f"VACUUM ANALYZE {TABLE}")


def _way(plan):
    """Which way a plan is, by its own words."""
    if "using planner_vectors" in plan:
        return "index"
    return "B-tree" if any(name in plan for name in BTREES) else "sequential"


def _prepare(bench, statement, forbidden, parameter):
    """Makes the plan with these settings off; returns which way it takes."""
    connection = bench.connection
    for setting in forbidden:
        connection.execute(f"SET {setting} = off")
    connection.pgconn.prepare(b"planner", statement.encode())
    connection.pgconn.exec_prepared(b"planner", [parameter], [1], 1)
    literal = "[" + ",".join("0" for _ in range(bench.data.dimensions)) + "]"
    return _way("\n".join(row[0] for row in connection.execute(f"EXPLAIN EXECUTE planner('{literal}')")))


def _forget(bench, forbidden):
    bench.connection.execute("DEALLOCATE planner")
    for setting in forbidden:
        bench.connection.execute(f"RESET {setting}")


def _measure(bench, parameters):
    """The median of the seconds of a query."""
    times, end = [], time.perf_counter() + WAY_SECONDS
    for parameter in parameters:
        start = time.perf_counter()
        result = bench.connection.pgconn.exec_prepared(b"planner", [parameter], [1], 1)
        now = time.perf_counter()
        if result.error_message:
            raise RuntimeError(result.error_message.decode())
        times.append(now - start)
        if now > end and len(times) >= QUERIES_LEAST:
            break
    return statistics.median(times)


def _cell(bench, condition, k, parameters):
    statement = f"SELECT id FROM {TABLE} WHERE {condition} ORDER BY embedding OPERATOR(vectors.<->) $1::vectors.vector LIMIT {k}"
    bench.connection.execute(f"SET vectors.hnsw_ef_search = {EF[k]}")
    chosen = _prepare(bench, statement, (), parameters[0])
    _forget(bench, ())
    times = {}
    for way, forbidden in WAYS.items():
        taken = _prepare(bench, statement, forbidden, parameters[0])
        if taken == way:  # else there is no such index
            times[way] = _measure(bench, parameters)
        _forget(bench, forbidden)
    return {"chosen": chosen, "ms": {way: seconds * 1e3 for way, seconds in times.items()}, "worse": times[chosen] / min(times.values())}


def measure(bench):
    parameters = [binary(query) for query in bench.data.queries[:QUERIES]]
    bench.connection.execute("SET plan_cache_mode = force_generic_plan")
    _create(bench)
    results = []
    for name, (columns, has_btrees) in INDEXES.items():
        _create_indexes(bench, columns, has_btrees)
        for k in EF:
            for filter_name, _, below, sources in FILTERS:
                cell = _cell(bench, _condition(below, sources), k, parameters)
                results.append({"indexes": name, "k": k, "filter": filter_name} | cell)
                bench.note(f"planner: {results[-1]}")
    bench.connection.execute("RESET plan_cache_mode")
    bench.connection.execute(f"DROP TABLE {TABLE}, planner_meta")
    return results


def rows(results):
    share = sum(cell["worse"] <= WITHIN for cell in results) / len(results)
    yield {
        "figure": f"planner: share of {len(results)} cells in which it takes the fastest plan or one within {WITHIN} × of it",
        "vectors": share,
        "wanted": f"≥ {WANTED}",
        "holds": share >= WANTED,
        "format": "{:.3f}",
    }
    yield {"figure": "planner: the worst choice, times the fastest plan", "vectors": max(cell["worse"] for cell in results), "format": "{:.1f}"}


def details(results):
    yield "Milliseconds a query; what is chosen is bold."
    yield ""
    yield "| indexes | k | rows that match | " + " | ".join(WAYS) + " | times the fastest |"
    yield "| --- | ---: | --- |" + " ---: |" * (len(WAYS) + 1)
    for cell in results:
        cells = [cell["indexes"], str(cell["k"]), cell["filter"]]
        for way in WAYS:
            text = f"{cell['ms'][way]:.2f}" if way in cell["ms"] else ""
            cells.append(f"**{text}**" if way == cell["chosen"] else text)
        yield "| " + " | ".join([*cells, f"{cell['worse']:.1f}"]) + " |"
