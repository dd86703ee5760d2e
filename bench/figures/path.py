"""The way through SQL: a search beside what the same client and server need for anything: look-ups by primary key.

Two look-ups are the measure. One row by its key is what a statement costs; ten rows by key with a vector as parameter and ten
distances is what a search would cost if finding the rows were free.
"""

import itertools
import multiprocessing
import statistics
import time

import psycopg

from clock import backend_seconds
from dataset import binary
from figures.search import SWEEP, TURNS, turn

NAME = "path"
CONNECTIONS = 15
CLIENT_TURNS = 15
RATES = {0.95: 0.6, 0.99: 0.45}


def _array(ids):
    """The binary form of int[]."""
    head = b"".join(number.to_bytes(4, "big") for number in (1, 0, 23, len(ids), 1))
    return head + b"".join(b"\0\0\0\4" + int(id_).to_bytes(4, "big") for id_ in ids)


def _statements(bench, system):
    distance, vector = f"OPERATOR({system.schema}.<->)", f"$1::{system.schema}.vector"
    return {
        "one by key": "SELECT id FROM keyed WHERE id = $1::int",
        "ten by key": f"SELECT id, embedding {distance} {vector} FROM keyed WHERE id = ANY ($2::int[])",
        "empty index": f"SELECT id FROM bare ORDER BY embedding {distance} {vector} LIMIT 10",
        "search": system.nearest(bench.table(system), 10),
    }


def _parameters(bench, name):
    if name == "one by key":
        return [[(i * 47 % bench.data.rows).to_bytes(4, "big")] for i in range(len(bench.data.queries))]
    vectors = [binary(query) for query in bench.data.queries]
    if name == "ten by key":
        return [[vector, _array(ids[:10])] for vector, ids in zip(vectors, bench.data.neighbours)]
    return [[vector] for vector in vectors]


def _execute(raw, name, parameters):
    for values in parameters:
        result = raw.exec_prepared(name, values, [1] * len(values), 1)
    if result.error_message:
        raise RuntimeError(result.error_message.decode())


def _widths(bench, system, raw):
    """The least ef_search of the sweep that reaches each target; the widest where none does."""
    widths = {}
    parameters = _parameters(bench, "search")
    for target in RATES:
        for width in SWEEP:
            system.set_ef(width)
            answers = []
            for values in parameters:
                result = raw.exec_prepared(b"path_search", values, [1], 1)
                answers.append([int.from_bytes(result.get_value(row, 0), "big") for row in range(result.ntuples)])
            widths[target] = width
            if bench.data.recall(answers) >= target:
                break
    return widths


def _in_turn(bench, system, widths):
    """Median wall and CPU seconds of each kind of query, in turns."""
    kinds = {"one by key": None, "empty index": None, "ten by key": None, **{f"search {t}": w for t, w in widths.items()}}
    parameters = {kind: itertools.cycle(_parameters(bench, kind.split(" 0.")[0])) for kind in kinds}
    times = {kind: [] for kind in kinds}
    for _ in range(TURNS * bench.rounds):
        for kind, width in kinds.items():
            if width:
                system.set_ef(width)
            turn(bench, f"path_{kind.split(' 0.')[0].replace(' ', '_')}".encode(), parameters[kind], times[kind])
    return {
        kind: {"wall": statistics.median(w for w, _ in all_), "cpu": statistics.median(c for _, c in all_)}
        for kind, all_ in times.items()
    }


def _client(pipe, setting, statement, parameters):
    """One of several clients: connects, says its server process, and runs all queries each time it is told to."""
    with psycopg.connect(dbname="bench", autocommit=True) as connection:
        connection.execute(setting)
        raw = connection.pgconn
        raw.prepare(b"path_search", statement.encode())
        _execute(raw, b"path_search", parameters)
        pipe.send(connection.info.backend_pid)
        while pipe.recv():
            _execute(raw, b"path_search", parameters)
            pipe.send(True)


def _clients(bench, system, kind, width):
    """Server CPU seconds a query of that kind with one client and with two at a time."""
    setting = f"SET {system.ef_setting} = {width}"
    statement, parameters = _statements(bench, system)[kind], _parameters(bench, kind)
    clients = []
    for _ in range(2):
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.Process(target=_client, args=(theirs, setting, statement, parameters), daemon=True)
        process.start()
        clients.append((ours, ours.recv(), process))
    spent = {1: [], 2: []}
    for _ in range(CLIENT_TURNS):
        for count in spent:
            busy = clients[:count]
            cpu = sum(backend_seconds(pid) for _, pid, _ in busy)
            for pipe, _, _ in busy:
                pipe.send(True)
            for pipe, _, _ in busy:
                pipe.recv()
            cpu = sum(backend_seconds(pid) for _, pid, _ in busy) - cpu
            spent[count].append(cpu / count / len(parameters))
    for pipe, _, process in clients:
        pipe.send(False)
        process.join()
    return {count: statistics.median(all_) for count, all_ in spent.items()}


