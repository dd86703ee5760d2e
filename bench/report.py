"""Turns results into the tables of bench/README.md, between the markers there: of all figures, of some by their names, and of some of one
data set by its name behind theirs."""

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
    """The lines of all figures; none where none has any."""
    lines = ["| figure | pgvector | vectors | ratio | wanted | |", "| --- | ---: | ---: | ---: | --- | --- |"]
    for figure in figures:
        for row in figure.rows(results[figure.NAME]):
            ratio = f"{row['ratio']:.2f} ×" if row.get("ratio") else ""
            holds = {True: "holds", False: "does not hold", None: ""}[row.get("holds")]
            cells = [row["figure"], _cell(row, "pgvector"), _cell(row, "vectors"), ratio, row.get("wanted", ""), holds]
            lines.append("| " + " | ".join(cells) + " |")
    return lines if len(lines) > 2 else []


def text(bench, figures, results, command):
    rounds = max(getattr(figure, "ROUNDS", bench.rounds) for figure in figures)
    lines = [
        f"Data: {bench.data.label}.",
        f"Machine: {_machine()}. PostgreSQL {bench.server_version()}; {'; '.join(s.label for s in bench.compared)}.",
        f"`{command}`, {datetime.date.today().isoformat()}, " + ("one round." if rounds == 1 else f"medians of {rounds} rounds."),
    ]
    if (figures_table := table(figures, results)) != []:
        lines += ["", *figures_table]
    for figure in figures:
        if hasattr(figure, "details"):
            lines += ["", *figure.details(results[figure.NAME])]
    return "\n".join(lines)


def write(block, names, data):
    """Between the markers of those figures and that data, else of those figures; names () are all. False if there are no such markers."""
    text_ = README.read_text(encoding="utf-8")
    for what in (" ".join(["figures", *names, data]), " ".join(["figures", *names])):
        begin, end = f"<!-- {what}: begin -->", f"<!-- {what}: end -->"
        before, found, rest = text_.partition(begin)
        if found:
            README.write_text(f"{before}{begin}\n\n{block}\n\n{end}{rest.partition(end)[2]}", encoding="utf-8")
            return True
    return False
