"""The inverted index for the dot product of sparse vectors, beside an exact scan of the same table.

Real sentences as search engines see them: words and pairs of words, hashed to 30,000 dimensions, the rarer the heavier, at most 200 elements;
every tenth row is a paragraph of up to 40 sentences. Queries are sentences that are not among the rows.
"""

import collections
import gzip
import math
import re
import statistics
import time
import zlib

from clock import backend_seconds, server_seconds

NAME = "sparse"
SYSTEMS = ("vectors",)
ROUNDS = 1
TABLE = "sparse"
DIMENSIONS, ELEMENTS_MAX = 30_000, 200
QUERIES, SCANNED = 1000, 100  # of the first the scan answers only so many
K = 10


def _sentences(path):
    with gzip.open(path, "rt", encoding="utf-8") as file:
        next(file)
        return [line.rstrip("\n").rpartition("\t")[2].lower() for line in file]


def _counts(text):
    words = re.findall(r"\w\w+", text)
    terms = [*words, *(f"{a} {b}" for a, b in zip(words, words[1:]))]
    return collections.Counter(zlib.crc32(term.encode()) % DIMENSIONS for term in terms)


def _texts(sentences):
    for i, sentence in enumerate(sentences):
        yield sentence if i % 10 else " ".join(sentences[i : i + 1 + i // 10 % 40])


class Weights:
    def __init__(self, sentences):
        self.rows = len(sentences)
        self.rows_with = collections.Counter(term for sentence in sentences for term in _counts(sentence))

    def sparse(self, text):
        """The svector's text form, its heaviest elements; None for a text without any."""
        weights = {
            term: math.sqrt(count) * math.log(1 + self.rows / (self.rows_with[term] or 1))
            for term, count in _counts(text).items()
        }
        kept = sorted(sorted(weights, key=weights.get, reverse=True)[:ELEMENTS_MAX])
        return f"{{{','.join(f'{term}:{weights[term]:.4f}' for term in kept)}}}/{DIMENSIONS}" if kept else None


def _create(bench, sentences, weights):
    connection, elements, rows = bench.connection, 0, 0
    connection.execute(f"CREATE TABLE {TABLE} (id int, embedding vectors.svector({DIMENSIONS}))")
    with connection.cursor() as cursor, cursor.copy(f"COPY {TABLE} FROM STDIN") as copy:
        for id_, text in enumerate(map(weights.sparse, _texts(sentences))):
            if text is not None:
                copy.write_row((id_, text))
                elements, rows = elements + text.count(":"), rows + 1
    connection.execute(f"VACUUM ANALYZE {TABLE}")
    return rows, elements / rows


def _answers(bench, queries):
    """The distances found for each query; seconds, and CPU seconds, of the median one."""
    sql = f"SELECT embedding OPERATOR(vectors.<#>) %s::vectors.svector FROM {TABLE} ORDER BY 1 LIMIT {K}"
    found, walls, cpus = [], [], []
    for query in queries:
        cpu, wall = backend_seconds(bench.pid), time.perf_counter()
        found.append([row[0] for row in bench.connection.execute(sql, [query], prepare=True).fetchall()])
        walls.append(time.perf_counter() - wall)
        cpus.append(backend_seconds(bench.pid) - cpu)
    return found, statistics.median(walls), statistics.median(cpus)


def measure(bench):
    system = bench.compared[-1]
    sentences = _sentences(bench.data.directory / "meta.tsv.gz")[: bench.data.rows]
    weights = Weights(sentences)
    rows_, elements = _create(bench, sentences, weights)
    texts = map(weights.sparse, _sentences(bench.data.directory / "queries_public.tsv.gz"))
    queries = [text for text in texts if text is not None][:QUERIES]
    bench.connection.execute("SET max_parallel_workers_per_gather = 0")
    exact, scan_wall, scan_cpu = _answers(bench, queries[:SCANNED])
    cpu = server_seconds(bench.postmaster)
    bench.connection.execute(
        f"CREATE INDEX {TABLE}_index ON {TABLE} USING vectors (embedding vectors.svector_dot_ops)"
        " WITH (options = 'indexing.inverted_index = {}')"
    )
    build_cpu = server_seconds(bench.postmaster) - cpu
    bench.connection.execute("SET enable_seqscan = off")
    _answers(bench, queries[:SCANNED])  # warms the caches
    found, wall, cpu = _answers(bench, queries)
    result = {
        "rows": rows_,
        "elements": elements,
        "build_cpu": build_cpu,
        "bytes": system.segment_bytes(TABLE) / rows_,
        "scan_ms": scan_wall * 1e3,
        "scan_cpu_ms": scan_cpu * 1e3,
        "index_ms": wall * 1e3,
        "index_cpu_ms": cpu * 1e3,
        "same": sum(a == b for a, b in zip(exact, found)) / len(exact),
    }
    bench.note(f"sparse: {result}")
    bench.connection.execute(f"RESET enable_seqscan; RESET max_parallel_workers_per_gather; DROP TABLE {TABLE}")
    return result


def rows(results):
    yield {
        "figure": f"sparse, {DIMENSIONS:,} dimensions, {results['elements']:.0f} elements on average, ≤ {ELEMENTS_MAX}:"
        " inverted index, times faster than an exact scan",
        "vectors": results["scan_ms"] / results["index_ms"],
        "wanted": "≥ 5 ×",
        "holds": results["scan_ms"] >= 5 * results["index_ms"],
        "format": "{:.1f}",
    }
    yield {
        "figure": "… by server CPU",
        "vectors": results["scan_cpu_ms"] / results["index_cpu_ms"],
        "format": "{:.1f}",
    }
    yield {
        "figure": f"… queries of which it gives the scan's {K} distances, in the same order",
        "vectors": results["same"],
        "wanted": "all",
        "holds": results["same"] == 1,
        "format": "{:.0%}",
    }


def details(results):
    return [
        f"{results['rows']:,} rows; a scan takes {results['scan_ms']:.1f} ms, the index {results['index_ms']:.3f} ms (medians);"
        f" built in {results['build_cpu']:.1f} s CPU, {results['bytes']:,.0f} bytes a row."
    ]
