"""Steady state: size, recall and latency after long churn, beside the same index built afresh.

Every round updates rows to vectors that differ a little from before (an update that changes nothing would not reach an index),
then VACUUM. Rounds of all rows, and rounds of a random 5 %. A trickle is an hour of one row a second, without the waiting: single
inserts, a query after each, VACUUM once a minute.
"""

import statistics

import numpy

from dataset import binary, copy_stream
from figures.insert import insert
from figures.search import K, run

NAME = "steady"
EF, SEED, PASSES = 100, 1, 5
TABLE = "steady_vectors"
SCALES = (1.0, 1.001)


def _prepare(bench, system):
    for version, scale in enumerate(SCALES):
        system.create_table(f"{TABLE}_{version}", bench.data.dimensions)
        with bench.connection.cursor() as cursor:
            with cursor.copy(f"COPY {TABLE}_{version} FROM STDIN (FORMAT binary)") as copy:
                scaled = (row.astype(numpy.float32) * scale for row in bench.data.base)
                for piece in copy_stream(range(bench.data.rows), scaled):
                    copy.write(piece)
        bench.connection.execute(f"CREATE INDEX ON {TABLE}_{version} (id)")
        bench.connection.execute(f"VACUUM ANALYZE {TABLE}_{version}")


def _begin(bench, system):
    bench.connection.execute(f"DROP TABLE IF EXISTS {TABLE}")
    bench.connection.execute(f"CREATE TABLE {TABLE} (LIKE {TABLE}_0, version int DEFAULT 0)")
    bench.connection.execute(f"INSERT INTO {TABLE} SELECT id, embedding FROM {TABLE}_0")
    bench.connection.execute(f"CREATE INDEX ON {TABLE} (id)")
    system.create_index(TABLE)
    bench.connection.execute(f"VACUUM ANALYZE {TABLE}")


def _update(bench, version, condition):
    bench.connection.execute(
        f"UPDATE {TABLE} t SET embedding = s.embedding, version = {1 - version}"
        f" FROM {TABLE}_{1 - version} s WHERE s.id = t.id AND t.version = {version} AND {condition}"
    )


def _measure(bench, system):
    system.fence(TABLE)
    system.set_ef(EF)
    name = b"steady_nearest"
    bench.connection.pgconn.prepare(name, system.nearest(TABLE, K).encode())
    queries = [binary(q) for q in bench.data.queries]
    passes = [run(bench.connection.pgconn, name, queries, bench.pid) for _ in range(PASSES)]
    bench.connection.execute("DEALLOCATE steady_nearest")
    return {
        "bytes": system.disk_bytes(TABLE),
        "recall": bench.data.recall(passes[0][0]),
        "cpu": statistics.median(cpu for _, _, cpu in passes),
    }


def _beside_fresh(bench, system):
    result = {"churned": _measure(bench, system)}
    bench.connection.execute(f"REINDEX INDEX {TABLE}_index")
    result["fresh"] = _measure(bench, system)
    return result


def _all_rows(bench, system, rounds):
    _begin(bench, system)
    for number in range(rounds):
        _update(bench, number % 2, "true")
        bench.connection.execute(f"VACUUM {TABLE}")
    return _beside_fresh(bench, system) | {"rounds": rounds}


def _random_rows(bench, system, rounds):
    _begin(bench, system)
    random = numpy.random.default_rng(SEED)
    share = bench.data.rows // 20
    for _ in range(rounds):
        ids = random.choice(bench.data.rows, share, replace=False).tolist()
        bench.connection.execute(
            f"UPDATE {TABLE} t SET version = 1 - t.version, embedding = s.embedding FROM"
            f" (SELECT id, 0 AS version, embedding FROM {TABLE}_0 UNION ALL SELECT id, 1, embedding FROM {TABLE}_1) s"
            " WHERE s.id = t.id AND s.version = 1 - t.version AND t.id = ANY(%s)",
            [ids],
        )
        bench.connection.execute(f"VACUUM {TABLE}")
    return _beside_fresh(bench, system) | {"rounds": rounds}


def _trickle(bench, system):
    bench.connection.execute(f"DROP TABLE {TABLE}")
    system.create_table(TABLE, bench.data.dimensions)
    system.create_index(TABLE)
    raw = bench.connection.pgconn
    raw.prepare(b"trickle", system.insert(TABLE).encode())
    raw.prepare(b"trickle_nearest", system.nearest(TABLE, K).encode())
    count = min(3600, bench.data.rows)
    for second in range(count):
        vector = binary(bench.data.base[second])
        insert(bench, b"trickle", [second], [vector])
        raw.exec_prepared(b"trickle_nearest", [vector], [1], 1)
        if second % 60 == 59:
            bench.connection.execute(f"VACUUM {TABLE}")
    bench.connection.execute("DEALLOCATE trickle")
    bench.connection.execute("DEALLOCATE trickle_nearest")
    system.fence(TABLE)
    grown = system.disk_bytes(TABLE)
    bench.connection.execute(f"REINDEX INDEX {TABLE}_index")
    return {"rows": count, "bytes": grown, "fresh_bytes": system.disk_bytes(TABLE)}


def measure(bench):
    system = next(s for s in bench.compared if s.name == "vectors")
    bench.connection.execute("SET synchronous_commit = off")
    _prepare(bench, system)
    results = {}
    results["all"] = _all_rows(bench, system, 20)
    bench.note(f"steady, all rows: {results['all']}")
    results["random"] = _random_rows(bench, system, 100)
    bench.note(f"steady, random rows: {results['random']}")
    results["trickle"] = _trickle(bench, system)
    bench.note(f"steady, trickle: {results['trickle']}")
    bench.connection.execute("RESET synchronous_commit")
    for table in (TABLE, f"{TABLE}_0", f"{TABLE}_1"):
        bench.connection.execute(f"DROP TABLE {table}")
    return results


def rows(results):
    for kind, what, limit in (("all", "all rows", 2.5), ("random", "a random 5 %", 3.5)):
        churned, fresh = results[kind]["churned"], results[kind]["fresh"]
        rounds = f"{results[kind]['rounds']} rounds of \"update {what}, VACUUM\""
        growth, slower = churned["bytes"] / fresh["bytes"], churned["cpu"] / fresh["cpu"]
        yield {
            "figure": f"{rounds}: log and segments, times a fresh index",
            "vectors": growth,
            "wanted": f"≤ {limit} ×",
            "holds": growth <= limit,
            "format": "{:.2f}",
        }
        yield {
            "figure": f"… recall@10 at ef_search {EF} (fresh: {fresh['recall']:.4f})",
            "vectors": churned["recall"],
            "wanted": "within 0.01 of fresh",
            "holds": churned["recall"] >= fresh["recall"] - 0.01,
            "format": "{:.4f}",
        }
        yield {
            "figure": "… server CPU a query, times a fresh index",
            "vectors": slower,
            "wanted": "≤ 1.3 ×",
            "holds": slower <= 1.3,
            "format": "{:.2f}",
        }
    trickle = results["trickle"]
    growth = trickle["bytes"] / trickle["fresh_bytes"]
    yield {
        "figure": f"{trickle['rows']:,} rows one by one, searched after each, VACUUM each minute: size, times a fresh index",
        "vectors": growth,
        "wanted": "≤ 1.5 ×",
        "holds": growth <= 1.5,
        "format": "{:.2f}",
    }
