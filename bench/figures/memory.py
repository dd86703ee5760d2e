"""Bytes of index a row: what a search must find in memory, and all there is on disk."""

NAME = "memory"
BYTES = {384: 420, 768: 640}  # wanted, by dimensions


def measure(bench):
    return {
        system.name: {
            "resident": system.resident_bytes(bench.table(system)) / bench.data.rows,
            "disk": system.disk_bytes(bench.table(system)) / bench.data.rows,
            "wanted": BYTES.get(bench.data.dimensions),
        }
        for system in bench.compared
    }


def rows(results):
    theirs, ours = results["pgvector"], results["vectors"]
    yield {
        "figure": "memory-resident index bytes a row (pgvector: its index; vectors: its segment files)",
        "pgvector": theirs["resident"],
        "vectors": ours["resident"],
        "ratio": theirs["resident"] / ours["resident"],
        "wanted": f"≤ {ours['wanted']} bytes" if ours["wanted"] else "≥ 2 ×",
        "holds": ours["resident"] <= (ours["wanted"] or theirs["resident"] / 2),
        "format": "{:,.0f}",
    }
    yield {
        "figure": "index bytes a row on disk (vectors: log and segments)",
        "pgvector": theirs["disk"],
        "vectors": ours["disk"],
        "ratio": theirs["disk"] / ours["disk"],
        "format": "{:,.0f}",
    }
