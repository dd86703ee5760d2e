"""Bigger than memory: the server and its page cache bounded to a quarter of the full-precision data, beside the same unbounded.

For each pass the server is started anew inside a memory cgroup (v1 or v2; only root may make one), after its files were put out of the page
cache, so that every page it uses, of PostgreSQL's or the kernel's, counts, and counts from the beginning. Unbounded, it is in the same group
without a limit; the two take turns. Queries are all different, and one after the other they need more of the log than the bound leaves: what one
read is gone when its turn comes again.
"""

import contextlib
import os
import pathlib
import shutil
import statistics
import subprocess

from clock import backend_seconds
from dataset import binary
from figures.search import K, run

NAME = "memory_bound"
SYSTEMS = ("vectors",)
SHARE = 0.25
SHARED_BUFFERS = "8MB"
TARGET = 0.95
EF = (20, 28, 40, 56, 80, 112, 160, 224, 320, 448)
WAYS = (("unbounded", False, True), ("bounded", True, True), ("bounded, nothing prefetched", True, False))
INDEXES = {"default (4 bits)": "", "rabitq 2 bits": "WITH (quantization = rabitq2)"}
V1, V2 = pathlib.Path("/sys/fs/cgroup/memory"), pathlib.Path("/sys/fs/cgroup")


class Group:
    """A memory cgroup of its own, for the server."""

    def __init__(self):
        is_v2 = (V2 / "cgroup.controllers").exists()
        self.place = (V2 if is_v2 else V1) / "vectors_bench"
        self.limit_file, self.used_file = (
            ("memory.max", "memory.current") if is_v2 else ("memory.limit_in_bytes", "memory.usage_in_bytes")
        )
        self.none = "max" if is_v2 else "-1"

    def __enter__(self):
        self.place.mkdir(exist_ok=True)
        self.limit(None)
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.place.rmdir()

    def limit(self, bytes_):
        (self.place / self.limit_file).write_text(self.none if bytes_ is None else str(int(bytes_)))

    def used(self):
        return int((self.place / self.used_file).read_text())


def _forget(directory):
    """Puts all files out of the page cache: who reads them next is the one whose memory they are."""
    for path in directory.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def _restart(bench, settings, group=None):
    """Stops the server and starts it, in the group if one is given."""
    for name, value in settings.items():
        bench.connection.execute(f"ALTER SYSTEM SET {name} = {value}" if value else f"ALTER SYSTEM RESET {name}")
    directory = pathlib.Path(bench.connection.execute("SHOW data_directory").fetchone()[0])
    log = directory.parent / "server.log"
    owner = directory.stat()
    control = [shutil.which("pg_ctl"), "--silent", "--wait", f"--pgdata={directory}"]
    bench.connection.close()
    as_owner = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.getuid() == 0 else {}
    subprocess.run([*control, "--mode=fast", "stop"], check=True, cwd="/", **as_owner)
    _forget(directory)
    start = [*control, f"--log={log}", "start"]
    if group is not None:
        enter = 'echo $$ >"$0" && exec setpriv --reuid "$1" --regid "$2" --clear-groups "${@:3}"'
        start = ["bash", "-c", enter, str(group.place / "cgroup.procs"), str(owner.st_uid), str(owner.st_gid), *start]
        as_owner = {}
    subprocess.run(start, check=True, cwd="/", **as_owner)
    bench.connect()


def _read_bytes(pid):
    fields = dict(line.split(": ") for line in pathlib.Path(f"/proc/{pid}/io").read_text().splitlines())
    return int(fields["read_bytes"])


def _wide_enough(bench, system, prepared, queries):
    """The least width of the search that finds enough, and what it finds."""
    for ef in EF:
        system.set_ef(ef)
        found, _, _ = run(bench.connection.pgconn, prepared, queries, bench.pid)
        if bench.data.recall(found) >= TARGET:
            return ef, bench.data.recall(found)
    raise RuntimeError(f"recall@{K} {TARGET} is not reached")


