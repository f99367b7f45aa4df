"""What a manifest, or the plain values beside a history, tell of a run: settings, data, cost, environment."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from nbtrain.compare.differences import flat
from nbtrain.compare.trial import Spent

_SETTINGS = ("hyperparameters", "config", "settings", "params", "hparams", "args")
_DATA_KEYS = {
    "sha256": ("sha256", "data_sha256", "dataset_sha256", "hash", "data_hash", "dataset_hash", "fingerprint"),
    "version": ("version", "dataset_version", "data_version"),
    "name": ("name", "dataset", "dataset_name", "data", "data_name", "path"),
    "train_samples": ("train_samples", "n_train", "num_train", "train_size"),
    "valid_samples": ("valid_samples", "val_samples", "n_val", "num_val", "val_size", "valid_size"),
    "classes": ("classes", "num_classes", "n_classes", "num_labels"),
}
_MEMORY = {"gib": 2.0**30, "gb": 1e9, "mib": 2.0**20, "mb": 1e6, "kib": 1024.0, "bytes": 1.0}
_ONLY_AT_TOP = (
    "name",
    "version",
    "hash",
    "fingerprint",
    "path",
)  # too plain to mean the data outside its section


def settings_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings, flat: of a manifest its hyperparameters, of a metrics file config and the like."""
    found: dict[str, Any] = {}
    for key in _SETTINGS:
        if isinstance(values.get(key), Mapping):
            found |= flat(values[key])
    return {name: _plain(value) for name, value in found.items()}


def data_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what identifies the data, under the names of a manifest's section."""
    section = values.get("dataset", values.get("data"))
    if isinstance(section, str):
        section = {"name": section}
    sections = [section if isinstance(section, Mapping) else {}]
    sections += [values[key] for key in _SETTINGS if isinstance(values.get(key), Mapping)] + [values]
    found: dict[str, Any] = {}
    for place, part in enumerate(sections):
        for key, names in _DATA_KEYS.items():
            allowed = names if place == 0 else [name for name in names if name not in _ONLY_AT_TOP]
            value = next((part[name] for name in allowed if isinstance(part.get(name), (str, int))), None)
            if value not in (None, "") and not isinstance(value, bool):
                found.setdefault(key, value)
    return found


def seed_of(values: Mapping[str, Any]) -> int | None:
    """Return the seed, at the top or among the settings."""
    places = [values, values.get("reproducibility"), *(values.get(key) for key in _SETTINGS)]
    places += [part.get("reproducibility") for part in places if isinstance(part, Mapping)]
    for part in places:
        for key in ("seed", "random_seed", "data_seed"):
            value = part.get(key) if isinstance(part, Mapping) else None
            if isinstance(value, (int, float)) and not isinstance(value, bool) and float(value).is_integer():
                return int(value)
    return None


def spent_of(values: Mapping[str, Any], table: pd.DataFrame) -> Spent:
    """Return what the run took: from its epochs, else from what a manifest says."""
    cost, results = _section(values, "cost"), _section(values, "training_results")
    times = _column(table, "epoch_time_s")
    seconds = float(times.sum()) if len(times) and np.isfinite(times).all() else None
    if seconds is None:
        seconds = _number(_section(values, "progress").get("elapsed_s"))
    if seconds is None and (hours := _number(results.get("training_time_hours"))) is not None:
        seconds = 3600 * hours
    price = _number(cost.get("price_per_hour"))
    paid = _number(cost.get("cost"))
    if paid is None and not isinstance(values.get("cost"), Mapping):
        paid = _number(values.get("cost"))
    if paid is None and price is not None and seconds is not None:
        paid = price * seconds / 3600
    return Spent(seconds, paid, str(cost.get("currency") or ""), _number(cost.get("gpu_hours")), _peak(table))


def _peak(table: pd.DataFrame) -> float | None:
    """Return the highest memory of the epochs in bytes, from columns that name their unit."""
    found = []
    for name in map(str, table.columns):
        words = name.lower().split("_")
        unit = next((_MEMORY[word] for word in words if word in _MEMORY), None)
        if unit is not None and {"mem", "memory", "vram", "rss", "reserved", "allocated", "peak"} & set(
            words
        ):
            values = _column(table, name)
            if np.isfinite(values).any():
                found.append(unit * float(np.nanmax(values)))
    return max(found) if found else None


def divergence_of(status: str, name: str, table: pd.DataFrame, broken: tuple[Any, ...]) -> str:
    """Return how a run diverged, in a sentence; "" where it did not.

    A loss that is not finite and does not become so again, or a train loss that ends above twice what it
    began with.

    Args:
        broken: losses that were not finite, each with column, value, where, epoch, step.
    """
    if status == "diverged":
        return f"the status of {name} is diverged."
    loss = _column(table, "train_loss")
    for one in broken:
        if one.epoch is None and (not len(loss) or not np.isfinite(loss[-1])):
            return f"{one.column} of {name} is {_word(one.value)} from {one.where} on."
        if one.epoch is not None and _stays(one, table, broken):
            return f"{one.column} of {name} is {_word(one.value)} from {one.where} on."
    seen = loss[np.isfinite(loss)]
    if len(seen) >= 3 and seen[0] > 0 and min(seen[-2:]) > 2 * seen[0]:
        return f"the train loss of {name} rose from {seen[0]:.4g} to {seen[-1]:.4g}."
    return ""


def _stays(one: Any, table: pd.DataFrame, broken: tuple[Any, ...]) -> bool:
    """Say whether a loss has no finite value from an epoch on."""
    if not one.column.endswith("loss"):
        return False
    later = table["epoch"].to_numpy(float) >= one.epoch
    held = np.isfinite(_column(table, one.column)[later]).any()
    return not held and any(
        other.column == one.column and other.epoch == float(table["epoch"].iloc[-1]) for other in broken
    )


def _word(value: float) -> str:
    return "NaN" if math.isnan(value) else "infinite"


def _section(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = values.get(name)
    return found if isinstance(found, Mapping) else {}


def _column(table: pd.DataFrame, name: str) -> np.ndarray:
    if name not in table:
        return np.full(len(table), np.nan)
    return pd.to_numeric(table[name], errors="coerce").to_numpy(float)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
