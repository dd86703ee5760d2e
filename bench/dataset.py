"""A set of vectors with queries and their exact neighbours, read from a directory (BENCH_DATA, or bench/data)."""

import os
import pathlib

import numpy

SHIPPED = pathlib.Path(__file__).parent / "data"


class Dataset:
    def __init__(self):
        self.directory = pathlib.Path(os.environ.get("BENCH_DATA") or SHIPPED)
        self.base = numpy.load(self.directory / "base.f16.npy", mmap_mode="r")
        self.queries = numpy.load(self.directory / "queries_public.f16.npy")
        self.neighbours = numpy.load(self.directory / "gt_public.i32.npy")
        self.rows, self.dimensions = self.base.shape
        limit = int(os.environ.get("BENCH_ROWS") or 0)
        if 0 < limit < self.rows:
            self.base, self.rows = self.base[:limit], limit
            self.neighbours = self._nearest(10)

    def _nearest(self, k):
        """The exact neighbours of the queries among fewer rows, by squared L2."""
        base, queries = self.base.astype(numpy.float32), self.queries.astype(numpy.float32)
        distances = (base * base).sum(axis=1) - 2 * queries @ base.T
        return numpy.argsort(distances, axis=1, kind="stable")[:, :k].astype(numpy.int32)

    @property
    def label(self):
        name = "the shipped sample" if self.directory == SHIPPED else f"`{self.directory.name}`"
        return f"{name}: {self.rows:,} rows of {self.dimensions} dimensions, {len(self.queries):,} queries"

    def recall(self, answers, k=10):
        """The share of the k exact neighbours found; answers[i] are the ids found for query i."""
        hits = sum(len(set(found) & set(exact[:k].tolist())) for found, exact in zip(answers, self.neighbours))
        return hits / (len(answers) * k)


def binary(vector):
    """The binary form of type vector, the same for both extensions: uint16 dimensions, int16 0, float4 elements."""
    return len(vector).to_bytes(2, "big") + b"\0\0" + vector.astype(">f4").tobytes()


def copy_stream(ids, vectors):
    """COPY … (FORMAT binary) of (id int, embedding vector), in pieces."""
    yield b"PGCOPY\n\xff\r\n\0" + bytes(8)
    for id_, vector in zip(ids, vectors):
        value = binary(vector)
        yield b"".join(
            (b"\0\2", b"\0\0\0\4", int(id_).to_bytes(4, "big"), len(value).to_bytes(4, "big"), value)
        )
    yield b"\xff\xff"