def _pass(bench, prepared, queries):
    read, cpu = _read_bytes(bench.pid), backend_seconds(bench.pid)
    found, wall, _ = run(bench.connection.pgconn, prepared, queries, bench.pid)
    return {
        "wall_ms": wall * 1e3,
        "cpu_ms": (backend_seconds(bench.pid) - cpu) / len(queries) * 1e3,
        "read": (_read_bytes(bench.pid) - read) / len(queries),
        "recall": bench.data.recall(found),
    }


def _measure_index(bench, system, with_, queries):
    """One index's searches, bounded and not."""
    table, prepared = bench.table(system), b"bounded"
    full = bench.data.rows * bench.data.dimensions * 4
    bench.connection.execute(
        f"CREATE INDEX {table}_index ON {table} USING vectors (embedding {system.schema}.vector_l2_ops) {with_}"
    )
    sizes = {"full": full, "segments": system.segment_bytes(table), "disk": system.disk_bytes(table)}
    passes = {way: [] for way, _, _ in WAYS}

    def start(is_bounded):
        group.limit(full * SHARE if is_bounded else None)
        _restart(bench, {"shared_buffers": f"'{SHARED_BUFFERS}'"}, group)
        bench.connection.pgconn.prepare(prepared, system.nearest(table, K).encode())

    with Group() as group:
        start(False)
        ef, recall = _wide_enough(bench, system, prepared, queries)
        bench.note(f"memory_bound: {sizes}, ef_search {ef}, recall {recall:.4f}")
        for _ in range(bench.rounds):
            for way, is_bounded, is_prefetched in WAYS:
                start(is_bounded)
                system.set_ef(ef)
                if not is_prefetched:
                    bench.connection.execute("SET effective_io_concurrency = 0")
                _pass(bench, prepared, queries)  # what fits comes into memory
                passes[way].append(_pass(bench, prepared, queries))
                bench.note(f"memory_bound: {way}: {passes[way][-1]}, {group.used() / 1e6:,.0f} MB used")
        group.limit(None)
        _restart(bench, {"shared_buffers": None})
    bench.connection.execute(f"DROP INDEX {table}_index")
    medians = {way: {field: statistics.median(one[field] for one in all_) for field in all_[0]} for way, all_ in passes.items()}
    return {**sizes, "ef": ef, "recall": recall, "ways": medians}


def measure(bench):
    system = next(system for system in bench.compared if system.name == "vectors")
    queries = [binary(query) for query in bench.data.queries]
    return {name: _measure_index(bench, system, with_, queries) for name, with_ in INDEXES.items()}


def rows(results):
    for name, result in results.items():
        ways = result["ways"]
        share = ways["unbounded"]["wall_ms"] / ways["bounded"]["wall_ms"]
        yield {
            "figure": f"{name}: queries a second at recall@10 {result['recall']:.3f} (ef_search {result['ef']}) with a quarter of the"
            " vectors' bytes as memory, share of those without a bound",
            "vectors": share,
            **({"wanted": "≥ 0.5", "holds": share >= 0.5} if name == next(iter(INDEXES)) else {}),
            "format": "{:.2f}",
        }


def details(results):
    full = next(iter(results.values()))["full"]
    lines = [
        f"Vectors {full / 1e6:,.0f} MB, bound {full * SHARE / 1e6:,.0f} MB, of which {SHARED_BUFFERS} are `shared_buffers`.",
        "",
        "| codes | segments, MB | log and segments, MB | memory | queries a second | CPU ms a query | kB read from disk a query |",
        "| --- | ---: | ---: | --- | ---: | ---: | ---: |",
    ]
    for name, result in results.items():
        for way, measured in result["ways"].items():
            lines.append(
                f"| {name} | {result['segments'] / 1e6:,.0f} | {result['disk'] / 1e6:,.0f} | {way} | {1e3 / measured['wall_ms']:,.0f}"
                f" | {measured['cpu_ms']:.3f} | {measured['read'] / 1e3:,.1f} |"
            )
    return lines
