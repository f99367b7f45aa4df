"""What is needed to train two sides again: seeds, versions, data, commit. It judges nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbtrain.compare.trial import Side, Trial

_NEVER_THE_SAME = ("trained", "read from")


@dataclass(frozen=True)
class Stated:
    """One condition on both sides; "" where it is not known."""

    name: str
    baseline: str
    optimized: str

    @property
    def same(self) -> bool | None:
        """None where a side does not tell, and for what no two trainings share."""
        if self.name in _NEVER_THE_SAME or not (self.baseline and self.optimized):
            return None
        return self.baseline == self.optimized

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name, "baseline": self.baseline or None, "optimized": self.optimized or None,
            "same": self.same,
        }  # fmt: skip


def conditions(baseline: Side, optimized: Side) -> tuple[Stated, ...]:
    """Return the conditions of both sides; of several runs every value that occurs."""
    readers = {
        "seeds": lambda trial: trial.seed,
        "deterministic": lambda trial: _setting(trial, "deterministic"),
        "data": lambda trial: trial.data.get("name"),
        "data version": lambda trial: trial.data.get("version"),
        "data hash": lambda trial: trial.data.get("sha256"),
        "training samples": lambda trial: trial.data.get("train_samples"),
        "validation samples": lambda trial: trial.data.get("valid_samples"),
        "git commit": _commit,
        "python": lambda trial: trial.environment.get("python"),
        "torch": lambda trial: trial.environment.get("torch"),
        "nbtrain": lambda trial: _package(trial, "nbtrain"),
        "numpy": lambda trial: _package(trial, "numpy"),
        "CUDA": lambda trial: trial.environment.get("cuda"),
        "GPU": _gpu,
        "device": lambda trial: _setting(trial, "device"),
        "precision": lambda trial: _setting(trial, "precision"),
        "platform": lambda trial: trial.environment.get("platform"),
        "trained": lambda trial: trial.created_at,
        "read from": lambda trial: trial.place,
    }
    return tuple(
        Stated(name, _values(baseline, read), _values(optimized, read)) for name, read in readers.items()
    )


def _values(side: Side, read: Any) -> str:
    found = list(dict.fromkeys(str(value) for trial in side if (value := read(trial)) not in (None, "")))
    return ", ".join(found[:6]) + (f" and {len(found) - 6} more" if len(found) > 6 else "")


def _setting(trial: Trial, name: str) -> Any:
    return next((v for k, v in trial.config.items() if k == name or k.endswith(f".{name}")), None)


def _package(trial: Trial, name: str) -> Any:
    packages = trial.environment.get("packages")
    return packages.get(name) if isinstance(packages, Mapping) else None


def _commit(trial: Trial) -> str:
    git = trial.environment.get("git")
    if not isinstance(git, Mapping) or not git.get("commit"):
        return str(git) if isinstance(git, str) else ""
    return f"{str(git['commit'])[:12]}{' with changes not committed' if git.get('dirty') else ''}"


def _gpu(trial: Trial) -> str:
    gpu = trial.environment.get("gpu")
    return ", ".join(map(str, gpu)) if isinstance(gpu, (list, tuple)) else str(gpu or "")
