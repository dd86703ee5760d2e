"""Nearest rows under a filter, at random and correlated with the vectors: whether they come, which, and how fast.

Five ways to the same rows: a filter column of the index, a filter outside the index, pgvector's iterative scans, and a B-tree
with an exact sort. Each has a table of its own, so that the planner has no choice.
"""

import gzip
import itertools
import statistics
import time

import numpy

from clock import backend_seconds
from dataset import binary

NAME = "filters"
EF = {10: 100, 100: 200}  # ef_search by k, of both systems
QUERIES = 200
CELL_SECONDS = 0.8  # of each way, in turns
TURNS = 5
TURN_QUERIES = 2  # at least
RECALL_WANTED = 0.95
FILTERS = (
    # name, selectivity in percent, categories below, sources (none: all)
    ("50 %", 50, 5000, ()),
    ("10 %", 10, 1000, ()),
    ("1 %", 1, 100, ()),
    ("0.1 %", 0.1, 10, ()),
    ("0.01 %", 0.01, 1, ()),
    ("50 %, by source", 50, None, (2, 5)),
    ("10 %, by source", 10, None, (4,)),
    ("1 %, by source", 1, 820, (4,)),
    ("0.1 %, by source", 0.1, 82, (4,)),
    ("0.01 %, by source", 0.01, 8, (4,)),
)
WAYS = {
    # name: (schema of the type, table, settings)
    "unfiltered": ("vectors", "filters_column", {}),
    "column": ("vectors", "filters_column", {}),
    "outside": ("vectors", "filters_outside", {}),
    "pgvector strict": ("pgvector", "filters_pgvector", {"hnsw.iterative_scan": "strict_order"}),
    "pgvector relaxed": ("pgvector", "filters_pgvector", {"hnsw.iterative_scan": "relaxed_order"}),
    "exact": ("vectors", "filters_exact", {}),
}
OTHERS = ("pgvector strict", "pgvector relaxed", "exact")


def _meta(bench):
    """Category and source of every row."""
    with gzip.open(bench.data.directory / "meta.tsv.gz", "rt", encoding="utf-8") as file:
        names = next(file).rstrip("\n").split("\t")
        places = [names.index(name) for name in ("id", "category", "source")]
        return [[int(fields[i]) for i in places] for fields in (line.split("\t", names.index("text")) for line in file)]


def _create(bench, meta):
    connection = bench.connection
    connection.execute("CREATE TABLE filters_meta (id int PRIMARY KEY, category int, source int)")
    with connection.cursor() as cursor, cursor.copy("COPY filters_meta FROM STDIN") as copy:
        for row in meta:
            copy.write_row(row)
    indexes = {
        "filters_column": ("vectors", "USING vectors (embedding vectors.vector_l2_ops, category, source)"),
        "filters_outside": ("vectors", "USING vectors (embedding vectors.vector_l2_ops)"),
        "filters_pgvector": (
            "pgvector",
            "USING hnsw (embedding pgvector.vector_l2_ops) WITH (m = 16, ef_construction = 64)",
        ),
        "filters_exact": ("vectors", "USING btree (source, category)"),
    }
    for table, (schema, index) in indexes.items():
        columns = f"id, category, source, embedding FROM items_{schema} JOIN filters_meta USING (id)"
        connection.execute(f"CREATE TABLE {table} AS SELECT {columns}")
        connection.execute(f"CREATE INDEX {table}_index ON {table} {index}")
        if table == "filters_exact":
            connection.execute(f"CREATE INDEX {table}_category_index ON {table} (category)")
        connection.execute(f"VACUUM ANALYZE {table}")
        bench.note(f"filters: {table} ready")


