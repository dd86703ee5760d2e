"""Turns results into the tables of bench/README.md, between the markers there: of all figures, and of some by their names."""

import datetime
import os
import pathlib
import platform

README = pathlib.Path(__file__).parent / "README.md"


def _machine():
    model = next(
        (line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8") if line.startswith("model name")),
        platform.machine(),
    )
    return f"{model}, {os.cpu_count()} cores"


def _cell(row, name):
    if name not in row:
        return ""
    return row["format"].format(row[name]) if row[name] is not None else "not reached"


def table(figures, results):
    lines = ["| figure | pgvector | vectors | ratio | wanted | |", "| --- | ---: | ---: | ---: | --- | --- |"]
    for figure in figures:
        for row in figure.rows(results[figure.NAME]):
            ratio = f"{row['ratio']:.2f} ×" if row.get("ratio") else ""
            holds = {True: "holds", False: "does not hold", None: ""}[row.get("holds")]
            cells = [row["figure"], _cell(row, "pgvector"), _cell(row, "vectors"), ratio, row.get("wanted", ""), holds]
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def text(bench, figures, results, command):
    lines = [
        f"Data: {bench.data.label}.",
        f"Machine: {_machine()}. PostgreSQL {bench.server_version()}; {'; '.join(s.label for s in bench.compared)}.",
        f"`{command}`, {datetime.date.today().isoformat()}, medians of {bench.rounds} rounds.",
        "",
        *table(figures, results),
    ]
    for figure in figures:
        if hasattr(figure, "details"):
            lines += ["", *figure.details(results[figure.NAME])]
    return "\n".join(lines)


def write(block, names=()):
    """Between the markers of all figures, or of those named; False if there are no such markers."""
    what = " ".join(["figures", *names])
    begin, end = f"<!-- {what}: begin -->", f"<!-- {what}: end -->"
    before, found, rest = README.read_text(encoding="utf-8").partition(begin)
    _, _, after = rest.partition(end)
    if not found:
        return False
    README.write_text(f"{before}{begin}\n\n{block}\n\n{end}{after}", encoding="utf-8")
    return True
