"""How far a run came that has not said so: the process that trained it is gone, or still at work elsewhere.

A manifest is written when a run begins, pauses or ends, so that of such a run it tells the beginning. What
the run wrote since tells the rest: its last step, its finished epochs, and when it wrote them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbtrain.errors import InvalidMetrics
from nbtrain.runs.journal import read_last_row
from nbtrain.runs.layout import EPOCHS_FILE, STEPS_FILE
from nbtrain.runs.manifest import MANIFEST_FILE, Manifest
from nbtrain.runs.metrics import read_metrics
from nbtrain.runs.plain import from_json_number
from nbtrain.runs.status import RunStatus


def has_told_its_end(manifest: Manifest) -> bool:
    """Say whether the manifest was written at the run's end, so that its numbers are those of the end."""
    return manifest.status.over and manifest.status is not RunStatus.INTERRUPTED


def standing(folder: Path, manifest: Manifest) -> dict[str, Any]:
    """Return the manifest's `progress` with `step` and `elapsed_s` as far as the run has written.

    Times are those of finished epochs (`epoch_time_s`) and, for what came after them, of the files.
    """
    known = {key: from_json_number(value) for key, value in manifest.progress.items() if value is not None}
    if has_told_its_end(manifest):
        return known
    row = read_last_row(folder / STEPS_FILE, _is_step)
    step = int(row["step"]) if row else 0
    return known | {
        "step": max(int(known.get("step", 0)), step),
        "elapsed_s": max(float(known.get("elapsed_s", 0.0)), _elapsed_s(folder, known)),
    }


def results_so_far(folder: Path, manifest: Manifest) -> dict[str, Any]:
    """Return what the manifest's `training_results` would say now, by what the run has written."""
    stands, epochs = standing(folder, manifest), _finished_epochs(folder)
    judged = [row for row in epochs if isinstance(row.get("val_loss"), (int, float))]
    best = min(judged, key=lambda row: row["val_loss"], default={})
    last = epochs[-1] if epochs else {}
    return {
        "total_steps": stands["step"],
        "total_epochs": len(epochs),
        "training_time_hours": stands["elapsed_s"] / 3600,
        "final_train_loss": last.get("train_loss"),
        "final_val_loss": last.get("val_loss"),
        "best_val_loss": best.get("val_loss"),
        "best_epoch": best.get("epoch"),
    }


def _finished_epochs(folder: Path) -> list[dict[str, Any]]:
    path = folder / EPOCHS_FILE
    try:
        return list(read_metrics(path).epochs) if path.exists() else []
    except InvalidMetrics:
        return []


def _elapsed_s(folder: Path, known: dict[str, Any]) -> float:
    epochs = [row.get("epoch_time_s") for row in _finished_epochs(folder)]
    spent = sum(value for value in epochs if isinstance(value, (int, float)) and value == value)
    since = EPOCHS_FILE if epochs else MANIFEST_FILE
    before = spent if epochs else float(known.get("elapsed_s", 0.0))
    return before + max(_written_at(folder / STEPS_FILE) - _written_at(folder / since), 0.0)


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _is_step(row: dict[str, Any]) -> bool:
    return "kind" not in row and isinstance(row.get("step"), (int, float))