def _exact(bench, meta, queries):
    """For each filter and query the rows that match by ascending exact distance, the first hundred, and how many match."""
    base = bench.data.base.astype(numpy.float32)
    wanted = queries.astype(numpy.float32)
    distances = (base**2).sum(axis=1)[None, :] - 2 * (wanted @ base.T)
    columns = dict(zip(("id", "category", "source"), numpy.array(meta).T))
    for name, _, below, sources in FILTERS:
        matches = columns["category"] < (below or 10000)
        matching = columns["id"][matches & numpy.isin(columns["source"], sources) if sources else matches]
        some = distances[:, matching]
        most = min(max(EF), matching.size)
        order = numpy.argpartition(some, most - 1, axis=1)[:, :most] if most else numpy.zeros((len(some), 0), int)
        order = numpy.take_along_axis(order, numpy.argsort(numpy.take_along_axis(some, order, axis=1), axis=1), axis=1)
        yield name, (matching[order], int(matching.size))


def _condition(below, sources):
    clauses = [f"source IN ({', '.join(map(str, sources))})"] if sources else []
    return " AND ".join(clauses + ([f"category < {below}"] if below else []))


def _statement(way, condition, k):
    schema, table, _ = WAYS[way]
    where = "" if way == "unfiltered" else f" WHERE {condition}"
    return f"SELECT id FROM {table}{where} ORDER BY embedding OPERATOR({schema}.<->) $1::{schema}.vector LIMIT {k}"


def _settle(bench, way, k):
    schema, _, settings = WAYS[way]
    ef = "hnsw.ef_search" if schema == "pgvector" else "vectors.hnsw_ef_search"
    for name, value in {ef: EF[k], "enable_seqscan": "on" if way == "exact" else "off", **settings}.items():
        bench.connection.execute(f"SET {name} = {value}")


def _check_plan(bench, way, statement):
    literal = "[" + ",".join("0" for _ in range(bench.data.dimensions)) + "]"
    plan = "\n".join(row[0] for row in bench.connection.execute("EXPLAIN " + statement.replace("$1", f"'{literal}'")))
    _, table, _ = WAYS[way]
    if way != "exact" and (f"Index Scan using {table}_index" not in plan or (way == "column") != ("Index Cond" in plan)):
        raise RuntimeError(f"{way} is not what is measured:\n{plan}")


def _prepare(bench, way, condition, k, parameters):
    """What is known of a way before its first turn; the statement has its plan then, and its rows are in caches."""
    name, statement = f"filters_{way}".encode(), _statement(way, condition, k)
    _settle(bench, way, k)
    _check_plan(bench, way, statement)
    bench.connection.pgconn.prepare(name, statement.encode())
    for parameter in parameters[:6]:
        bench.connection.pgconn.exec_prepared(name, [parameter], [1], 1)
    return {"name": name, "answers": [], "times": [], "cpu": 0.0}


def _take_turn(bench, run, parameters):
    """Goes on with the queries; the answers of each are kept once."""
    raw, end, cpu = bench.connection.pgconn, time.perf_counter() + CELL_SECONDS / TURNS, backend_seconds(bench.pid)
    for turn in itertools.count(1):
        start = time.perf_counter()
        result = raw.exec_prepared(run["name"], [parameters[len(run["times"]) % len(parameters)]], [1], 1)
        now = time.perf_counter()
        if result.error_message:
            raise RuntimeError(result.error_message.decode())
        run["times"].append(now - start)
        if len(run["answers"]) < len(parameters):
            run["answers"].append([int.from_bytes(result.get_value(row, 0), "big") for row in range(result.ntuples)])
        if now > end and turn >= TURN_QUERIES:
            break
    run["cpu"] += backend_seconds(bench.pid) - cpu


def _run(bench, condition, k, parameters):
    """All ways in turns, so that what else the machine does hits all of them: (answers, seconds a query, server CPU a query) of each."""
    runs = {way: _prepare(bench, way, condition, k, parameters) for way in WAYS}
    for _ in range(TURNS):
        for way, run in runs.items():
            _settle(bench, way, k)
            _take_turn(bench, run, parameters)
    bench.connection.execute("DEALLOCATE ALL")
    return {way: (run["answers"], statistics.fmean(run["times"]), run["cpu"] / len(run["times"])) for way, run in runs.items()}


