"""Recall after change: a fifth of the rows is deleted, vacuumed away, and inserted again under other ids."""

import numpy

from dataset import binary
from figures.insert import insert
from figures.search import answers_at

NAME = "churn"
SHARE, SEED, EF = 0.2, 1, 100
NEW_IDS = 500_000_000


def _recall(bench, system):
    """Recall with the new rows counted as those whose vectors they bear."""
    found = answers_at(bench, system, EF)
    return bench.data.recall([[id_ - NEW_IDS if id_ >= NEW_IDS else id_ for id_ in ids] for ids in found])


def _churn(bench, system, ids):
    table = bench.table(system)
    bench.connection.execute(f"DELETE FROM {table} WHERE id = ANY(%s)", [[int(id_) for id_ in ids]])
    bench.connection.execute(f"VACUUM {table}")
    name = f"churn_{system.name}".encode()
    bench.connection.pgconn.prepare(name, system.insert(table).encode())
    insert(bench, name, ids + NEW_IDS, [binary(bench.data.base[id_]) for id_ in ids])
    bench.connection.execute(f"DEALLOCATE {name.decode()}")


def measure(bench):
    ids = numpy.random.default_rng(SEED).permutation(bench.data.rows)[: int(bench.data.rows * SHARE)]
    bench.connection.execute("SET synchronous_commit = off")
    results = {}
    for system in bench.compared:
        before = _recall(bench, system)
        _churn(bench, system, ids)
        after = _recall(bench, system)
        bench.connection.execute(f"VACUUM {bench.table(system)}")
        results[system.name] = {"before": before, "after": after, "vacuumed": _recall(bench, system)}
        bench.note(f"churn {system.name}: {results[system.name]}")
    bench.connection.execute("RESET synchronous_commit")
    return results


def rows(results):
    theirs, ours = results["pgvector"], results["vectors"]
    yield {
        "figure": f"recall@10 at ef_search {EF} before 20 % of the rows are replaced",
        "pgvector": theirs["before"],
        "vectors": ours["before"],
        "format": "{:.4f}",
    }
    for field, what in (("after", "after"), ("vacuumed", "after, and vacuumed once more")):
        yield {
            "figure": f"recall@10 {what}",
            "pgvector": theirs[field],
            "vectors": ours[field],
            "wanted": "within 0.01 of before",
            "holds": ours[field] >= ours["before"] - 0.01,
            "format": "{:.4f}",
        }
