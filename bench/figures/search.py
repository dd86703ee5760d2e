"""Queries a second at a given recall: a sweep over ef_search, both systems in turn, one client, binary parameters.

The loop speaks libpq directly: a driver's own cost would hide the server's. A machine that others use, too, is twice as fast in one second
as in the next, and a system's whole sweep point may take less: so the two take turns of TURN_SECONDS, long enough for each to have the caches
to itself, and medians of turns are compared.
"""

import itertools
import math
import statistics
import time

from clock import backend_seconds
from dataset import binary

NAME = "search"
SWEEP = (10, 14, 20, 28, 40, 56, 80, 96, 112, 160, 224, 320, 448, 640)
TARGETS = {0.95: 9.0, 0.99: 20.0}
TURN_SECONDS = 0.15
TURNS = 7
K = 10


def _prepare(bench, system):
    raw = bench.connection.pgconn
    name = f"nearest_{system.name}".encode()
    raw.prepare(name, system.nearest(bench.table(system), K).encode())
    return name


def run(raw, name, parameters, pid):
    """Answers all queries; returns (ids of each, wall seconds and server CPU seconds a query)."""
    results = []
    cpu, wall = backend_seconds(pid), time.perf_counter()
    for parameter in parameters:
        results.append(raw.exec_prepared(name, [parameter], [1], 1))
    wall, cpu = time.perf_counter() - wall, backend_seconds(pid) - cpu
    answers = []
    for result in results:
        if result.error_message:
            raise RuntimeError(result.error_message.decode())
        answers.append([int.from_bytes(result.get_value(row, 0), "big") for row in range(result.ntuples)])
    return answers, wall / len(parameters), cpu / len(parameters)


def answers_at(bench, system, ef):
    """The ids found for every query at one ef_search."""
    system.set_ef(ef)
    name = _prepare(bench, system)
    found, _, _ = run(bench.connection.pgconn, name, [binary(q) for q in bench.data.queries], bench.pid)
    bench.connection.execute(f"DEALLOCATE {name.decode()}")
    return found


def check_plan(bench, system):
    literal = "[" + ",".join("0" for _ in range(bench.data.dimensions)) + "]"
    sql = system.nearest(bench.table(system), K).replace("$1", f"'{literal}'")
    plan = "\n".join(row[0] for row in bench.connection.execute("EXPLAIN " + sql).fetchall())
    if f"{bench.table(system)}_index" not in plan:
        raise RuntimeError(f"{system.name} does not use its index:\n{plan}")


def turn(bench, name, parameters, times):
    """One more turn with a statement, which goes on with the parameters, each a list of values, but through all of them once at most.

    What is appended to times: wall and server CPU seconds a query.
    """
    raw, cpu, wall = bench.connection.pgconn, backend_seconds(bench.pid), time.perf_counter()
    for count in range(1, len(bench.data.queries) + 1):
        values = next(parameters)
        result = raw.exec_prepared(name, values, [1] * len(values), 1)
        if time.perf_counter() >= wall + TURN_SECONDS:
            break
    wall, cpu = time.perf_counter() - wall, backend_seconds(bench.pid) - cpu
    if result.error_message:
        raise RuntimeError(result.error_message.decode())
    times.append((wall / count, cpu / count))


def measure(bench):
    parameters = [binary(query) for query in bench.data.queries]
    raw, recalls = bench.connection.pgconn, {}
    names = {}
    for system in bench.compared:
        check_plan(bench, system)
        names[system.name] = _prepare(bench, system)
        for ef in SWEEP:  # which warms the caches, too
            system.set_ef(ef)
            found, _, _ = run(raw, names[system.name], parameters, bench.pid)
            recalls[system.name, ef] = bench.data.recall(found)
            bench.note(f"ef_search {ef} {system.name}: recall {recalls[system.name, ef]:.4f}")
    times = {point: [] for point in recalls}
    endless = {system.name: itertools.cycle([parameter] for parameter in parameters) for system in bench.compared}
    for _ in range(bench.rounds):
        for ef in SWEEP:
            for _ in range(TURNS):
                for system in bench.compared:
                    system.set_ef(ef)
                    turn(bench, names[system.name], endless[system.name], times[system.name, ef])
    for name in names.values():
        bench.connection.execute(f"DEALLOCATE {name.decode()}")
    return {
        system.name: [
            {
                "ef": ef,
                "recall": recalls[system.name, ef],
                "wall_ms": statistics.median(wall for wall, _ in times[system.name, ef]) * 1e3,
                "cpu_ms": statistics.median(cpu for _, cpu in times[system.name, ef]) * 1e3,
            }
            for ef in SWEEP
        ]
        for system in bench.compared
    }


def at_recall(points, target, field):
    """The field where the sweep crosses the target, between two points linear in log(1 - recall), log(field).

    None if the sweep never gets there; the least of those beyond if it starts there.
    """
    previous = None
    for point in points:
        if point["recall"] >= target:
            if previous is None:
                return min(beyond[field] for beyond in points if beyond["recall"] >= target)
            misses = [math.log(max(1e-6, 1 - p["recall"])) for p in (previous, point)]
            share = (math.log(1 - target) - misses[0]) / (misses[1] - misses[0])
            return math.exp(math.log(previous[field]) * (1 - share) + math.log(point[field]) * share)
        previous = point
    return None


def rows(results):
    for target, wanted in TARGETS.items():
        theirs, ours = (at_recall(results[name], target, "wall_ms") for name in ("pgvector", "vectors"))
        yield {
            "figure": f"queries a second at recall@10 = {target}",
            "pgvector": theirs and 1e3 / theirs,
            "vectors": ours and 1e3 / ours,
            "ratio": theirs and ours and theirs / ours,
            "wanted": f"≥ {wanted:g} ×",
            "holds": theirs is not None and ours is not None and theirs / ours >= wanted,
            "format": "{:,.0f}",
        }
        theirs, ours = (at_recall(results[name], target, "cpu_ms") for name in ("pgvector", "vectors"))
        yield {
            "figure": f"server CPU a query at recall@10 = {target}, ms",
            "pgvector": theirs,
            "vectors": ours,
            "ratio": theirs and ours and theirs / ours,
            "format": "{:.3f}",
        }


def details(results):
    lines = ["| ef_search | pgvector recall@10 | ms | CPU ms | vectors recall@10 | ms | CPU ms |", "|" + " ---: |" * 7]
    for theirs, ours in zip(results["pgvector"], results["vectors"]):
        cells = [str(theirs["ef"])]
        for point in (theirs, ours):
            cells += [f"{point['recall']:.4f}", f"{point['wall_ms']:.3f}", f"{point['cpu_ms']:.3f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return lines
