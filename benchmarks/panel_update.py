"""What an update of the run panel costs the kernel: milliseconds of the pump's thread, and bytes to the page.

Run: `python benchmarks/panel_update.py`. Prints the figures at a thousand and at a million steps: they
    should be the
same, at most 1 ms and 8 KB. Messages are encoded and signed as in a kernel and then dropped.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import comm
import numpy as np
from comm.base_comm import BaseComm
from jupyter_client.session import Session

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "widgets")]

UPDATES = 200
STEPS_PER_UPDATE = 250  # a thousand steps a second, four updates


class CountingComm(BaseComm):
    """Encodes what a kernel would send, and counts it."""

    session = Session(key=b"key")
    sizes: list[int] = []  # noqa: RUF012 - one list for all, read by `measure`

    def publish_msg(
        self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **keys: Any
    ) -> None:
        message = self.session.msg(msg_type, content={"data": data or {}, "comm_id": self.comm_id, **keys})
        frames = self.session.serialize(message, ident=b"comm")
        self.sizes.append(sum(map(len, frames)) + sum(memoryview(b).nbytes for b in buffers or []))


def measure(steps: int) -> tuple[float, float, float, float]:
    """Return median and 99th percentile of milliseconds, mean bytes of an update, and the largest message."""
    from made_run import MadeRun

    from nbtrain.widgets.panel import RunPanel

    run = MadeRun(total_steps=4_000_000, epoch_steps=5_000)
    panel = RunPanel(run)
    run.grow(steps)
    for _ in range(30):  # the page catches up
        panel.update(run)
    times, sums = [], []
    for _ in range(UPDATES):
        run.grow(STEPS_PER_UPDATE)
        CountingComm.sizes.clear()
        start = time.thread_time()
        panel.update(run)
        times.append(1e3 * (time.thread_time() - start))
        sums.append((sum(CountingComm.sizes), max(CountingComm.sizes)))
    panel.close()
    return (
        float(np.median(times)),
        float(np.quantile(times, 0.99)),
        float(np.mean(sums, 0)[0]),
        float(np.max(sums, 0)[1]),
    )


def main() -> None:
    """Print a line for each length of run."""
    comm.create_comm = CountingComm
    print(f"{'steps':>10} {'median ms':>10} {'p99 ms':>8} {'bytes/update':>13} {'largest message':>16}")
    for steps in (1_000, 1_000_000):
        median, p99, total, largest = measure(steps)
        print(f"{steps:>10,} {median:>10.2f} {p99:>8.2f} {total:>13,.0f} {largest:>16,.0f}")


if __name__ == "__main__":
    main()
