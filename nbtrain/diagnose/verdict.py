"""The verdict on a run, live or stored: that on its curves, with what else is known of the run."""

from __future__ import annotations

from typing import Any

from nbtrain.diagnose.advice import circumstances
from nbtrain.diagnose.best import find_best
from nbtrain.diagnose.outcome import Outcome, outcome
from nbtrain.diagnose.rivals import rivals, without_verdict
from nbtrain.diagnose.run_history import epochs_of_run


def verdict_on(run: Any) -> Outcome:
    """Judge a run by its epochs and steps.

    Optimizers that follow losses of their own are no ground for a verdict; validation losses are.
    """
    manifest = run.manifest  # None before the start
    samples = manifest.dataset.get("valid_samples") if manifest is not None else None
    epochs, history = epochs_of_run(run), run.history
    verdict = outcome(
        epochs, history, status=str(run.status), val_samples=samples if isinstance(samples, int) else None,
        best=find_best(run), known=circumstances(run),
    )  # fmt: skip
    validated = "val_loss" in epochs and epochs["val_loss"].notna().any()
    names = () if validated else rivals(history)
    return without_verdict(verdict, names) if names else verdict
