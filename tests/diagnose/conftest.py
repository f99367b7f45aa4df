"""Made-up and real training curves, and runs that have nothing but the surface every reader may use."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from nbtrain.findings import Finding
from nbtrain.runs.manifest import Manifest
from nbtrain.runs.status import Progress, RunStatus


def table(**columns: object) -> pd.DataFrame:
    """Return an epochs table, numbered from 1."""
    frame = pd.DataFrame(columns)
    frame.insert(0, "epoch", np.arange(1, len(frame) + 1))
    return frame


def steps(losses: np.ndarray, **columns: object) -> pd.DataFrame:
    """Return a history by step, from 1."""
    index = pd.Index(np.arange(1, len(losses) + 1), name="step")
    return pd.DataFrame({"train_loss": losses, **columns}, index=index)


NO_STEPS = pd.DataFrame({"train_loss": []})


def falling(
    epochs: int, floor: float = 0.1, drop: float = 2.0, noise: float = 0.0, seed: int = 0
) -> np.ndarray:
    """Return a loss that falls exponentially to `floor` with relative noise, (epochs,)."""
    at = np.arange(epochs)
    wobble = np.exp(np.random.default_rng(seed).normal(0, noise, epochs))
    return (floor + drop * np.exp(-at / (epochs / 5))) * wobble


def rising_accuracy(epochs: int, top: float, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """Return an accuracy that climbs to `top`, (epochs,)."""
    at = np.arange(epochs)
    wobble = np.random.default_rng(seed).normal(0, noise, epochs)
    return np.clip(top * (1 - 0.8 * np.exp(-at / (epochs / 6))) + wobble, 0, 1)


@dataclass
class RecordedRun:
    """A run as it is read: values only."""

    epochs: pd.DataFrame
    history: pd.DataFrame
    status: RunStatus = RunStatus.COMPLETED
    name: str = "digits"
    id: str = "digits-20250101-120000-0a1b"
    dir: Path | None = None
    progress: Progress = field(
        default_factory=lambda: Progress(900, 900, 20, 20, 45, "done", 42.0, None, 5120.0, 21.0)
    )
    latest: dict[str, float] = field(default_factory=dict)
    alerts: list[Finding] = field(default_factory=list)
    error: str | None = None
    stop_reason: str = ""
    manifest: Manifest | None = None