def _first(setting, statement, parameters):
    """Wall seconds of a connection's first query, parsing included, and of its later ones: medians over connections."""
    first, later = [], []
    for i in range(CONNECTIONS):
        with psycopg.connect(dbname="bench", autocommit=True) as connection:
            connection.execute(setting)
            raw = connection.pgconn
            for times, count in ((first, 1), (later, 50)):
                begin = time.perf_counter()
                if times is first:
                    raw.prepare(b"path_search", statement.encode())
                _execute(raw, b"path_search", parameters[i * 60 : i * 60 + count] or parameters[:count])
                times.append((time.perf_counter() - begin) / count)
    return {"first": statistics.median(first), "later": statistics.median(later)}


def _connections(bench, width):
    """What a first query costs: of a search, and of what loads none of our code, to judge that by."""
    by_key = _statements(bench, bench.compared[0])["one by key"]
    firsts = {"by key": _first("SET work_mem = 4096", by_key, _parameters(bench, "one by key"))}
    for system in bench.compared:
        setting, statement = f"SET {system.ef_setting} = {width}", _statements(bench, system)["search"]
        firsts[system.name] = _first(setting, statement, _parameters(bench, "search"))
    return firsts


def measure(bench):
    system = next(system for system in bench.compared if system.name == "vectors")
    connection, raw = bench.connection, bench.connection.pgconn
    table = bench.table(system)
    connection.execute(f"CREATE TABLE keyed AS SELECT * FROM {table}")
    connection.execute("ALTER TABLE keyed ADD PRIMARY KEY (id)")
    connection.execute("VACUUM ANALYZE keyed")
    system.create_table("bare", bench.data.dimensions)
    system.create_index("bare")
    for name, sql in _statements(bench, system).items():
        raw.prepare(f"path_{name.replace(' ', '_')}".encode(), sql.encode())
        _execute(raw, f"path_{name.replace(' ', '_')}".encode(), _parameters(bench, name)[:100])
    widths = _widths(bench, system, raw)
    results = {"times": _in_turn(bench, system, widths), "widths": {str(t): w for t, w in widths.items()}}
    for kind, name in (("search", "clients"), ("ten by key", "clients by key")):
        results[name] = {str(count): cpu for count, cpu in _clients(bench, system, kind, widths[0.95]).items()}
    results["connection"] = _connections(bench, widths[0.95])
    connection.execute("DEALLOCATE ALL")
    connection.execute("DROP TABLE keyed, bare")
    return results


def _row(figure, vectors, wanted="", holds=None, **more):
    return {"figure": figure, "vectors": vectors, "wanted": wanted, "holds": holds, "format": "{:.2f}", **more}


def rows(results):
    times = results["times"]
    yield _row("ten rows by primary key and ten distances, a second", 1 / times["ten by key"]["wall"], format="{:,.0f}")
    for target, wanted in RATES.items():
        rate = times["ten by key"]["wall"] / times[f"search {target}"]["wall"]
        yield _row(
            f"queries a second at recall@10 {target} (ef_search {results['widths'][str(target)]}), share of that",
            rate, f"≥ {wanted}", rate >= wanted,
        )
        rate = times["ten by key"]["cpu"] / times[f"search {target}"]["cpu"]
        yield _row(f"server CPU of ten rows by primary key, share of a query's at recall@10 {target}", rate)
    share = times["empty index"]["cpu"] / times["one by key"]["cpu"]
    yield _row("search in an empty index, server CPU, times that of one row by primary key", share, "≤ 1.3", share <= 1.3)
    share = results["clients"]["2"] / results["clients"]["1"]
    yield _row("server CPU a query with two clients, times that of one", share, "≤ 1.15", share <= 1.15)
    share = results["clients by key"]["2"] / results["clients by key"]["1"]
    yield _row("… of ten rows by primary key, the same: what two processors of the host are to each other", share)
    firsts = {name: times["first"] / times["later"] for name, times in results["connection"].items()}
    share = firsts["vectors"]
    yield _row(
        "first query of a connection, times a later one's seconds", share, "≤ 3", share <= 3, pgvector=firsts["pgvector"]
    )
    yield _row("… a row by primary key, first of a connection, times a later one's seconds", firsts["by key"])
    for name, key in (("milliseconds of a connection's first query", "first"), ("… and of a later one", "later")):
        both = {system: results["connection"][system][key] * 1e3 for system in ("pgvector", "vectors")}
        yield _row(f"{name} (by primary key {results['connection']['by key'][key] * 1e3:.3f})", **both, format="{:.3f}")
