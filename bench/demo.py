"""make demo: sentences found by meaning in a throw-away PostgreSQL, then how exact and how fast that was.

Needs nothing but Python and psycopg2, so that a bare Debian can run it; the server is that of test/run.
"""

import gzip
import io
import json
import pathlib
import struct
import sys
import threading
import time

import psycopg2

DATA = pathlib.Path(__file__).parent / "data"
SHOWN = (69, 191, 56, 168, 94)  # queries that read well
NEIGHBOURS_SHOWN, NEIGHBOURS, ROUNDS = 4, 10, 3
WIDTH = 110
CREATE_INDEX = "CREATE INDEX sentences_embedding ON sentences USING vectors (embedding vector_l2_ops)"
NEAREST = "SELECT id, text, embedding <-> $1 FROM sentences ORDER BY embedding <-> $1 LIMIT $2"


def read_vectors(path):
    """The rows of a float16 .npy file as tuples of floats."""
    content = path.read_bytes()
    header_size = struct.unpack_from("<H", content, 8)[0]
    shape = content[10 : 10 + header_size].decode().split("'shape': (")[1].split(")")[0]
    rows, dimensions = (int(n) for n in shape.split(","))
    return [struct.unpack_from(f"<{dimensions}e", content, 10 + header_size + i * dimensions * 2) for i in range(rows)]


def read_texts(path):
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        next(lines)
        return [line.rstrip("\n").split("\t")[-1] for line in lines]


def write(text="", end="\n"):
    sys.stdout.write(text + end)
    sys.stdout.flush()


def title(text):
    write(f"\n── {text} " + "─" * (WIDTH - len(text) - 4))


def step(what, seconds, detail=""):
    write(f"   {what:<34}{seconds:>8.2f} s   {detail}".rstrip())


def load(connection, vectors, texts):
    """The table by binary COPY: int8 id, text, vector as uint16 dimensions, int16 0, float4 elements."""
    stream = io.BytesIO()
    stream.write(b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0))
    pack = struct.Struct(f">Hh{len(vectors[0])}f").pack
    for i, (vector, text) in enumerate(zip(vectors, texts)):
        text, value = text.encode(), pack(len(vector), 0, *vector)
        stream.write(struct.pack(">hiq", 3, 8, i) + struct.pack(">i", len(text)) + text)
        stream.write(struct.pack(">i", len(value)) + value)
    stream.write(struct.pack(">h", -1))
    stream.seek(0)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE sentences (id bigint PRIMARY KEY, text text, embedding vector({len(vectors[0])}))")
        cursor.copy_expert("COPY sentences FROM STDIN (FORMAT binary)", stream)
        cursor.execute("VACUUM ANALYZE sentences")


def show_progress(done):
    """Draws what pg_stat_progress_create_index says, until done."""
    live, last = sys.stdout.isatty(), None
    with psycopg2.connect("") as connection, connection.cursor() as cursor:
        connection.autocommit = True
        while not done.wait(0.05):
            cursor.execute("SELECT phase, tuples_done, tuples_total FROM pg_stat_progress_create_index")
            for phase, tuples_done, tuples_total in cursor.fetchall():
                phase = phase.replace("building index: ", "")
                share = min(1.0, tuples_done / tuples_total) if tuples_total else 0.0
                bar = "█" * round(share * 40)
                if live:
                    write(f"\r   {phase:<34}{bar:░<40} {share:>4.0%}", end="\033[K")
                elif phase != last:
                    write(f"   {phase}")
                last = phase
    if live:
        write("\r\033[K", end="")


def build(connection):
    """Builds the index under a progress display; returns the seconds."""
    done = threading.Event()
    display = threading.Thread(target=show_progress, args=(done,))
    display.start()
    start = time.perf_counter()
    try:
        with connection.cursor() as cursor:
            cursor.execute(CREATE_INDEX)
    finally:
        seconds = time.perf_counter() - start
        done.set()
        display.join()
    return seconds


