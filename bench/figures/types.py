"""Halves, bits and shortened vectors on the same rows: what an index of each takes, costs and finds.

Adaptive retrieval: a shortlist from the small index, ordered once more by the full vectors.
"""

import statistics

from dataset import binary
from figures.search import run

NAME = "types"
EF = 100
K = 100
SHORTLISTS = (2, 4, 10)  # times K
SHORT = 256


def _sql(bench):
    """Query by name: $1 is the query vector; (statement, rows wanted, ef_search)."""
    schema, d = "vectors", bench.data.dimensions
    query, distance = f"$1::{schema}.vector", f"OPERATOR({schema}.<->)"
    orders = {
        "vector": f"embedding {distance} {query}",
        "vecf16": f"half {distance} {query}::{schema}.vecf16",
        "bvector": f"bits {distance} {schema}.binarize({query})",
    }
    statements = {name: (f"SELECT id FROM types ORDER BY {order} LIMIT 10", EF) for name, order in orders.items()}
    for name in ("vector", "bvector"):
        statements[f"{name}, all"] = (f"SELECT id FROM types ORDER BY {orders[name]} LIMIT {K}", EF)
    orders["short"] = f"(embedding[:{SHORT}])::{schema}.vector({SHORT}) {distance} ({query})[:{SHORT}]"
    for name in ("bvector", "short"):
        if name == "short" and d <= SHORT:
            continue
        for times in SHORTLISTS:
            shortlist = f"SELECT id, embedding FROM types ORDER BY {orders[name]} LIMIT {times * K}"
            statements[f"{name} {times}"] = (
                f"SELECT id FROM ({shortlist}) s ORDER BY embedding {distance} {query} LIMIT {K}",
                times * K,
            )
    return statements


def _create(bench):
    schema, d = "vectors", bench.data.dimensions
    connection = bench.connection
    connection.execute(
        f"CREATE TABLE types AS SELECT id, embedding, embedding::{schema}.vecf16({d}) AS half,"
        f" {schema}.binarize(embedding)::{schema}.bvector({d}) AS bits FROM items_vectors"
    )
    columns = {"vector": "embedding vector_l2_ops", "vecf16": "half vecf16_l2_ops", "bvector": "bits bvector_hamming_ops"}
    if d > SHORT:
        columns["short"] = f"((embedding[:{SHORT}])::{schema}.vector({SHORT})) vector_l2_ops"
    for name, column in columns.items():
        expression, operator_class = column.rsplit(" ", 1)
        connection.execute(f"CREATE INDEX types_{name}_index ON types USING vectors ({expression} {schema}.{operator_class})")
        bench.note(f"types: index of {name} built")
    connection.execute("VACUUM ANALYZE types")
    return list(columns)


def _bytes(bench, name):
    system = next(system for system in bench.compared if system.name == "vectors")
    table, rows = f"types_{name}", bench.data.rows
    return {
        "log": (system.disk_bytes(table) - system.segment_bytes(table)) / rows,
        "segment": system.segment_bytes(table) / rows,
    }


def measure(bench):
    raw, parameters = bench.connection.pgconn, [binary(query) for query in bench.data.queries]
    bench.connection.execute("SET search_path = public, vectors")
    results = {"bytes": {name: _bytes(bench, name) for name in _create(bench)}, "queries": {}}
    statements = _sql(bench)
    pgvector = next(system for system in bench.compared if system.name == "pgvector")
    results["pgvector bytes"] = pgvector.resident_bytes(bench.table(pgvector)) / bench.data.rows
    statements["full precision"] = (pgvector.nearest(bench.table(pgvector), 10), EF)
    statements["full precision, all"] = (pgvector.nearest(bench.table(pgvector), K), EF)
    times = {name: [] for name in statements}
    for round_ in range(bench.rounds):
        for name, (sql, ef) in statements.items():
            prepared = f"types_{name.replace(' ', '_')}".encode()
            if round_ == 0:
                raw.prepare(prepared, sql.encode())
            for system in bench.compared:
                system.set_ef(ef)
            found, wall, _ = run(raw, prepared, parameters, bench.pid)
            times[name].append(wall)
            k = 10 if len(found[0]) == 10 else K
            results["queries"][name] = {"recall": bench.data.recall(found, k), "k": k}
            bench.note(f"types: {name}: recall@{k} {results['queries'][name]['recall']:.4f}, {wall * 1e3:.3f} ms")
    for name, walls in times.items():
        results["queries"][name]["wall_ms"] = statistics.median(walls) * 1e3
        bench.connection.execute(f"DEALLOCATE \"types_{name.replace(' ', '_')}\"")
    bench.connection.execute("RESET search_path")
    bench.connection.execute("DROP TABLE types")
    return results


