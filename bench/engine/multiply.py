"""Makes a larger set of vectors of a real one: every row again and again, each time moved a little, with exact neighbours.

    multiply.py SOURCE TARGET TIMES [--queries 500] [--distance 0.35]

Row i of copy 0 is row i of SOURCE; in a further copy it is moved by `distance` of its length in a random direction and made
as long as before. That keeps what is real in the data, and makes it denser, as more data of a kind does; but it is not real:
figures on it say how cost grows, not what a million real rows would cost. Same arguments, same bytes.
"""

import argparse
import pathlib

import numpy

PIECE = 50_000
NEIGHBOURS = 100


def moved(rows, distance, random):
    noise = random.standard_normal(rows.shape, dtype=numpy.float32)
    length = numpy.linalg.norm(rows, axis=1, keepdims=True)
    noise *= distance * length / numpy.linalg.norm(noise, axis=1, keepdims=True)
    rows = rows + noise
    return rows * (length / numpy.linalg.norm(rows, axis=1, keepdims=True))


def nearest_of(best, queries, rows, first_id):
    """The NEIGHBOURS nearest of those that best holds as (distances, ids) and of rows."""
    distances = numpy.sum(rows * rows, axis=1)[None, :] - 2 * (queries @ rows.T)
    distances = numpy.concatenate([best[0], distances], axis=1)
    ids = numpy.concatenate([best[1], numpy.broadcast_to(first_id + numpy.arange(len(rows)), (len(queries), len(rows)))], axis=1)
    kept = numpy.argpartition(distances, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS]
    kept = numpy.take_along_axis(kept, numpy.argsort(numpy.take_along_axis(distances, kept, 1), axis=1, kind="stable"), 1)
    return numpy.take_along_axis(distances, kept, 1), numpy.take_along_axis(ids, kept, 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("target", type=pathlib.Path)
    parser.add_argument("times", type=int)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--distance", type=float, default=0.35)
    arguments = parser.parse_args()
    base = numpy.load(arguments.source / "base.f16.npy", mmap_mode="r")
    queries = numpy.load(arguments.source / "queries_public.f16.npy")[: arguments.queries]
    random = numpy.random.default_rng(42)
    arguments.target.mkdir(parents=True, exist_ok=True)
    out = numpy.lib.format.open_memmap(
        arguments.target / "base.f16.npy", "w+", numpy.float16, (len(base) * arguments.times, base.shape[1])
    )
    wide = queries.astype(numpy.float32)
    best = (numpy.empty((len(queries), 0), numpy.float32), numpy.empty((len(queries), 0), numpy.int64))
    for copy in range(arguments.times):
        for first in range(0, len(base), PIECE):
            rows = base[first : first + PIECE].astype(numpy.float32)
            if copy > 0:
                rows = moved(rows, arguments.distance, random)
            half = rows.astype(numpy.float16)
            first_id = copy * len(base) + first
            out[first_id : first_id + len(half)] = half
            best = nearest_of(best, wide, half.astype(numpy.float32), first_id)
    numpy.save(arguments.target / "queries_public.f16.npy", queries)
    numpy.save(arguments.target / "gt_public.i32.npy", best[1].astype(numpy.int32))


main()
