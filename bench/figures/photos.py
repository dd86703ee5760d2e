"""The photo library: the nearest embeddings among the photos that a user may see, of a time or a place, over three joined tables.

Both systems search the same rows; only the table of embeddings is each one's own. What is complete has as many rows as the exact answer.
Beside them, "columns": what is filtered by stands with the embeddings, in one table, and in its index as filter columns.
"""

import pathlib
import statistics
import time

import numpy

from dataset import binary

NAME = "photos"
QUERIES = 200
EF = 100
SEEN = """a."ownerId" = md5('owner 1')::uuid AND a."isVisible" AND NOT a."isArchived" AND a."deletedAt" IS NULL"""
YEARS = """a."fileCreatedAt" >= '2018-01-01 00:00:00Z' AND a."fileCreatedAt" < '2020-01-01 00:00:00Z'"""
CASES = {
    "all photos": "TRUE",
    "own, visible, not archived": SEEN,
    "and of two years": f"{SEEN} AND {YEARS}",
    "and of a large city": f"{SEEN} AND e.city = 'city 1'",
    "and of a small city": f"{SEEN} AND e.city = 'city 100'",
    "and of both": f"{SEEN} AND {YEARS} AND e.city = 'city 1'",
}
LIMITS = (10, 100)


def _create(bench):
    connection, d = bench.connection, bench.data.dimensions
    connection.execute("SELECT set_config('photos.rows', %s, false)", [str(bench.data.rows)])
    connection.execute((pathlib.Path(__file__).parent.parent / "photos.sql").read_text(encoding="utf-8"))
    for system in bench.compared:
        table, method = f"smart_search_{system.name}", {"vectors": "vectors", "pgvector": "hnsw"}[system.name]
        operator_class = {"vectors": "vector_cos_ops", "pgvector": "vector_cosine_ops"}[system.name]
        connection.execute(
            f'CREATE TABLE {table} ("assetId" uuid PRIMARY KEY REFERENCES assets ON DELETE CASCADE, embedding {system.schema}.vector({d}))'
        )
        connection.execute(
            f"INSERT INTO {table} SELECT a.id, i.embedding FROM {bench.table(system)} i JOIN assets a ON a.number = i.id"
        )
        connection.execute(f"CREATE INDEX {table}_index ON {table} USING {method} (embedding {system.schema}.{operator_class})")
        connection.execute(f"VACUUM ANALYZE {table}")
        bench.note(f"photos: {system.name} built")
    connection.execute(
        f'CREATE TABLE smart_search_columns AS SELECT a.*, e.city, s.embedding FROM assets a JOIN exif e ON e."assetId" = a.id'
        f' JOIN smart_search_vectors s ON s."assetId" = a.id ORDER BY a.number'
    )
    connection.execute(
        "CREATE INDEX smart_search_columns_index ON smart_search_columns USING vectors (embedding vectors.vector_cos_ops,"
        ' "ownerId", "isVisible", "isArchived", "deletedAt", "fileCreatedAt", city)'
    )
    connection.execute("VACUUM ANALYZE smart_search_columns, assets, exif")
    bench.note("photos: columns built")


def _statements(bench, condition, k):
    statements = {system.name: _joined(system, condition, k) for system in bench.compared}
    condition = condition.replace("e.city", "a.city")
    statements["columns"] = (
        f"SELECT a.number FROM smart_search_columns a WHERE {condition}"
        f" ORDER BY a.embedding OPERATOR(vectors.<=>) $1::vectors.vector LIMIT {k}"
    )
    return statements


def _joined(system, condition, k):
    return (
        f'SELECT a.number FROM assets a JOIN exif e ON e."assetId" = a.id JOIN smart_search_{system.name} s ON s."assetId" = a.id'
        f" WHERE {condition} ORDER BY s.embedding OPERATOR({system.schema}.<=>) $1::{system.schema}.vector LIMIT {k}"
    )


def _exact(bench, condition, queries):
    """For each query the numbers of the nearest photos that match, nearest first."""
    sql = f'SELECT a.number FROM assets a JOIN exif e ON e."assetId" = a.id WHERE {condition} ORDER BY 1'
    numbers = numpy.array([row[0] for row in bench.connection.execute(sql).fetchall()])
    matching = bench.data.base[numbers].astype(numpy.float32)
    matching /= numpy.linalg.norm(matching, axis=1, keepdims=True)
    nearest = numpy.argsort(-(queries.astype(numpy.float32) @ matching.T), axis=1, kind="stable")
    return numbers[nearest[:, : max(LIMITS)]], len(numbers)


def _run(raw, name, parameters):
    """(numbers found, seconds) of each query."""
    answers = []
    for parameter in parameters:
        start = time.perf_counter()
        result = raw.exec_prepared(name, [parameter], [1], 1)
        seconds = time.perf_counter() - start
        if result.error_message:
            raise RuntimeError(result.error_message.decode())
        answers.append(([int.from_bytes(result.get_value(row, 0), "big") for row in range(result.ntuples)], seconds))
    return answers


