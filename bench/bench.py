"""make bench: vectors and pgvector side by side in one server, figure by figure, into bench/README.md.

Runs under test/run --major 18, which gives it a throw-away server. BENCH_DATA names the data (default: the sample),
BENCH_ROWS how many of its rows, BENCH_FIGURES some of the figures (default: all), BENCH_ROUNDS how often a search is repeated,
BENCH_BUILDS a build. With BENCH_AWAKE the processors are kept awake.
"""

import contextlib
import importlib
import json
import os
import pathlib
import sys
import time

import psycopg

import report
from awake import awake
from dataset import Dataset, copy_stream
from systems import Pgvector, Unindexed, Vectors

# In this order: the searches want an index that nothing was inserted into, the last one leaves it changed.
FIGURES = (
    "build", "search", "ivfflat", "path", "memory", "types", "filters", "planner", "algorithms", "sparse",
    "memory_bound", "photos", "ratio", "growth", "insert", "grow", "steady", "churn"
)
# These run when they are asked for: each has a section of its own in README.md.
ON_DEMAND = (
    "types", "filters", "planner", "algorithms", "sparse", "memory_bound", "photos", "ratio", "growth", "grow",
    "steady"
)
RESULTS = pathlib.Path("build/bench/results.json")


class Bench:
    def __init__(self, systems):
        self.rounds = int(os.environ.get("BENCH_ROUNDS") or 3)
        self.builds = int(os.environ.get("BENCH_BUILDS") or 1)
        self.data = Dataset()
        with psycopg.connect(autocommit=True) as connection:
            connection.execute("CREATE DATABASE bench")
        self.compared = [system for system in (Pgvector(), Vectors()) if system.name in systems]
        self.unindexed = Unindexed()
        self.connect()
        self._start = time.monotonic()

    def connect(self):
        """The session in which all is done; once more after the server was started anew."""
        self.connection = psycopg.connect(dbname="bench", autocommit=True)
        self.pid = self.connection.info.backend_pid
        self.postmaster = int(
            self.connection.execute("SELECT pg_read_file('postmaster.pid')").fetchone()[0].split("\n")[0]
        )
        for system in (*self.compared, self.unindexed):
            system.connection = self.connection

    def table(self, system):
        return f"items_{system.name}"

    def note(self, text):
        print(f"{time.monotonic() - self._start:7.1f} s  {text}", file=sys.stderr, flush=True)

    def server_version(self):
        return self.connection.execute("SELECT split_part(current_setting('server_version'), ' ', 1)").fetchone()[0]

    def alter_system(self, name, value):
        """Sets a setting of the server and waits until this session sees it; None resets it."""
        self.connection.execute(f"ALTER SYSTEM SET {name} = {value}" if value else f"ALTER SYSTEM RESET {name}")
        self.connection.execute("SELECT pg_reload_conf()")
        deadline = time.monotonic() + 10
        while (self.connection.execute(f"SHOW {name}").fetchone()[0] == value) != (value is not None):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} does not change")
            time.sleep(0.01)

    def load(self):
        systems = [*self.compared, *([self.unindexed] if len(self.compared) > 1 else [])]
        for system in systems:
            system.install()
        for system in systems:
            table = self.table(system)
            system.create_table(table, self.data.dimensions)
            with self.connection.cursor() as cursor:
                with cursor.copy(f"COPY {table} FROM STDIN (FORMAT binary)") as copy:
                    for piece in copy_stream(range(self.data.rows), self.data.base):
                        copy.write(piece)
            self.connection.execute(f"VACUUM ANALYZE {table}")
        self.note(f"loaded {self.data.label}")


def main():
    usual = [name for name in FIGURES if name not in ON_DEMAND]
    wanted = (os.environ.get("BENCH_FIGURES") or ",".join(usual)).split(",")
    figures = [importlib.import_module(f"figures.{name}") for name in FIGURES if name in wanted]
    systems = {name for figure in figures for name in getattr(figure, "SYSTEMS", ("pgvector", "vectors"))}
    if any(not hasattr(figure, "SYSTEMS") for figure in figures) and "build" not in wanted:
        figures.insert(0, importlib.import_module("figures.build"))
    bench = Bench(systems)
    bench.load()
    results = {}
    is_awake = bool(os.environ.get("BENCH_AWAKE"))
    with awake() if is_awake else contextlib.nullcontext():
        for figure in figures:
            results[figure.NAME] = figure.measure(bench)
            bench.note(f"done: {figure.NAME}")
            RESULTS.parent.mkdir(parents=True, exist_ok=True)
            RESULTS.write_text(json.dumps(results, indent=1), encoding="utf-8")
    variables = ("BENCH_DATA", "BENCH_ROWS", "BENCH_AWAKE", "BENCH_FIGURES")
    given = [f"{name}={os.environ[name]}" for name in variables if os.environ.get(name)]
    given = ["BENCH_DATA=…" if text.startswith("BENCH_DATA=") else text for text in given]
    command = " ".join([*given, "make bench"])
    block = report.text(bench, figures, results, command)
    print(block)
    section = [] if set(wanted) == set(usual) else sorted(wanted)
    if not report.write(block, [*section, *(["awake"] if is_awake else [])], bench.data.directory.name):
        bench.note("some figures only, and bench/README.md has no place for these: it is left as it is")


main()
