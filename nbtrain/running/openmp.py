"""The OpenMP team of a thread that only waits: let go, so that it does not slow down the thread that trains.

On a CPU torch works in teams of threads, one team for each thread that calls it, and a team spins for a
moment between two operations so as to be ready for the next. GNU's runtime counts the threads of all teams:
when they are more than the processors, nobody spins any more, and every operation has to wake its team. A
kernel whose main thread has once called a model, and then waits while another thread trains, is in that
state: a step of a small model took 860 us in place of 395 on two processors (the model is that of
`benchmarks/loop_overhead.py`), and 390 once the main thread had let go of its team. Its next operation makes
a new one, which takes 40 us.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from pathlib import Path

SOFT = 1  # omp_pause_soft of OpenMP 5.0: threads go, settings stay


def let_go() -> None:
    """End the team of the calling thread; nothing happens where it has none, or where it is in use."""
    for pause in _pauses():
        pause(SOFT)


@cache
def _pauses() -> list[Callable[[int], int]]:
    """`omp_pause_resource_all` of GNU's OpenMP as it is loaded; other runtimes need nothing of this."""
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:  # no Linux
        return []
    mapped = {fields[5] for line in lines if len(fields := line.split(maxsplit=5)) == 6}
    found = sorted(path for path in mapped if Path(path).name.startswith("libgomp"))
    libraries = [ctypes.CDLL(path) for path in found if Path(path).exists()]
    # GCC 8 and older have no such function
    return [lib.omp_pause_resource_all for lib in libraries if hasattr(lib, "omp_pause_resource_all")]
