"""The modes: what each sets where a configuration says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SEED = 42
_IN_EVERY_MODE = {"seed": SEED, "deterministic": True, "on_nan": "recover", "early_stopping": True}
MODES: Mapping[str, Mapping[str, Any]] = {
    # conservative, and without regularisation: what the data and the model do by themselves
    "baseline": {
        **_IN_EVERY_MODE, "epochs": 20, "patience": 10, "learning_rate": 1e-3, "weight_decay": 0.0,
        "dropout": 0.0,
    },
    "optimization": {**_IN_EVERY_MODE, "epochs": 50, "patience": 7, "learning_rate": 1e-3},
    "production": {**_IN_EVERY_MODE, "epochs": 100, "patience": 10, "learning_rate": 1e-3},
}  # fmt: skip


def supplied(mode: str | None) -> frozenset[str]:
    """Return the settings a mode gives, which a configuration may therefore leave out. The seed stays
    asked for.
    """
    return frozenset(MODES.get(mode or "", {})) - {"seed"}
