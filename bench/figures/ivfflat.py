"""Recall 0.90, beside pgvector's other index: IVFFlat (a list for each thousand rows) and its HNSW."""

import statistics

from dataset import binary
from figures.search import at_recall, run

NAME = "ivfflat"
TARGET = 0.90
PROBES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
SWEEP = (1, 2, 4, 6, 8, 10, 14, 20, 28)
QUERIES = 500


def _sweep(bench, statement, setting, values):
    raw, parameters = bench.connection.pgconn, [binary(query) for query in bench.data.queries[:QUERIES]]
    raw.prepare(b"ivfflat", statement.encode())
    points = []
    for value in values:
        bench.connection.execute(f"SET {setting} = {value}")
        run(raw, b"ivfflat", parameters[:50], bench.pid)
        runs = [run(raw, b"ivfflat", parameters, bench.pid) for _ in range(bench.rounds)]
        points.append(
            {"at": value, "recall": bench.data.recall(runs[0][0]), "wall_ms": statistics.median(w for _, w, _ in runs) * 1e3}
        )
        if points[-1]["recall"] >= TARGET:
            break
    bench.connection.execute("DEALLOCATE ivfflat")
    bench.connection.execute(f"RESET {setting}")
    return points


def measure(bench):
    systems = {system.name: system for system in bench.compared}
    pgvector, table = systems["pgvector"], bench.table(systems["pgvector"])
    lists = max(1, bench.data.rows // 1000)
    bench.connection.execute(f"CREATE TABLE listed AS SELECT * FROM {table}")
    bench.connection.execute(
        f"CREATE INDEX ON listed USING ivfflat (embedding {pgvector.schema}.vector_l2_ops) WITH (lists = {lists})"
    )
    bench.connection.execute("VACUUM ANALYZE listed")
    results = {"ivfflat": _sweep(bench, pgvector.nearest("listed", 10), "ivfflat.probes", [p for p in PROBES if p <= lists])}
    bench.connection.execute("DROP TABLE listed")
    for name, system in systems.items():
        results[name] = _sweep(bench, system.nearest(bench.table(system), 10), system.ef_setting, SWEEP)
    return results


def rows(results):
    ours = at_recall(results["vectors"], TARGET, "wall_ms")
    for name, label, wanted in (("ivfflat", "pgvector IVFFlat", 35), ("pgvector", "pgvector HNSW", 6)):
        theirs = at_recall(results[name], TARGET, "wall_ms")
        ratio = theirs and ours and theirs / ours
        yield {
            "figure": f"queries a second at recall@10 = {TARGET}, beside {label}",
            "pgvector": theirs and 1e3 / theirs,
            "vectors": ours and 1e3 / ours,
            "ratio": ratio,
            "wanted": f"≥ {wanted} ×",
            "holds": bool(ratio and ratio >= wanted),
            "format": "{:,.0f}",
        }
