"""CREATE INDEX: CPU seconds of all processes and threads it takes, and seconds by the clock."""

import statistics
import time

from clock import server_seconds

NAME = "build"


def measure(bench):
    times = {}
    for round_ in range(bench.builds):
        for system in bench.compared:
            table = bench.table(system)
            bench.connection.execute(f"DROP INDEX IF EXISTS {table}_index")
            bench.connection.execute("CHECKPOINT")
            cpu, wall = server_seconds(bench.postmaster), time.perf_counter()
            system.create_index(table)
            times.setdefault(system.name, []).append(
                (server_seconds(bench.postmaster) - cpu, time.perf_counter() - wall)
            )
            bench.note(f"build {round_ + 1} {system.name}: CPU {times[system.name][-1][0]:.1f} s,"
                       f" clock {times[system.name][-1][1]:.1f} s")
    return {
        name: {"cpu": statistics.median(c for c, _ in all_), "wall": statistics.median(w for _, w in all_)}
        for name, all_ in times.items()
    }


def rows(results):
    theirs, ours = results["pgvector"], results["vectors"]
    yield {
        "figure": "build, CPU seconds",
        "pgvector": theirs["cpu"],
        "vectors": ours["cpu"],
        "ratio": theirs["cpu"] / ours["cpu"],
        "wanted": "≥ 4 ×",
        "holds": ours["cpu"] <= theirs["cpu"] / 4,
        "format": "{:.1f}",
    }
    yield {
        "figure": "build, seconds by the clock",
        "pgvector": theirs["wall"],
        "vectors": ours["wall"],
        "ratio": theirs["wall"] / ours["wall"],
        "format": "{:.1f}",
    }
