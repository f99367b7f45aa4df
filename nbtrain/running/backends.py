"""Which logging backends a run uses: the person says it, nothing is assumed."""

from __future__ import annotations

import difflib
from typing import Any

from nbtrain.errors import UsageError
from nbtrain.extras import refuse_missing

BACKENDS = ("json", "csv", "tensorboard", "wandb", "mlflow")
PACKAGES = {  # backend, which is also its package's name -> what the package is needed for
    "tensorboard": "to write TensorBoard logs",
    "wandb": "to log to Weights & Biases",
    "mlflow": "to log to MLflow",
}
LOGGING_QUESTION = "I need logging configured before training. Which backend would you like to use?"


def backends(value: Any) -> tuple[str, ...]:
    """Return the backends of `"json,tensorboard"` or of a list.

    Raises:
        UsageError: one is unknown; names the nearest.
    """
    words = value.split(",") if isinstance(value, str) else value
    words = tuple(word.strip() for word in map(str, words) if word.strip())
    for word in words:
        if word not in BACKENDS:
            close = difflib.get_close_matches(str(word), BACKENDS, n=1)
            hint = f"Did you mean `{close[0]}`?" if close else f"Allowed are {', '.join(BACKENDS)}."
            raise UsageError(f"`{word}` is not a logging backend.", suggestion=hint)
    return words


def refuse_without(chosen: tuple[str, ...]) -> None:
    """Ask for a backend where none was chosen, and for the package of one that needs its own.

    Raises:
        UsageError: none was. MissingExtra: its package is not installed.
    """
    if not chosen:
        raise UsageError(
            LOGGING_QUESTION,
            suggestion="Add --log json (metrics.json and CSV files in the run folder), --log tensorboard, "
            "--log wandb or --log mlflow; several with commas. "
            'Once for the notebook: %config NBTrain.log = "json"',
        )
    for word in chosen:
        if word in PACKAGES:
            refuse_missing(word, why=PACKAGES[word])
