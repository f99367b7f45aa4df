"""What a run of a million steps costs the kernel: memory of its history, and milliseconds of a pump's round.

Run: `python benchmarks/long_history.py`. Rows go through the record, the journal's lines and a panel as in a
run, in blocks as a pump takes them; nothing is trained. Goal: under 100 MB at a million steps, and a round
that takes no longer than at a thousand. Owns the measuring; where the rows go is the library's.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from pathlib import Path
from typing import Any

import comm
import numpy as np
from panel_update import CountingComm

from nbtrain.running.record import Record
from nbtrain.telemetry.recorder import Rows

BLOCK = 500  # rows of a round: two thousand steps a second, four rounds
ROUNDS = 200  # measured at each length
GOAL_MB = 100.0


class Shown:
    """A made run whose numbers are those of a real record."""

    def __init__(self, record: Record, total_steps: int) -> None:
        from made_run import MadeRun

        self._made, self._record = MadeRun(total_steps=total_steps, epoch_steps=1000), record
        self.curves, self.eval_curves = record.curves, record.eval_curves

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made, name)

    @property
    def latest(self) -> dict[str, float]:
        return self._record.latest


def resident_mb() -> float:
    """Memory of this process that is in use now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def rows_from(step: int, draw: np.random.Generator) -> Rows:
    """A block of a healthy run."""
    steps = np.arange(step + 1, step + BLOCK + 1)
    loss = (0.1 + 2 / np.sqrt(steps)) * draw.lognormal(0, 0.3, BLOCK).astype(np.float32).astype(float)
    full = np.full(BLOCK, 32)
    skipped = np.zeros(BLOCK, bool)
    return Rows(steps, loss, draw.lognormal(0, 0.3, BLOCK), full * 1e-4, full, full / 64_000, skipped)


def one_round(record: Record, panel: Any, shown: Shown, rows: Rows) -> float:
    """Do what the pump does with a block; return its milliseconds of processor time."""
    start = time.thread_time()
    record.absorb(rows, None).step_rows().json_lines()
    panel.update(shown)
    return 1e3 * (time.thread_time() - start)


def measure(lengths: tuple[int, ...]) -> list[dict[str, float]]:
    """Grow one record to each length; return steps, MB over the empty record, and a round's milliseconds."""
    from nbtrain.widgets.panel import RunPanel

    draw, found = np.random.default_rng(0), []
    record = Record()
    shown = Shown(record, max(lengths))
    panel = RunPanel(shown)
    for warm in range(4):
        one_round(record, panel, shown, rows_from(warm * BLOCK, draw))
    record, empty = Record(), resident_mb()
    shown = Shown(record, max(lengths))
    panel, step = RunPanel(shown), 0
    for length in lengths:
        while step < length:
            one_round(record, panel, shown, rows_from(step, draw))
            step += BLOCK
        held = resident_mb() - empty
        times = [one_round(record, panel, shown, rows_from(step + n * BLOCK, draw)) for n in range(ROUNDS)]
        step += ROUNDS * BLOCK
        start = time.perf_counter()
        rows = len(record.history.frame())
        frame_ms = 1e3 * (time.perf_counter() - start)
        found.append(
            {
                "steps": length,
                "mb": held,
                "round_ms": float(np.median(times)),
                "rows": rows,
                "frame_ms": frame_ms,
            }
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    options = parser.parse_args()
    comm.create_comm = CountingComm
    found = measure((1_000, 1_000_000))
    print(f"{'steps':>10} {'MB held':>8} {'ms a round':>11} {'ms for run.history':>19}")
    for row in found:
        print(f"{row['steps']:>10,} {row['mb']:>8.1f} {row['round_ms']:>11.2f} {row['frame_ms']:>19.1f}")
    ratio = found[-1]["round_ms"] / found[0]["round_ms"]
    print(f"A million steps hold {found[-1]['mb']:.0f} MB (goal: under {GOAL_MB:.0f}); ", end="")
    print(f"a round takes {ratio:.2f} times what it takes at a thousand.")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
