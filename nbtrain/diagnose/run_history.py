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
    broken = getattr(run, "broken_validations", frozenset())
    return history_of_rows(
        _rows(run.epochs, broken), name=run.id, source="the run in this kernel", steps=steps, hints=hints
    )


def epochs_of_run(run: Any) -> pd.DataFrame:
    """Return the table of epochs, a validation loss that is not finite as infinite: in a table a NaN may also
    be one that was not measured.
    """
    epochs, broken = run.epochs, getattr(run, "broken_validations", frozenset())
    if not broken or "step" not in epochs:
        return epochs
    return epochs.assign(val_loss=epochs["val_loss"].mask(epochs["step"].isin(broken), math.inf))


def _configuration(run: Any) -> str:
    """Return the path of the configuration in the run's folder; "" where it was made of objects."""
    if run.dir is None or run.manifest is None or "configuration" not in (run.manifest.hyperparameters or {}):
        return ""
    return str(run.dir / CONFIG_FILE)


def _optimizer_name(run: Any) -> str:
    return (getattr(getattr(run, "objects", None), "names", None) or {}).get("optimizer") or ""


def _rows(epochs: pd.DataFrame, broken: frozenset[int] = frozenset()) -> list[dict[str, Any]]:
    """Return a table's rows with None where nothing was measured.

    In a table absent and NaN look alike. A train loss that is NaN after one that was a number is not finite,
    a validation loss where the run says so; every other NaN is absent.

    Args:
        broken: steps of validations whose loss is not finite.
    """
    rows = epochs.to_dict("records")
    kept = [("val_loss",) if row.get("step") in broken else () for row in rows]
    if "train_loss" not in epochs:
        return [_without_nan(row, names) for row, names in zip(rows, kept, strict=True)]
    seen = np.isfinite(pd.to_numeric(epochs["train_loss"], errors="coerce").to_numpy(float))
    first = int(seen.argmax()) if seen.any() else len(seen)
    return [
        _without_nan(row, (*names, "train_loss") if at > first else names)
        for at, (row, names) in enumerate(zip(rows, kept, strict=True))
    ]


def _without_nan(row: dict[str, Any], kept: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        key: None if isinstance(value, float) and math.isnan(value) and key not in kept else value
        for key, value in row.items()
    }
