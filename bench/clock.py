"""What the server spends: CPU seconds from /proc, WAL bytes from the server. Ratios of these survive a noisy machine."""

import os
import pathlib

TICK = os.sysconf("SC_CLK_TCK")


def _stat(pid):
    """The fields of /proc/<pid>/stat from the state on; the name before it may hold anything."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def backend_seconds(pid):
    """CPU seconds of a process to the nanosecond, of the threads that live."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def server_seconds(postmaster):
    """CPU seconds of the whole server: the living processes with all threads they ever had, and those that ended."""
    own = _stat(postmaster)
    ticks = sum(int(own[i]) for i in (11, 12, 13, 14))  # utime, stime, and of the children that were waited for
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            fields = _stat(process.name)
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == postmaster:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / TICK


def wal_position(connection):
    return int(connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')").fetchone()[0])
