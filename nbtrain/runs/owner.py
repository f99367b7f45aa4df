"""Who is writing a run: the identity of a process, and whether that process still lives.

A pid alone is no identity: pids are reused, also after a reboot. Knows nothing of folders or locks.
"""

from __future__ import annotations

import os
import socket
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import psutil

_SAME_START_S = 2.0


@dataclass(frozen=True)
class Owner:
    """One process on one machine since one boot.

    Attributes:
        pid: process id.
        started: when the process started: on Linux in clock ticks since boot, which a change of the clock
            does not move; elsewhere seconds since 1970.
        boot_id: changes with each boot of the machine; "" where the system does not tell.
        host: name of the machine.
    """

    pid: int
    started: float
    boot_id: str
    host: str

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Any) -> Owner | None:
        """Read back what `to_dict` gave; None for anything else."""
        try:
            return cls(int(data["pid"]), float(data["started"]), str(data["boot_id"]), str(data["host"]))
        except (TypeError, KeyError, ValueError, OverflowError):
            return None


def this_process() -> Owner:
    """Return the identity of the process that calls. Costs some microseconds."""
    pid = os.getpid()
    return Owner(pid, started_at(pid) or 0.0, boot_id(), socket.gethostname())


def is_alive(owner: Owner) -> bool | None:
    """Tell whether that process still runs.

    Returns:
        True or False where it can be known; None for a process of another machine (a shared folder, another
        container), about which this machine knows nothing.
    """
    if owner.host != socket.gethostname():
        return None
    if owner.boot_id != boot_id():
        return False  # this machine was restarted since
    started = started_at(owner.pid)
    return started is not None and abs(started - owner.started) <= _SAME_START_S


def started_at(pid: int) -> float | None:
    """Return when a process started (units: see `Owner.started`), or None when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        fields = stat[stat.rindex(")") + 2 :].split()  # the name before may hold anything, brackets too
        return None if fields[0] in ("Z", "X") else float(fields[19])
    except (OSError, ValueError, IndexError):
        pass  # not Linux, or no such process: psutil knows which
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


@lru_cache(maxsize=1)
def boot_id() -> str:
    """Return what names this boot of the machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        # seconds since 1970, read to the minute: the value moves a little when the clock is set
        return f"boot-{round(psutil.boot_time() / 60)}"