def _point(answers, exact, k):
    wanted = [set(row[:k].tolist()) for row in exact]
    times = sorted(seconds for _, seconds in answers)
    return {
        "rows": statistics.mean(len(found) for found, _ in answers),
        "complete": all(len(found) == len(nearest) for (found, _), nearest in zip(answers, wanted)),
        "recall": sum(len(set(found) & nearest) for (found, _), nearest in zip(answers, wanted)) / sum(map(len, wanted)),
        "p50_ms": times[len(times) // 2] * 1e3,
        "p99_ms": times[int(len(times) * 0.99)] * 1e3,
    }


def measure(bench):
    connection, raw = bench.connection, bench.connection.pgconn
    _create(bench)
    queries = bench.data.queries[:QUERIES]
    parameters = [binary(query) for query in queries]
    # Each system as its users would set it: plans are kept, pgvector goes on until it has enough rows.
    settings = ["plan_cache_mode = force_generic_plan", "jit = off", "hnsw.iterative_scan = relaxed_order"]
    for setting in settings:
        connection.execute(f"SET {setting}")
    results = []
    for name, condition in CASES.items():
        exact, matching = _exact(bench, condition, queries)
        for k in LIMITS:
            case = {"case": name, "k": k, "share": matching / bench.data.rows}
            for system in bench.compared:
                system.set_ef(EF)
            statements = _statements(bench, condition, k)
            answers = {searched: [] for searched in statements}
            for searched, sql in statements.items():
                raw.prepare(f"photos_{searched}".encode(), sql.encode())
                _run(raw, f"photos_{searched}".encode(), parameters[:20])
            for _ in range(bench.rounds):
                for searched, runs in answers.items():
                    runs.append(_run(raw, f"photos_{searched}".encode(), parameters))
            for searched, runs in answers.items():
                points = [_point(run, exact, k) for run in runs]
                case[searched] = points[0] | {
                    field: statistics.median(point[field] for point in points) for field in ("p50_ms", "p99_ms")
                }
                bench.note(f"photos: {name}, {k} rows, {searched}: {case[searched]}")
                connection.execute(f"DEALLOCATE photos_{searched}")
            results.append(case)
    for setting in settings:
        connection.execute(f"RESET {setting.split(' ')[0]}")
    tables = ", ".join(f"smart_search_{system.name}" for system in bench.compared)
    connection.execute(f"DROP TABLE smart_search_columns, {tables}, exif, assets")
    connection.execute("DROP FUNCTION photos_share")
    return results


def rows(results):
    ours = [case[searched] for case in results for searched in ("vectors", "columns")]
    theirs = [case["pgvector"] for case in results]
    worst, their_worst = (min(point["recall"] for point in points) for points in (ours, theirs))
    yield {
        "figure": "photo library: cases in which every query has all its rows",
        "pgvector": sum(point["complete"] for point in theirs),
        "vectors": sum(case["vectors"]["complete"] for case in results),
        "wanted": f"all {len(results)}",
        "holds": all(point["complete"] for point in ours),
        "format": "{}",
    }
    yield {
        "figure": "photo library: least recall of all cases",
        "pgvector": their_worst,
        "vectors": worst,
        "wanted": "≥ 0.95",
        "holds": worst >= 0.95,
        "format": "{:.4f}",
    }
    for k in LIMITS:
        slowest = {}
        for name in ("pgvector", "vectors", "columns"):
            times = [case[name]["p99_ms"] for case in results if case["k"] == k]
            slowest[name] = max(times[1:]) / times[0]
        figure = f"photo library, {k} rows: slowest p99 of the filters, times that of all photos"
        yield {"figure": f"{figure}; joined tables", "pgvector": slowest["pgvector"], "vectors": slowest["vectors"], "format": "{:.2f}"}
        yield {
            "figure": f"{figure}; filter columns",
            "vectors": slowest["columns"],
            "wanted": "≤ 3",
            "holds": slowest["columns"] <= 3,
            "format": "{:.2f}",
        }


def details(results):
    heads = " | ".join(f"{name} rows | recall | p50 ms | p99 ms" for name in ("pgvector", "vectors", "filter columns"))
    yield f"| photos | share | rows | {heads} |"
    yield "| --- |" + " ---: |" * 14
    for case in results:
        cells = [case["case"], f"{case['share']:.2%}", str(case["k"])]
        for name in ("pgvector", "vectors", "columns"):
            point = case[name]
            cells += [f"{point['rows']:.1f}", f"{point['recall']:.4f}", f"{point['p50_ms']:.2f}", f"{point['p99_ms']:.2f}"]
        yield "| " + " | ".join(cells) + " |"
