"""Whether two sides can be compared at all, and on which metric. It measures no improvement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbtrain.compare.directions import direction_of
from nbtrain.compare.trial import Side

_IDENTITY = ("sha256", "version", "name", "train_samples", "valid_samples", "classes")
_SAID = {
    "sha256": "the data's hash", "version": "the data's version", "name": "the data",
    "train_samples": "the number of training samples", "valid_samples": "the number of validation samples",
    "classes": "the number of classes",
}  # fmt: skip
_LOSS_KEYS = ("loss", "criterion", "loss_fn", "loss_function")


@dataclass(frozen=True)
class Sameness:
    """What is the same. `seed`, `data`: None where it is not known; `..._said`: the same in a sentence."""

    seed: bool | None
    data: bool | None
    seed_said: str
    data_said: str
    doubts: tuple[str, ...] = ()


def headline_of(sides: tuple[Side, ...], wanted: str | None, declared: Mapping[str, str]) -> str | None:
    """Return the metric a verdict is passed on: val_acc where all have it, else val_loss, else another
    validation metric that all have and whose direction is known; None where there is none.
    """
    if wanted is not None:
        return wanted if all(side.has(wanted) for side in sides) else None
    shared = [name for name in sides[0].metrics() if all(side.has(name) for side in sides)] if sides else []
    others = [name for name in shared if name.startswith("val_") and direction_of(name, declared)]
    return next((name for name in ("val_acc", "val_loss", *others) if name in shared), None)


def obstacles(baseline: Side, optimized: Side, headline: str | None, wanted: str | None) -> list[str]:
    """Return why the two cannot be compared, in sentences; empty where they can."""
    found: list[str] = []
    for side in (baseline, optimized):
        if not len(side):
            found.append(f"{side.name} is empty: no run was read.")
        for trial in side:
            if trial.empty:
                found.append(f"{side.name} is empty: {trial.name} has no epoch with a number.")
            elif trial.diverged:
                found.append(f"{side.name} diverged: {trial.diverged}")
    if any("is empty" in reason for reason in found):
        return found
    found += _other_data(baseline, optimized)
    if headline is None:
        found.append(_no_metric(baseline, optimized, wanted))
    elif headline.endswith("loss"):
        found += _other_loss(baseline, optimized, headline)
    return found


def _no_metric(baseline: Side, optimized: Side, wanted: str | None) -> str:
    def has(side: Side) -> str:
        valid = [name for name in side.metrics() if not name.startswith("train_")]
        return f"{side.name} has {', '.join(valid) or 'no validation metric'}"

    asked = f"not both have the metric {wanted}" if wanted else "they share no validation metric"
    return f"Other metrics: {asked} ({has(baseline)}; {has(optimized)})."


def _other_data(baseline: Side, optimized: Side) -> list[str]:
    different = []
    hashes = [_values(side, "sha256") for side in (baseline, optimized)]
    if all(hashes) and hashes[0] == hashes[1]:
        return []
    for key in _IDENTITY:
        a, b = _values(baseline, key), _values(optimized, key)
        if key in ("name", "sha256") and (_by_variable(baseline) or _by_variable(optimized)):
            continue  # train_loader and loader_64 may hold the same data, or the same scaled otherwise
        if a and b and a != b:
            different.append(
                f"{_SAID[key]} is {_listed(a)} in {baseline.name} and {_listed(b)} in {optimized.name}"
            )
    return [f"Other data: {'; '.join(different)}."] if different else []


def _other_loss(baseline: Side, optimized: Side, headline: str) -> list[str]:
    a, b = _losses(baseline), _losses(optimized)
    if a and b and a != b:
        return [
            f"Other metric: {headline} is {_listed(a)} in {baseline.name}, {_listed(b)} in {optimized.name}."
        ]
    return []


def losses_differ(baseline: Side, optimized: Side) -> bool:
    """Say whether the two are known to have been trained with other losses, whose numbers differ in kind."""
    a, b = _losses(baseline), _losses(optimized)
    return bool(a and b and a != b)


def sameness(baseline: Side, optimized: Side) -> Sameness:
    """Return whether seeds and data are the same, and what makes that doubtful."""
    seed, seed_said = _same_seed(baseline, optimized)
    doubts = []
    different = _other_data(baseline, optimized)
    known = [key for key in _IDENTITY if _values(baseline, key) and _values(optimized, key)]
    surest = [key for key in known if key == "sha256"]
    if different:
        return Sameness(seed, False, seed_said, different[0])
    if surest and _values(baseline, "sha256") != _values(optimized, "sha256"):
        doubts.append("The data's hashes differ: other samples, another order, or values prepared otherwise.")
        known.remove("sha256")
    elif surest:
        return Sameness(seed, True, seed_said, "Same data: its hash is the same.")
    names = [_values(side, "name") for side in (baseline, optimized)]
    by_variable = _by_variable(baseline) or _by_variable(optimized)
    if all(names) and names[0] != names[1] and by_variable:
        doubts.append(f"The data came from other variables: {_listed(names[0])} and {_listed(names[1])}.")
    if not known:
        return Sameness(seed, None, seed_said, "It is not known whether the data is the same.", tuple(doubts))
    what = ", ".join(_SAID[key] for key in known if not (key == "name" and names[0] != names[1]))
    hashes = "its hashes differ" if surest else "no hash of it is known on both sides"
    said = f"The data looks the same ({what}); {hashes}."
    return Sameness(seed, True if what and not doubts else None, seed_said, said, tuple(doubts))


def _same_seed(baseline: Side, optimized: Side) -> tuple[bool | None, str]:
    a, b = baseline.seeds, optimized.seeds
    if not a or not b:
        missing = [side.name for side in (baseline, optimized) if not side.seeds]
        return None, f"No seed is known of {' and '.join(missing)}."
    if a == b:
        return True, f"Same seed{'s' if len(a) > 1 else ''}: {_listed(a)}."
    return False, f"Other seeds: {_listed(a)} in {baseline.name}, {_listed(b)} in {optimized.name}."


def _values(side: Side, key: str) -> tuple[Any, ...]:
    found = {str(trial.data[key]): trial.data[key] for trial in side if trial.data.get(key) not in (None, "")}
    return tuple(found[name] for name in sorted(found))


def _by_variable(side: Side) -> bool:
    return any(trial.data_named_by == "variable" for trial in side)


def _losses(side: Side) -> tuple[str, ...]:
    found = set()
    for trial in side:
        for key in _LOSS_KEYS:
            value = next((v for k, v in trial.config.items() if k == key or k.endswith(f".{key}")), None)
            if isinstance(value, str) and value:
                found.add(value)
                break
    return tuple(sorted(found))


def _listed(values: tuple[Any, ...]) -> str:
    words = [str(value) if len(str(value)) <= 40 else f"{str(value)[:16]}..." for value in values]
    return ", ".join(words[:6]) + (f" and {len(words) - 6} more" if len(words) > 6 else "")
