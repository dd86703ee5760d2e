"""An index that grows row by row from nothing, background work included: what it costs, and what it finds afterwards.

Single rows, autocommit, synchronous_commit = off. The CPU is that of all server processes until nothing is left to do;
pgvector's ends with its last insert. Then 20 % of the rows are deleted and VACUUM runs: its CPU, and with the merge behind it.
"""

from clock import server_seconds
from dataset import binary
from figures.insert import insert
from figures.search import K, run

NAME = "grow"
EF = 100


def _recall(bench, system, table):
    system.set_ef(EF)
    name = f"grow_nearest_{system.name}".encode()
    bench.connection.pgconn.prepare(name, system.nearest(table, K).encode())
    found, _, _ = run(bench.connection.pgconn, name, [binary(q) for q in bench.data.queries], bench.pid)
    bench.connection.execute(f"DEALLOCATE {name.decode()}")
    return bench.data.recall(found)


def _grow(bench, system, table):
    system.create_table(table, bench.data.dimensions)
    system.create_index(table)
    name = f"grow_{system.name}".encode()
    bench.connection.pgconn.prepare(name, system.insert(table).encode())
    vectors = [binary(row) for row in bench.data.base]
    before = server_seconds(bench.postmaster)
    insert(bench, name, range(bench.data.rows), vectors)
    inserted = server_seconds(bench.postmaster)
    system.fence(table)
    done = server_seconds(bench.postmaster)
    bench.connection.execute(f"DEALLOCATE {name.decode()}")
    bench.connection.execute(f"VACUUM ANALYZE {table}")
    return {"insert": inserted - before, "all": done - before}


def _vacuum(bench, system, table):
    bench.connection.execute(f"DELETE FROM {table} WHERE id %% 5 = 0", [])
    before = server_seconds(bench.postmaster)
    bench.connection.execute(f"VACUUM {table}")
    vacuumed = server_seconds(bench.postmaster)
    system.fence(table)
    return {"vacuum": vacuumed - before, "vacuum_all": server_seconds(bench.postmaster) - before}


def measure(bench):
    bench.connection.execute("SET synchronous_commit = off")
    results = {"rows": bench.data.rows}
    for system in reversed(bench.compared):
        table = f"grow_{system.name}"
        result = _grow(bench, system, table)
        result["recall"] = _recall(bench, system, table)
        bench.connection.execute(f"REINDEX INDEX {table}_index")
        result["recall_built"] = _recall(bench, system, table)
        result |= _vacuum(bench, system, table)
        bench.connection.execute(f"DROP TABLE {table}")
        bench.note(f"grow {system.name}: {result}")
        results[system.name] = result
    bench.connection.execute("RESET synchronous_commit")
    return results


def rows(results):
    theirs, ours, count = results["pgvector"], results["vectors"], results["rows"]
    yield {
        "figure": f"{count:,} single-row inserts into an empty index, server CPU seconds until nothing is left to do",
        "pgvector": theirs["all"],
        "vectors": ours["all"],
        "ratio": theirs["all"] / ours["all"],
        "wanted": "≥ 8 ×",
        "holds": ours["all"] <= theirs["all"] / 8,
        "format": "{:.1f}",
    }
    yield {
        "figure": f"recall@10 at ef_search {EF} after that (CREATE INDEX on the same rows: {ours['recall_built']:.4f})",
        "pgvector": theirs["recall"],
        "vectors": ours["recall"],
        "wanted": "within 0.01 of CREATE INDEX",
        "holds": ours["recall"] >= ours["recall_built"] - 0.01,
        "format": "{:.4f}",
    }
    yield {
        "figure": "VACUUM of 20 % deleted rows, CPU seconds",
        "pgvector": theirs["vacuum"],
        "vectors": ours["vacuum"],
        "ratio": theirs["vacuum"] / max(ours["vacuum"], 0.01),
        "wanted": "≥ 100 ×",
        "holds": ours["vacuum"] <= theirs["vacuum"] / 100,
        "format": "{:.2f}",
    }
    yield {
        "figure": "… and with the merge behind it",
        "pgvector": theirs["vacuum_all"],
        "vectors": ours["vacuum_all"],
        "ratio": theirs["vacuum_all"] / max(ours["vacuum_all"], 0.01),
        "format": "{:.2f}",
    }
