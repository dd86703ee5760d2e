"""Single-row inserts into the indexed table: server CPU and WAL a row, each also without an index.

Autocommit, synchronous_commit = off, no full-page images (they depend on checkpoints, not on the index). Batches of
the systems take turns; the CPU is that of all server processes, so that nothing is hidden in the background.
"""

import statistics

from clock import server_seconds, wal_position
from dataset import binary

NAME = "insert"
BATCHES = 10
FIRST_ID = 1_000_000_000


def _prepare(bench, system):
    name = f"insert_{system.name}".encode()
    bench.connection.pgconn.prepare(name, system.insert(bench.table(system)).encode())
    return name


def insert(bench, name, ids, vectors):
    raw = bench.connection.pgconn
    for id_, vector in zip(ids, vectors):
        result = raw.exec_prepared(name, [int(id_).to_bytes(4, "big"), vector], [1, 1], 1)
        if result.error_message:
            raise RuntimeError(result.error_message.decode())


def measure(bench):
    bench.alter_system("full_page_writes", "off")
    bench.connection.execute("SET synchronous_commit = off")
    systems = [bench.unindexed, *bench.compared]
    names = {system.name: _prepare(bench, system) for system in systems}
    vectors = [binary(query) for query in bench.data.queries]
    size = len(vectors) // BATCHES
    cpu, wal = {s.name: [] for s in systems}, {s.name: [] for s in systems}
    for batch in range(BATCHES):
        part = slice(batch * size, (batch + 1) * size)
        ids = range(FIRST_ID + part.start, FIRST_ID + part.stop)
        for system in systems:
            position, seconds = wal_position(bench.connection), server_seconds(bench.postmaster)
            # The clock ticks in hundredths of a second: what is cheap is done again until there is something to see.
            repeats = 1 if system.name == "pgvector" else 10
            for _ in range(repeats):
                insert(bench, names[system.name], ids, vectors[part])
            cpu[system.name].append((server_seconds(bench.postmaster) - seconds) / size / repeats)
            wal[system.name].append((wal_position(bench.connection) - position) / size / repeats)
    for system in systems:
        bench.connection.execute(f"DEALLOCATE {names[system.name].decode()}")
        bench.connection.execute(f"DELETE FROM {bench.table(system)} WHERE id >= {FIRST_ID}")
    bench.connection.execute("RESET synchronous_commit")
    bench.alter_system("full_page_writes", None)
    none_wal = statistics.median(wal["none"])
    return {
        system.name: {
            "cpu_ms": statistics.mean(cpu[system.name]) * 1e3,
            "wal": statistics.median(wal[system.name]) - (0 if system.name == "none" else none_wal),
        }
        for system in systems
    } | {"vector_bytes": bench.data.dimensions * 4 + 8}


def rows(results):
    theirs, ours, none = results["pgvector"], results["vectors"], results["none"]
    limit = 1.1 * results["vector_bytes"] + 200
    yield {
        "figure": f"insert, server CPU a row, ms (without an index {none['cpu_ms']:.3f})",
        "pgvector": theirs["cpu_ms"],
        "vectors": ours["cpu_ms"],
        "ratio": theirs["cpu_ms"] / ours["cpu_ms"],
        "wanted": "≥ 40 ×",
        "holds": ours["cpu_ms"] <= theirs["cpu_ms"] / 40,
        "format": "{:.3f}",
    }
    yield {
        "figure": "insert, WAL bytes a row of the index alone",
        "pgvector": theirs["wal"],
        "vectors": ours["wal"],
        "ratio": theirs["wal"] / ours["wal"],
        "wanted": f"≤ {limit:,.0f} bytes",
        "holds": ours["wal"] <= limit,
        "format": "{:,.0f}",
    }
