"""Cuts the sample in bench/data out of a larger set of the same form: python3 bench/make_sample.py DIRECTORY.

Takes the first rows and queries whose text comes from WordNet (sources 0 and 1), whose licence lets it travel.
"""

import gzip
import pathlib
import shutil
import sys

import numpy

ROWS, QUERIES, NEIGHBOURS = 10_000, 200, 100
SOURCES = {"0", "1"}


def pick(table, wanted):
    """The header, and the first wanted lines of those sources with their line numbers."""
    with gzip.open(table, "rt", encoding="utf-8", newline="\n") as lines:
        header = next(lines)
        rows = [(i, line.rstrip("\n").split("\t")) for i, line in enumerate(lines)]
    return header, [(i, row) for i, row in rows if row[1] in SOURCES][:wanted]


def write_table(path, header, rows):
    text = header + "".join("\t".join([str(new)] + row[1:]) + "\n" for new, (_, row) in enumerate(rows))
    # No time and no name in the header: the same input gives the same bytes.
    with open(path, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as out:
        out.write(text.encode())


def nearest(base, queries):
    """Exact neighbours by squared L2 in float64, ties by id."""
    found = numpy.empty((len(queries), NEIGHBOURS), dtype=numpy.int32)
    for i, query in enumerate(queries):
        found[i] = numpy.argsort(((base - query) ** 2).sum(axis=1), kind="stable")[:NEIGHBOURS]
    return found


def main():
    source, target = pathlib.Path(sys.argv[1]), pathlib.Path(__file__).parent / "data"
    header, rows = pick(source / "meta.tsv.gz", ROWS)
    query_header, queries = pick(source / "queries_public.tsv.gz", QUERIES)
    base_vectors = numpy.load(source / "base.f16.npy", mmap_mode="r")[[i for i, _ in rows]]
    query_vectors = numpy.load(source / "queries_public.f16.npy", mmap_mode="r")[[i for i, _ in queries]]
    numpy.save(target / "base.f16.npy", base_vectors)
    numpy.save(target / "queries_public.f16.npy", query_vectors)
    numpy.save(target / "gt_public.i32.npy", nearest(base_vectors.astype("f8"), query_vectors.astype("f8")))
    write_table(target / "meta.tsv.gz", header, rows)
    write_table(target / "queries_public.tsv.gz", query_header, queries)
    shutil.copyfile(source.parent / "LICENSE-WordNet.txt", target / "LICENSE-WordNet.txt")


main()