def _cell(answers, seconds, cpu, nearest, matching, k):
    wanted = min(k, matching)
    hits = sum(len(set(found) & set(best[:wanted].tolist())) for found, best in zip(answers, nearest))
    return {
        "recall": hits / (len(answers) * wanted),
        "rows": sum(map(len, answers)) / (len(answers) * wanted),
        "rate": 1 / seconds,
        "cpu_ms": cpu * 1e3,
    }


def measure(bench):
    queries = bench.data.queries[:QUERIES]
    parameters, meta = [binary(query) for query in queries], _meta(bench)
    _create(bench, meta)
    exact, results = dict(_exact(bench, meta, queries)), []
    for k in EF:
        for name, percent, below, sources in FILTERS:
            nearest, matching = exact[name]
            if matching == 0:  # a small set of data
                continue
            line = {"k": k, "name": name, "percent": percent, "matching": matching, "ways": {}}
            for way, (answers, seconds, cpu) in _run(bench, _condition(below, sources), k, parameters).items():
                best, count = (bench.data.neighbours, bench.data.rows) if way == "unfiltered" else (nearest, matching)
                line["ways"][way] = _cell(answers, seconds, cpu, best, count, k)
            results.append(line)
            cells = ", ".join(f"{way} {cell['rate']:.0f}/s {cell['recall']:.3f}" for way, cell in line["ways"].items())
            bench.note(f"filters: k {k}, {name}: {cells}")
    return results


def _bound(figure, value, wanted, holds, form="{:.3f}"):
    return {"figure": figure, "vectors": value, "format": form, "wanted": wanted, "holds": holds}


def _pgvector(line):
    """Its best rate of those at which it finds most of the rows; where it gives up early there is nothing to compare."""
    return max((line["ways"][way]["rate"] for way in OTHERS[:2] if line["ways"][way]["recall"] >= 0.9), default=None)


def rows(results):
    for way in ("column", "outside"):
        label = "filter column" if way == "column" else "filter outside the index"
        recall = min(line["ways"][way]["recall"] for line in results)
        complete = min(line["ways"][way]["rows"] for line in results)
        yield _bound(f"{label}: least recall", recall, f"≥ {RECALL_WANTED}", recall >= RECALL_WANTED)
        yield _bound(f"{label}: least share of the rows wanted", complete, "1", complete >= 1)
    rates = [(line, {way: cell["rate"] for way, cell in line["ways"].items()}) for line in results]
    least = min(rate["column"] / rate["unfiltered"] for _, rate in rates)
    yield _bound("filter column: least part of the speed without a filter", least, "≥ 0.5", least >= 0.5, "{:.2f}")
    for low, high, wanted in ((1, 10, 5), (0, 0.1, 1)):
        least = min(
            rate["column"] / max(rate[other] for other in OTHERS) for line, rate in rates if low <= line["percent"] <= high
        )
        where = "10 and 1 %" if wanted == 5 else "0.1 and 0.01 %"
        yield _bound(f"filter column, {where}: times the best of the others", least, f"≥ {wanted}", least >= wanted, "{:.2f}")
    compared = [rate["outside"] / _pgvector(line) for line, rate in rates if _pgvector(line)]
    if compared:
        figure = "filter outside the index: times pgvector's best, where that finds 0.9 of the rows"
        yield _bound(figure, min(compared), "≥ 4", min(compared) >= 4, "{:.2f}")


def details(results):
    head = ["k", "rows that match", *WAYS]
    lines = ["| " + " | ".join(head) + " |", "| ---: | --- |" + " ---: |" * len(WAYS)]
    for line in results:
        cells = [str(line["k"]), line["name"]]
        for way, cell in line["ways"].items():
            missing = f", {cell['rows'] * 100:.1f} % of the rows" if cell["rows"] < 1 else ""
            cells.append(f"{cell['rate']:,.0f} ({cell['recall']:.3f}{missing})")
        lines.append("| " + " | ".join(cells) + " |")
    widths = " and ".join(f"{ef} for k = {k}" for k, ef in EF.items())
    return [f"Queries a second (recall); `ef_search` {widths}.", "", *lines]
