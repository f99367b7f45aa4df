"""The history of a run of nbtrain, live or from disk."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from nbtrain.diagnose.advice import circumstances
from nbtrain.diagnose.history import History, hints_of_manifest, history_of_rows
from nbtrain.runs.layout import CONFIG_FILE, EPOCHS_FILE
from nbtrain.runs.metrics import read_metrics
from nbtrain.runs.stored import StoredRun


def history_of_run(run: Any) -> History:
    """Return what a run has measured so far.

    Raises:
        InvalidMetrics: a stored run's metrics.json is damaged.
    """
    hints = hints_of_manifest(run.manifest, status=str(run.status), bad_data=circumstances(run).bad_data)
    hints = replace(hints, configuration=_configuration(run), optimizer_name=_optimizer_name(run))
    steps = run.history
    if isinstance(run, StoredRun):
        path = run.dir / EPOCHS_FILE
        rows: list[dict[str, Any]] = list(read_metrics(path).epochs) if path.exists() else []
        return history_of_rows(rows, name=run.id, source="the run's folder", steps=steps, hints=hints)
    return history_of_rows(
        _rows(run.epochs), name=run.id, source="the run in this kernel", steps=steps, hints=hints
    )


def _configuration(run: Any) -> str:
    """Return the path of the configuration in the run's folder; "" where it was made of objects."""
    if run.dir is None or run.manifest is None or "configuration" not in (run.manifest.hyperparameters or {}):
        return ""
    return str(run.dir / CONFIG_FILE)


def _optimizer_name(run: Any) -> str:
    return (getattr(getattr(run, "objects", None), "names", None) or {}).get("optimizer") or ""


def _rows(epochs: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table's rows with None where nothing was measured.

    In a table absent and NaN look alike. A train loss that is NaN after one that was a number is not finite;
    every other NaN is absent.
    """
    rows = epochs.to_dict("records")
    if "train_loss" not in epochs:
        return [_without_nan(row) for row in rows]
    seen = np.isfinite(pd.to_numeric(epochs["train_loss"], errors="coerce").to_numpy(float))
    first = int(seen.argmax()) if seen.any() else len(seen)
    return [_without_nan(row, kept=("train_loss",) if at > first else ()) for at, row in enumerate(rows)]


def _without_nan(row: dict[str, Any], kept: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        key: None if isinstance(value, float) and math.isnan(value) and key not in kept else value
        for key, value in row.items()
    }
