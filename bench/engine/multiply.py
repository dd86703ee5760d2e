"""Makes a larger set of vectors of a real one: every row again and again, each time moved a little, with exact neighbours.

    multiply.py SOURCE TARGET TIMES [--how between|around] [--queries 500] [--distance 0.35]

Row i of copy 0 is row i of SOURCE. `between` (the default) puts its further copies somewhere between it and one of the ten rows
nearest to it, and makes them as long as the row: the set becomes denser where it is dense, and has as many directions as
before, as more data of a kind would. `around` moves the row by `distance` of its length in a random direction: then the nearest
ten of a query are told apart by noise in all dimensions, which real data do not have. Neither is real: figures on them say how cost
grows, not what a million real rows would cost. Same arguments, same bytes.
"""

import argparse
import pathlib

import numpy

PIECE = 50_000
NEIGHBOURS = 100
NEAREST = 10  # among which a row to move towards is drawn


def as_long_as(rows, moved):
    return moved * (numpy.linalg.norm(rows, axis=1, keepdims=True) / numpy.linalg.norm(moved, axis=1, keepdims=True))


def around(rows, distance, random):
    noise = random.standard_normal(rows.shape, dtype=numpy.float32)
    length = numpy.linalg.norm(rows, axis=1, keepdims=True)
    return as_long_as(rows, rows + noise * (distance * length / numpy.linalg.norm(noise, axis=1, keepdims=True)))


def between(rows, others, random):
    share = random.uniform(0.2, 0.8, (len(rows), 1)).astype(numpy.float32)
    return as_long_as(rows, rows + share * (others - rows))


def nearest_rows(base):
    """For each row the ids of the NEAREST rows nearest to it."""
    wide = base.astype(numpy.float32)
    squares = numpy.sum(wide * wide, axis=1)
    ids = numpy.empty((len(base), NEAREST), numpy.int32)
    for first in range(0, len(base), PIECE // 25):
        rows = slice(first, first + PIECE // 25)
        distances = squares[None, :] - 2 * (wide[rows] @ wide.T)
        numpy.put_along_axis(distances, numpy.arange(first, first + len(distances))[:, None], numpy.inf, axis=1)
        ids[rows] = numpy.argpartition(distances, NEAREST - 1, axis=1)[:, :NEAREST]
    return ids


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
    parser.add_argument("--how", choices=("between", "around"), default="between")
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
    nearest = nearest_rows(base) if arguments.how == "between" else None
    for copy in range(arguments.times):
        for first in range(0, len(base), PIECE):
            rows = base[first : first + PIECE].astype(numpy.float32)
            if copy > 0 and nearest is None:
                rows = around(rows, arguments.distance, random)
            elif copy > 0:
                chosen = nearest[numpy.arange(first, first + len(rows)), random.integers(0, NEAREST, len(rows))]
                rows = between(rows, base[chosen].astype(numpy.float32), random)
            half = rows.astype(numpy.float16)
            first_id = copy * len(base) + first
            out[first_id : first_id + len(half)] = half
            best = nearest_of(best, wide, half.astype(numpy.float32), first_id)
    numpy.save(arguments.target / "queries_public.f16.npy", queries)
    numpy.save(arguments.target / "gt_public.i32.npy", best[1].astype(numpy.int32))


main()
