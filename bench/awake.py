"""Processors that do not fall asleep between a client's message and the server's answer.

A virtual processor that has nothing to do and is given back to the host takes some tens of µs to wake, twice a query, which short queries
feel most. Where Linux's governor for guests (haltpoll) is at work, who may tells it to poll before it gives a processor back, for longer than
any of the compared queries takes, as a machine of one's own would do. Elsewhere loops that run only where nothing else wants to keep the
processors: if two are one core's, at the cost of what runs beside them.
"""

import contextlib
import multiprocessing
import os
import pathlib

HALT_POLL = pathlib.Path("/sys/module/haltpoll/parameters/guest_halt_poll_ns")
HALT_POLL_NS = "20000000"
GOVERNOR = pathlib.Path("/sys/devices/system/cpu/cpuidle/current_governor")


def _spin():
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    while True:
        pass


@contextlib.contextmanager
def _loops():
    loops = [multiprocessing.Process(target=_spin, daemon=True) for _ in range(os.cpu_count())]
    for loop in loops:
        loop.start()
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.join()


@contextlib.contextmanager
def _polling():
    before = HALT_POLL.read_text(encoding="ascii")
    HALT_POLL.write_text(HALT_POLL_NS, encoding="ascii")
    try:
        yield
    finally:
        HALT_POLL.write_text(before, encoding="ascii")


def awake():
    polls = GOVERNOR.exists() and GOVERNOR.read_text(encoding="ascii").strip() == "haltpoll"
    return _polling() if polls and os.access(HALT_POLL, os.W_OK) else _loops()
