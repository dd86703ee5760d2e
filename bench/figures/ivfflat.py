"""Recall 0.90, beside pgvector's other index: IVFFlat (a list for each thousand rows) and its HNSW."""

import itertools
import statistics

from dataset import binary
from figures.search import TURNS, at_recall, run, turn

NAME = "ivfflat"
TARGET = 0.90
PROBES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
SWEEP = (1, 2, 4, 6, 8, 10, 14, 20, 28)
TRIED = 500  # queries that tell a setting's recall


def _around_target(bench, parameters, system, statement, setting, values):
    """Prepares a statement, and returns the points of the setting from the last before recall reaches the target on."""
    raw, points = bench.connection.pgconn, []
    raw.prepare(f"ivfflat_{system}".encode(), statement.encode())
    for value in values:
        bench.connection.execute(f"SET {setting} = {value}")
        found, _, _ = run(raw, f"ivfflat_{system}".encode(), parameters[:TRIED], bench.pid)
        recall = bench.data.recall(found)
        if points and points[-1]["recall"] < TARGET and recall < TARGET:
            points.pop()
        points.append({"system": system, "setting": setting, "at": value, "recall": recall, "times": []})
        if setting == "ivfflat.probes" and recall >= TARGET:
            break  # more lists are never faster; a wider search may be, where a narrow one has to go on
    return points


def measure(bench):
    systems = {system.name: system for system in bench.compared}
    parameters = [binary(query) for query in bench.data.queries]
    pgvector, table = systems["pgvector"], bench.table(systems["pgvector"])
    lists = max(1, bench.data.rows // 1000)
    bench.connection.execute(f"CREATE TABLE listed AS SELECT * FROM {table}")
    bench.connection.execute(
        f"CREATE INDEX ON listed USING ivfflat (embedding {pgvector.schema}.vector_l2_ops) WITH (lists = {lists})"
    )
    bench.connection.execute("VACUUM ANALYZE listed")
    points = _around_target(
        bench, parameters, "ivfflat", pgvector.nearest("listed", 10), "ivfflat.probes", [p for p in PROBES if p <= lists]
    )
    for name, system in systems.items():
        points += _around_target(bench, parameters, name, system.nearest(bench.table(system), 10), system.ef_setting, SWEEP)
    for point in points:
        point["parameters"] = itertools.cycle([parameter] for parameter in parameters)
    for _ in range(TURNS * bench.rounds):
        for point in points:
            bench.connection.execute(f"SET {point['setting']} = {point['at']}")
            turn(bench, f"ivfflat_{point['system']}".encode(), point["parameters"], point["times"])
    for name in {point["system"]: None for point in points}:
        bench.connection.execute(f"DEALLOCATE ivfflat_{name}")
    for setting in {point["setting"]: None for point in points}:
        bench.connection.execute(f"RESET {setting}")
    bench.connection.execute("DROP TABLE listed")
    results = {}
    for point in points:
        measured = {"at": point["at"], "recall": point["recall"], "wall_ms": statistics.median(wall for wall, _ in point["times"]) * 1e3}
        results.setdefault(point["system"], []).append(measured)
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
