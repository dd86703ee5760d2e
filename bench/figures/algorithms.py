"""Every algorithm with the codes that make sense for it, on the same rows: what finding costs, and what it takes."""

import time

from clock import server_seconds
from dataset import binary
from figures.search import at_recall, run

NAME = "algorithms"
SYSTEMS = ("vectors",)
ROUNDS = 1
TABLE = "algorithms"
EF = (10, 20, 40, 80, 160, 320, 640)
NPROBE = (2, 4, 8, 16, 32, 64, 128)
TARGETS = (0.95, 0.99)

# name, the option's text, the setting that is swept
CASES = [
    ("hnsw, default codes", "indexing.hnsw = {}", "hnsw_ef_search", EF),
    ("hnsw, trivial", "indexing.hnsw.quantization.trivial = {}", "hnsw_ef_search", EF),
    ("hnsw, scalar 8 bit", "indexing.hnsw.quantization.scalar.bits = 8", "hnsw_ef_search", EF),
    ("hnsw, scalar 4 bit", "indexing.hnsw.quantization.scalar.bits = 4", "hnsw_ef_search", EF),
    ("hnsw, rabitq 2 bit", "indexing.hnsw.quantization.rabitq.bits = 2", "hnsw_ef_search", EF),
    ("hnsw, product x16", "indexing.hnsw.quantization.product = { ratio = \"x16\" }", "hnsw_ef_search", EF),
    ("hnsw, binary", "indexing.hnsw.quantization.binary = {}", "hnsw_ef_search", EF),
    ("hnsw, binary, m 12", "indexing.hnsw = { m = 12, quantization = { binary = {} } }", "hnsw_ef_search", EF),
    ("ivf, scalar 8 bit", "indexing.ivf.quantization.scalar.bits = 8", "ivf_nprobe", NPROBE),
    ("ivf, scalar 4 bit", "indexing.ivf.quantization.scalar.bits = 4", "ivf_nprobe", NPROBE),
    ("ivf, binary", "indexing.ivf.quantization.binary = {}", "ivf_nprobe", NPROBE),
    ("ivf, binary, residuals", "indexing.ivf = { residual_quantization = true, quantization = { binary = {} } }", "ivf_nprobe", NPROBE),
    ("flat, scalar 4 bit", "indexing.flat.quantization.scalar.bits = 4", "hnsw_ef_search", (10, 100)),
    ("flat, binary", "indexing.flat.quantization.binary = {}", "hnsw_ef_search", (10, 100)),
]


def _sweep(bench, setting, values):
    raw, parameters = bench.connection.pgconn, [binary(query) for query in bench.data.queries]
    points = []
    raw.prepare(b"algorithm", f"SELECT id FROM {TABLE} ORDER BY embedding OPERATOR(vectors.<->) $1::vectors.vector LIMIT 10".encode())
    run(raw, b"algorithm", parameters[:200], bench.pid)  # warms the caches
    for value in values:
        bench.connection.execute(f"SET vectors.{setting} = {value}")
        found, wall, _ = run(raw, b"algorithm", parameters, bench.pid)
        points.append({"at": value, "recall": bench.data.recall(found), "wall_ms": wall * 1e3})
        if points[-1]["recall"] >= 0.997:
            break
    bench.connection.execute("DEALLOCATE algorithm")
    bench.connection.execute(f"RESET vectors.{setting}")
    return points


def measure(bench):
    system = next(system for system in bench.compared if system.name == "vectors")
    bench.connection.execute(f"CREATE TABLE {TABLE} AS SELECT id, embedding FROM items_vectors")
    bench.connection.execute(f"VACUUM ANALYZE {TABLE}")
    bench.connection.execute("SET enable_seqscan = off")
    results = {}
    for name, options, setting, values in CASES:
        cpu, wall = server_seconds(bench.postmaster), time.perf_counter()
        bench.connection.execute(
            f"CREATE INDEX {TABLE}_index ON {TABLE} USING vectors (embedding vectors.vector_l2_ops) WITH (options = '{options}')"
        )
        results[name] = {
            "build_cpu": server_seconds(bench.postmaster) - cpu,
            "build_wall": time.perf_counter() - wall,
            "bytes": system.segment_bytes(TABLE) / bench.data.rows,
            "setting": setting,
            "points": _sweep(bench, setting, values),
        }
        last = results[name]["points"][-1]
        bench.note(f"algorithms: {name}: recall {last['recall']:.4f} at {setting} {last['at']}, {last['wall_ms']:.3f} ms")
        bench.connection.execute(f"DROP INDEX {TABLE}_index")
    bench.connection.execute("RESET enable_seqscan")
    bench.connection.execute(f"DROP TABLE {TABLE}")
    return results


def rows(_results):
    return ()


def details(results):
    lines = [
        "| algorithm and codes | build, CPU s | segment bytes a row | queries a second at recall@10 0.95 | at 0.99 | best recall@10 seen |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for name, result in results.items():
        times = [at_recall(result["points"], target, "wall_ms") for target in TARGETS]
        rates = " | ".join("not reached" if time_ is None else f"{1e3 / time_:,.0f}" for time_ in times)
        best = max(result["points"], key=lambda point: point["recall"])
        lines.append(
            f"| {name} | {result['build_cpu']:.1f} | {result['bytes']:,.0f} | {rates} |"
            f" {best['recall']:.4f} at `{result['setting']}` {best['at']} |"
        )
    return lines
