"""What other libraries' searches cost and find on the same data: hnswlib, faiss, usearch, beside bench_engine's own table.

    peers.py DIRECTORY [--systems hnswlib,faiss-hnsw-sq8,faiss-ivfpq-fs,usearch] [--repeat 3] [--threads 2, of the builds]

Queries are answered one after the other by one thread, within each library's own call for many queries, so that Python's
cost is not counted. Time is the process's CPU time, the least of --repeat rounds. Bytes a row are what a search reads:
for graphs, vectors (or codes) and links as the library keeps them.
"""

import argparse
import math
import os
import pathlib
import sys
import time

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy

K = 10
TARGETS = (0.95, 0.99)


def recall(found, exact):
    return numpy.mean([len(set(a) & set(b)) / K for a, b in zip(found.tolist(), exact[:, :K].tolist())])


class Hnswlib:
    label = "hnswlib, float32, M 16, ef_construction 200"
    sweep = (10, 16, 24, 32, 48, 64, 96, 128, 192, 256)

    def __init__(self, rows, threads):
        import hnswlib

        self.index = hnswlib.Index(space="l2", dim=rows.shape[1])
        self.index.init_index(max_elements=len(rows), M=16, ef_construction=200, random_seed=42)
        self.index.add_items(rows, num_threads=threads)
        self.bytes = rows.shape[1] * 4 + 8 + 32 * 4 + 4  # a row of its level 0: vector, label, links and their count

    def search(self, queries, width):
        self.index.set_ef(max(K, width))
        return self.index.knn_query(queries, k=K, num_threads=1)[0]


class FaissHnswSq8:
    label = "faiss, HNSW 16, SQ8 (no reranking)"
    sweep = Hnswlib.sweep

    def __init__(self, rows, threads):
        import faiss

        self.faiss = faiss
        faiss.omp_set_num_threads(threads)
        self.index = faiss.IndexHNSWSQ(rows.shape[1], faiss.ScalarQuantizer.QT_8bit, 16)
        self.index.hnsw.efConstruction = 200
        self.index.train(rows)
        self.index.add(rows)
        self.bytes = rows.shape[1] + 32 * 4

    def search(self, queries, width):
        self.faiss.omp_set_num_threads(1)
        self.index.hnsw.efSearch = width
        return self.index.search(queries, K)[1]


class FaissIvfPqFastScan:
    label = "faiss, IVF 1024, PQ 4 bits x d/2 FastScan, 100 reranked in float32"
    sweep = (2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128)

    def __init__(self, rows, threads):
        import faiss

        self.faiss = faiss
        faiss.omp_set_num_threads(threads)
        dimensions = rows.shape[1]
        lists = min(1024, len(rows) // 40)
        self.quantizer = faiss.IndexFlatL2(dimensions)
        self.codes = faiss.IndexIVFPQFastScan(self.quantizer, dimensions, lists, dimensions // 2, 4)
        self.codes.train(rows)
        self.codes.add(rows)
        self.codes.implem = 12  # query by query
        self.exact = faiss.IndexFlatL2(dimensions)
        self.exact.add(rows)
        self.index = faiss.IndexRefine(self.codes, self.exact)
        self.index.k_factor = 10
        self.bytes = dimensions // 4 + 8

    def search(self, queries, width):
        self.faiss.omp_set_num_threads(1)
        self.codes.nprobe = width
        return self.index.search(queries, K)[1]


class Usearch:
    sweep = Hnswlib.sweep
    label = "usearch, int8, connectivity 16, expansion_add 200 (no reranking)"

    def __init__(self, rows, threads):
        from usearch.index import Index

        self.index = Index(ndim=rows.shape[1], metric="cos", dtype="i8", connectivity=16, expansion_add=200)
        self.index.add(numpy.arange(len(rows)), rows, threads=threads)
        self.bytes = rows.shape[1] + 32 * 5 + 10

    def search(self, queries, width):
        self.index.expansion_search = width
        return self.index.search(queries, K, threads=1).keys


SYSTEMS = {
    "hnswlib": Hnswlib,
    "faiss-hnsw-sq8": FaissHnswSq8,
    "faiss-ivfpq-fs": FaissIvfPqFastScan,
    "usearch": Usearch,
}


def at_recall(points, target):
    """Microseconds where the sweep crosses the target, linear in the logarithms of misses and time; None: never."""
    for before, after in zip([None, *points], points):
        if after[0] < target:
            continue
        if before is None:
            return after[1]
        misses = [math.log(max(1e-6, 1 - point[0])) for point in (before, after)]
        share = (math.log(1 - target) - misses[0]) / (misses[1] - misses[0]) if misses[0] != misses[1] else 1
        return math.exp(math.log(before[1]) * (1 - share) + math.log(after[1]) * share)
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--systems", default=",".join(SYSTEMS))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    rows = numpy.load(arguments.directory / "base.f16.npy").astype(numpy.float32)
    queries = numpy.load(arguments.directory / "queries_public.f16.npy").astype(numpy.float32)
    exact = numpy.load(arguments.directory / "gt_public.i32.npy")
    print(f"{len(rows)} rows of {rows.shape[1]} dimensions, {len(queries)} queries, one thread", flush=True)
    for name in arguments.systems.split(","):
        system_class = SYSTEMS[name]
        begin = time.process_time()
        system = system_class(rows, arguments.threads)
        print(f"{system.label}: build {time.process_time() - begin:.1f} s CPU, {system.bytes} bytes a row", flush=True)
        points = []
        for width in system.sweep:
            times = []
            for _ in range(arguments.repeat):
                begin = time.process_time()
                found = system.search(queries, width)
                times.append((time.process_time() - begin) / len(queries) * 1e6)
            points.append((recall(found, exact), min(times)))
            print(f"{width:6d} recall {points[-1][0]:.4f} {points[-1][1]:8.1f} us a query", flush=True)
        cells = [f"{target}: {time_:.0f} us" if (time_ := at_recall(points, target)) else f"{target}: not reached"
                 for target in TARGETS]
        print("       at recall " + ", ".join(cells), flush=True)
    return 0


sys.exit(main())
