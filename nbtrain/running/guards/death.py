"""Why a loader's worker process died, as far as it can be told from outside."""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path

from nbtrain.errors import WorkerDied

_MEMORY_EVENTS = Path("/sys/fs/cgroup/memory.events")  # cgroup v2: the container's, or the session's
_LESS_MEMORY = "Take fewer workers (num_workers), a smaller prefetch_factor, or smaller batches."


def worker_died(pid: int, exit_code: int | None, workers: int) -> WorkerDied:
    """Return the error for a worker that is gone.

    Args:
        exit_code: as multiprocessing gives it: minus the signal's number, or the status. workers: how many
            the loader has.
    """
    why, suggestion = _words(exit_code)
    return WorkerDied(
        f"A worker process of the loader (pid {pid}, one of {workers}) {why}.",
        suggestion=suggestion, pid=pid, exit_code=exit_code,
    )  # fmt: skip


def _words(exit_code: int | None) -> tuple[str, str]:
    if exit_code is None or exit_code >= 0:
        return (
            f"ended by itself with status {exit_code}",
            "Something in the data set ends the process (os._exit, sys.exit, a library's own abort).",
        )
    with suppress(ValueError):
        name = signal.Signals(-exit_code).name
        if name == "SIGKILL":
            killed = oom_kills()
            sure = f"; {killed} processes were killed for memory here" if killed else ""
            return (
                f"was killed (SIGKILL): most likely the system ran out of memory{sure}",
                _LESS_MEMORY,
            )
        if name == "SIGBUS":
            return (
                "crashed (SIGBUS): most likely shared memory is full",
                "In a container give it more (docker run --shm-size=8g), or take fewer workers.",
            )
        if name in ("SIGSEGV", "SIGABRT", "SIGFPE", "SIGILL"):
            return (
                f"crashed in native code ({name})",
                "With num_workers=0 the crash shows in this process; a library that was used before the "
                'workers were forked is a usual cause (multiprocessing_context="spawn" avoids it).',
            )
        return f"was ended by {name}", "Somebody or something outside sent it; start the training again."
    return f"was ended by signal {-exit_code}", "Start the training again."


def oom_kills() -> int:
    """Return how many processes of this control group were killed for memory; 0 where it cannot be told."""
    try:
        lines = _MEMORY_EVENTS.read_text().split()
        return int(lines[lines.index("oom_kill") + 1])
    except (OSError, ValueError, IndexError):
        return 0
