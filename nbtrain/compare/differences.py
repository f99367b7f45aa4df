"""Which settings two sides do not share. It knows no metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbtrain.compare.trial import Side

_LEFT_OUT = {
    "name", "run_id", "id", "schema", "logging", "seed", "reproducibility.seed", "reproducibility.data_seed",
    "model.variable", "data.train", "data.val", "output_dir", "dir",
}  # fmt: skip
_LEFT_OUT_PARTS = ("options.", "logging.", "data.train_samples", "data.val_samples")
ABSENT = "–"


@dataclass(frozen=True)
class Changed:
    """A setting that differs. `baseline`, `optimized`: its values; `absent`: the side without it."""

    field: str
    baseline: Any
    optimized: Any
    absent: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {"field": self.field, "baseline": self.baseline, "optimized": self.optimized}


def flat(settings: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Return nested settings flat: {"optimizer": {"lr": 1}} -> {"optimizer.lr": 1}."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping) and value:
            found |= flat(value, f"{name}.")
        else:
            found[name] = value
    return found


def differences(baseline: Side, optimized: Side) -> tuple[Changed, ...]:
    """Return the settings whose values differ; of several runs a side, those they share."""
    a, b = _settings(baseline), _settings(optimized)
    if not a or not b:
        return ()
    found = []
    for name in dict.fromkeys([*a, *b]):
        if name in _LEFT_OUT or name.startswith(_LEFT_OUT_PARTS):
            continue
        old, new = a.get(name), b.get(name)
        if name in a and name in b and _same(old, new):
            continue
        if (old is None and name not in b) or (new is None and name not in a):
            continue
        absent = "baseline" if name not in a else "optimized" if name not in b else ""
        found.append(Changed(name, old, new, absent))
    return tuple(found)


def unlike_within(side: Side) -> tuple[str, ...]:
    """Return the settings in which the runs of one side differ, besides the seed."""
    known = [trial.config for trial in side if trial.config]
    if len(known) < 2:
        return ()
    names = dict.fromkeys(name for config in known for name in config)
    return tuple(
        name
        for name in names
        if name not in _LEFT_OUT
        and not name.startswith(_LEFT_OUT_PARTS)
        and not all(_same(known[0].get(name), config.get(name)) for config in known[1:])
    )


def _settings(side: Side) -> dict[str, Any]:
    varying = set(unlike_within(side))
    known = next((trial.config for trial in side if trial.config), {})
    return {name: value for name, value in known.items() if name not in varying}


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return one == other or (one != one and other != other)
    return bool(one == other)
