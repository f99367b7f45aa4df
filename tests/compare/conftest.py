"""Made-up histories on disk, as runs and other tools leave them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Writer = Callable[..., Path]


def rows(
    top: float = 0.8, *, epochs: int = 12, seed: int = 0, noise: float = 0.002, **more: float
) -> list[dict]:
    """Return epochs of a classification whose validation accuracy climbs to `top`."""
    rng = np.random.default_rng(seed)
    climb = 1 - np.exp(-np.arange(1, epochs + 1) / 2)
    made = []
    for at, share in enumerate(climb.tolist(), 1):
        accuracy = 0.1 + (top - 0.1) * share
        made.append({
            "epoch": at,
            "train_loss": 2.3 - 1.9 * share * top + rng.normal(0, noise),
            "val_loss": 2.3 - 1.8 * share * top + rng.normal(0, noise),
            "train_acc": accuracy + 0.05 + rng.normal(0, noise),
            "val_acc": accuracy + rng.normal(0, noise),
            "lr": 1e-3,
            "epoch_time_s": 2.0,
            "samples_per_s": 500.0,
            "gpu_util": 80.0,
            **more,
        })  # fmt: skip
    return made


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Writer:
    """Write a metrics.json below an empty working folder; what stands beside the epochs as keywords."""
    monkeypatch.chdir(tmp_path)

    def written(name: str, epochs: list[dict], **beside: Any) -> Path:
        path = tmp_path / name / "metrics.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"schema": "nbtrain.metrics/1", "epochs": epochs, **beside}))
        return path

    return written


@pytest.fixture
def seeds(write: Writer, tmp_path: Path) -> Callable[..., Path]:
    """Write a folder of `seed-*` folders, one for each top accuracy."""

    def written(name: str, tops: list[float], **beside: Any) -> Path:
        for seed, top in enumerate(tops):
            write(f"{name}/seed-{seed}", rows(top, seed=seed, noise=0.0005), **beside)
        return tmp_path / name

    return written
