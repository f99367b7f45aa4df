"""How long a history of 200,000 epochs takes to be read and diagnosed.

The promise is under a second for the diagnosis of a history that is there; reading its 40 MB of JSON is
beside it. Times are the least of several, since other work on the machine only adds.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nbtrain.diagnose.diagnosis import diagnose_history
from nbtrain.diagnose.reader import read_history

EPOCHS = 200_000
TRIES = 3


def write(path: Path) -> None:
    """Write a noisy, healthy history with every column of the schema."""
    random = np.random.default_rng(0)
    at = np.arange(EPOCHS)
    fall = np.exp(-at / 30_000)
    columns = {
        "step": 45 * (at + 1),
        "train_loss": (0.05 + 2.2 * fall) * np.exp(random.normal(0, 0.02, EPOCHS)),
        "val_loss": (0.1 + 2.1 * fall) * np.exp(random.normal(0, 0.02, EPOCHS)),
        "train_acc": 0.98 - 0.85 * fall,
        "val_acc": 0.95 - 0.8 * fall,
        "lr": 1e-3 * np.cos(at / EPOCHS * 1.5),
        "grad_norm": 2 * np.exp(random.normal(0, 0.3, EPOCHS)),
        "gpu_util": random.normal(85, 4, EPOCHS),
        "samples_per_s": random.normal(5000, 50, EPOCHS),
        "epoch_time_s": random.normal(1.2, 0.05, EPOCHS),
    }
    values = {name: column.tolist() for name, column in columns.items()}
    rows = [{"epoch": n + 1, **{name: column[n] for name, column in values.items()}} for n in range(EPOCHS)]
    path.write_text(json.dumps({"epochs": rows}))


def least(work: Callable[[], Any]) -> tuple[float, Any]:
    times, found = [], None
    for _ in range(TRIES):
        began = time.perf_counter()
        found = work()
        times.append(time.perf_counter() - began)
    return min(times), found


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "metrics.json"
        write(path)
        json_s, _ = least(lambda: json.loads(path.read_bytes()))
        read_s, history = least(lambda: read_history(path))
    judge_s, found = least(lambda: diagnose_history(history))
    report_s, _ = least(lambda: found.__class__(found.facts, found.found).to_dict())
    print(
        f"{EPOCHS:,} epochs: json.loads {json_s:.2f} s, read and checked {read_s:.2f} s "
        f"({read_s / json_s:.1f}x)"
    )
    print(f"diagnosed in {judge_s:.2f} s, its report in {report_s:.2f} s; primary: {found.primary}")


if __name__ == "__main__":
    main()