def _row(figure, vectors, wanted, holds, **more):
    return {"figure": figure, "vectors": vectors, "wanted": wanted, "holds": holds, **more}


def rows(results):
    queries, sizes = results["queries"], results["bytes"]
    total = {name: sum(size.values()) for name, size in sizes.items()}
    lost = queries["vector"]["recall"] - queries["vecf16"]["recall"]
    yield _row(f"vecf16: recall@10 at ef_search {EF} less than that of vector", lost, "≤ 0.01", lost <= 0.01, format="{:.4f}")
    share = queries["vector"]["wall_ms"] / queries["vecf16"]["wall_ms"]
    yield _row(f"vecf16: queries a second at ef_search {EF}, times those of vector", share, "≥ 0.95", share >= 0.95, format="{:.2f}")
    share = sizes["vecf16"]["log"] / sizes["vector"]["log"]
    yield _row("vecf16: log bytes, share of those of vector", share, "about half", share <= 0.55, format="{:.3f}")
    share = total["vector"] / total["bvector"]
    yield _row("bvector: times smaller than vector, log and segments", share, "≥ 9", share >= 9, format="{:.2f}")
    ours, theirs = (1e3 / queries[name]["wall_ms"] for name in ("bvector", "full precision"))
    yield _row(
        f"bvector: queries a second at ef_search {EF} (pgvector: its graph over full vectors)",
        ours,
        "≥ 3 ×",
        ours >= 3 * theirs,
        format="{:,.0f}",
        ratio=ours / theirs,
    ) | {"pgvector": theirs}
    best = max(queries[name]["recall"] for name in queries if name.startswith("bvector "))
    yield _row(f"bvector: recall@{K} of adaptive retrieval, shortlist {SHORTLISTS[-1]} × {K}", best, "≥ 0.95", best >= 0.95, format="{:.4f}")


def _label(name):
    kind, _, rest = name.partition(" ")
    if kind == "full":
        return f"pgvector's graph over full vectors, {K if rest.endswith('all') else 10} rows"
    if not rest or rest == "all":
        return f"index of {kind.rstrip(',')}, {K if rest else 10} rows"
    source = {"bvector": "bits", "short": f"the first {SHORT} elements"}[kind]
    return f"{source}, shortlist of {int(rest) * K}, {K} rows of it"


def _beside_the_articles(results):
    """What pgvecto.rs' articles say of 3,072 dimensions of text-embedding-3-large, beside the same quantities here."""
    queries, sizes = results["queries"], results["bytes"]
    enough = [name for name in queries if name.startswith("bvector ") and queries[name]["recall"] >= 0.95]
    adaptive = enough[0] if enough else f"bvector {SHORTLISTS[-1]}"

    def second(name):
        return f"{1e3 / queries[name]['wall_ms']:,.0f}"

    def recall(name):
        return f"{queries[name]['recall']:.1%}"

    yield "| quantity | the articles | here |"
    yield "| --- | ---: | ---: |"
    yield f"| requests a second by bits alone ({K} rows) | 3,000 | {second('bvector, all')} |"
    yield f"| by adaptive retrieval (shortlist of {int(adaptive.split()[1]) * K}) | 1,700 | {second(adaptive)} |"
    yield f"| by a graph over full vectors (pgvector, {K} rows) | 300 | {second('full precision, all')} |"
    yield f"| recall@{K} by bits alone | 80 % | {recall('bvector, all')} |"
    yield f"| recall@{K} by adaptive retrieval | 95 % | {recall(adaptive)} |"
    yield f"| less memory than a graph over full vectors | 30 × | {results['pgvector bytes'] / sizes['bvector']['segment']:.1f} × |"


def details(results):
    lines = ["| index | log bytes a row | segment bytes a row |", "| --- | ---: | ---: |"]
    for name, size in results["bytes"].items():
        lines.append(f"| {name} | {size['log']:,.0f} | {size['segment']:,.0f} |")
    lines += ["", "| search | recall | queries a second |", "| --- | ---: | ---: |"]
    for name, point in results["queries"].items():
        lines.append(f"| {_label(name)} | @{point['k']} {point['recall']:.4f} | {1e3 / point['wall_ms']:,.0f} |")
    return [*lines, "", *_beside_the_articles(results)]