def index_bytes(cursor):
    """The index's relation, and its segment files beside the tables."""
    cursor.execute(
        """SELECT pg_relation_size(i.oid),
                  format('pg_vectors/%s/%s_%s', d.oid,
                         CASE i.reltablespace WHEN 0 THEN d.dattablespace ELSE i.reltablespace END,
                         pg_relation_filenode(i.oid))
           FROM pg_class i, pg_database d
           WHERE i.relname = 'sentences_embedding' AND d.datname = current_database()"""
    )
    relation, directory = cursor.fetchone()
    cursor.execute(
        """SELECT coalesce(sum((pg_stat_file(%s || '/' || name, true)).size), 0)
           FROM pg_ls_dir(%s, true, false) name""",
        (directory, directory),
    )
    return relation, int(cursor.fetchone()[0])


def as_text(vector):
    return "[" + ",".join(map(repr, vector)) + "]"


def plan_uses_index(cursor, literal):
    cursor.execute("EXPLAIN (FORMAT json) EXECUTE nearest(%s, %s)", (literal, NEIGHBOURS))
    plan = cursor.fetchone()[0]
    return "sentences_embedding" in json.dumps(plan)


def measure(cursor, literals, use_index):
    """Answers all queries ROUNDS times; returns the ids of each query and the sorted milliseconds."""
    cursor.execute(f"SET enable_indexscan = {use_index}")
    if plan_uses_index(cursor, literals[0]) != (use_index == "on"):
        raise SystemExit(f"the planner does not do as told: enable_indexscan = {use_index}")
    answers, times = [], []
    for round_ in range(ROUNDS + 1):
        for literal in literals:
            start = time.perf_counter()
            cursor.execute("EXECUTE nearest(%s, %s)", (literal, NEIGHBOURS))
            rows = cursor.fetchall()
            if round_ == 0:  # warms the caches and gives the answers
                answers.append([row[0] for row in rows])
            else:
                times.append((time.perf_counter() - start) * 1000)
    return answers, sorted(times)


def show_neighbours(cursor, texts, literals):
    for i in SHOWN:
        write(f"\n   “{texts[i]}”")
        cursor.execute("EXECUTE nearest(%s, %s)", (literals[i], NEIGHBOURS_SHOWN))
        for _, text, distance in cursor.fetchall():
            write(f"      {distance:.3f}  {text if len(text) <= WIDTH - 14 else text[: WIDTH - 15] + '…'}")


def percentile(times, share):
    return times[min(len(times) - 1, int(len(times) * share))]


def main():
    vectors, texts = read_vectors(DATA / "base.f16.npy"), read_texts(DATA / "meta.tsv.gz")
    queries, query_texts = read_vectors(DATA / "queries_public.f16.npy"), read_texts(DATA / "queries_public.tsv.gz")
    literals = [as_text(query) for query in queries]
    connection = psycopg2.connect("")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), extversion FROM pg_extension WHERE extname = 'vectors'")
        server, version = cursor.fetchone()
        title(f"vectors {version} on a private, temporary PostgreSQL {server.split()[0]}")
        start = time.perf_counter()
        load(connection, vectors, texts)
        step("load the sentences", time.perf_counter() - start, f"{len(vectors):,} rows of {len(vectors[0])} dimensions")
        build_seconds = build(connection)
        step("build the index", build_seconds, CREATE_INDEX.split(" ON ")[1].join(("CREATE INDEX ON ", ";")))

        cursor.execute(f"PREPARE nearest(vector, int) AS {NEAREST}")
        title("The nearest sentences, with their squared distances")
        show_neighbours(cursor, query_texts, literals)

        title(f"{len(queries)} other sentences, {NEIGHBOURS} neighbours each")
        found, index_times = measure(cursor, literals, "on")
        exact, exact_times = measure(cursor, literals, "off")
        hits = sum(len(set(f) & set(e)) for f, e in zip(found, exact))
        relation, segments = index_bytes(cursor)
    connection.close()

    write(f"\n   {'':<34}{'p50':>9}{'p99':>12}{'recall@10':>14}")
    for name, times, recall in (
        ("with the index", index_times, hits / (len(exact) * NEIGHBOURS)),
        ("exact scan of all rows", exact_times, 1.0),
    ):
        write(f"   {name:<34}{percentile(times, 0.5):>6.2f} ms{percentile(times, 0.99):>9.2f} ms{recall:>14.4f}")
    megabyte = 1024 * 1024
    write(
        f"\n   index: {relation / megabyte:.1f} MB log (the vectors) + {segments / megabyte:.1f} MB segments"
        f" (codes and graph), built in {build_seconds:.2f} s"
    )
    title("All of it is gone again: nothing runs, nothing is left")


main()
