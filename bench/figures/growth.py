"""Ten times the rows: what a query costs then, at the same recall, with builds that have PostgreSQL's default memory.

BENCH_DATA is the large set (bench/engine/multiply.py makes one of a real one); its first tenth is the small one. Both indexes are searched
in turn. pgvector is not beside it: its build of the large set would take hours in so little memory.
"""

import statistics

import numpy

from clock import server_seconds
from dataset import binary
from figures.search import K, at_recall, run

NAME = "growth"
SYSTEMS = ("vectors",)
MEMORY = "64MB"
SWEEP = (20, 28, 40, 56, 80, 112, 160, 224, 320)
TARGET = 0.95
PART = 10


def _build(bench, system, table):
    bench.connection.execute(f"SET maintenance_work_mem = '{MEMORY}'")
    cpu = server_seconds(bench.postmaster)
    system.create_index(table)
    cpu = server_seconds(bench.postmaster) - cpu
    bench.connection.execute("RESET maintenance_work_mem")
    bench.note(f"growth: index of {table}, {cpu:.1f} CPU s")
    return cpu


def _exact(bench, count):
    base, queries = bench.data.base[:count].astype(numpy.float32), bench.data.queries.astype(numpy.float32)
    distances = (base * base).sum(axis=1) - 2 * queries @ base.T
    return numpy.argpartition(distances, K - 1, axis=1)[:, :K]


def _recall(found, exact):
    return sum(len(set(ids) & set(best.tolist())) for ids, best in zip(found, exact)) / (len(found) * K)


def measure(bench):
    (system,) = (system for system in bench.compared if system.name == "vectors")
    counts = {"few": bench.data.rows // PART, "many": bench.data.rows}
    tables = {"few": "growth_few", "many": bench.table(system)}
    bench.connection.execute(
        f"CREATE TABLE {tables['few']} AS SELECT * FROM {tables['many']} WHERE id < {counts['few']}"
    )
    bench.connection.execute(f"VACUUM ANALYZE {tables['few']}")
    exact = {"few": _exact(bench, counts["few"]), "many": bench.data.neighbours[:, :K]}
    parameters = [binary(query) for query in bench.data.queries]
    raw, results, points = bench.connection.pgconn, {}, {}
    for name, count in counts.items():
        results[name] = {"rows": count, "build_cpu": _build(bench, system, tables[name])}
        results[name]["segments"] = bench.connection.execute(
            f"SELECT cardinality(idx_sealed) FROM {system.schema}.pg_vector_index_stat"
            f" WHERE indexname = '{tables[name]}_index'"
        ).fetchone()[0]
        raw.prepare(f"growth_{name}".encode(), system.nearest(tables[name], K).encode())
    for round_ in range(bench.rounds + 1):  # the first one warms the caches
        for ef in SWEEP:
            system.set_ef(ef)
            for name in counts:
                found, wall, cpu = run(raw, f"growth_{name}".encode(), parameters, bench.pid)
                points.setdefault((name, ef), []).append((wall, cpu))
                if round_ == 0:
                    points[name, ef, "recall"] = _recall(found, exact[name])
    for name in counts:
        results[name]["points"] = [
            {
                "ef": ef,
                "recall": points[name, ef, "recall"],
                "wall_ms": statistics.median(wall for wall, _ in points[name, ef][1:]) * 1e3,
                "cpu_ms": statistics.median(cpu for _, cpu in points[name, ef][1:]) * 1e3,
            }
            for ef in SWEEP
        ]
    return results


def rows(results):
    few, many = results["few"], results["many"]
    yield {
        "figure": f"build with maintenance_work_mem {MEMORY}: CPU seconds for a million rows ({many['rows']:,} of them)",
        "vectors": many["build_cpu"] / many["rows"] * 1e6,
        "format": "{:.0f}",
    }
    yield {"figure": "segments that it made", "vectors": many["segments"], "format": "{}"}
    for field, what in (("wall_ms", "time of a query"), ("cpu_ms", "server CPU of a query")):
        times = [at_recall(size["points"], TARGET, field) for size in (few, many)]
        growth = times[1] / times[0] if all(times) else None
        yield {
            "figure": f"{what} at recall@10 = {TARGET}, times that of {few['rows']:,} rows",
            "vectors": growth,
            "wanted": "≤ 2.5 ×" if field == "wall_ms" else "",
            "holds": growth is not None and growth <= 2.5 if field == "wall_ms" else None,
            "format": "{:.2f}",
        }


def details(results):
    head = " | ".join(f"{size['rows']:,} rows: recall@10 | ms | CPU ms" for size in results.values())
    lines = [f"| ef_search | {head} |", "|" + " ---: |" * 7]
    for pair in zip(*(size["points"] for size in results.values())):
        cells = [str(pair[0]["ef"])]
        for point in pair:
            cells += [f"{point['recall']:.4f}", f"{point['wall_ms']:.3f}", f"{point['cpu_ms']:.3f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return lines
