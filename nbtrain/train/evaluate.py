"""Validation: eval mode, no gradients, sums kept on the device and read once at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from nbtrain.train.accuracy import Hits, Tally
from nbtrain.train.batch import batch_size, logits_of, to_device
from nbtrain.train.modes import evaluating
from nbtrain.train.precision import Precision


@torch.no_grad()
def evaluate(
    model: torch.nn.Module, loader: Iterable[Any], *, task: Any, precision: Precision, device: torch.device,
    measures: tuple[Hits | None, Mapping[str, Callable[..., Any]]], wanted: Callable[[], bool],
) -> dict[str, float] | None:  # fmt: skip
    """Return the validation loss and metrics, averaged over the samples.

    Args:
        model, loader: what is judged, on what. task: how a batch becomes a loss.
        measures: (judge for accuracy or None, metrics by name).
        wanted: asked before each batch; False ends the evaluation.

    Returns:
        `val_loss`, `val_acc` where it applies, and each metric as `val_<name>`; None when the evaluation was
        broken off or the loader gave nothing.
    """
    hits, metrics = measures
    tally = Tally(hits) if hits is not None else None
    loss_sum: Tensor | float = 0.0
    sums: dict[str, Any] = dict.fromkeys(metrics, 0.0)
    samples = 0
    context = precision.autocast if precision.dtype is not None else nullcontext
    with evaluating(model):
        for batch in loader:
            if not wanted():
                return None
            batch = to_device(batch, device)
            with context():
                loss, output, target = task.loss(model, batch)
            n = batch_size(batch)
            samples += n
            loss_sum = loss_sum + loss.detach().float() * n
            if tally is not None:
                tally.add(output, target)
            for name, metric in metrics.items():
                prediction = logits_of(output)
                sums[name] = sums[name] + metric(output if prediction is None else prediction, target) * n
    if not samples:
        return None
    values = {"val_loss": float(loss_sum) / samples}  # device sync: once an evaluation
    if tally is not None and (accuracy := tally.take()) == accuracy:
        values["val_acc"] = accuracy
    for name, total in sums.items():
        values[f"val_{name}"] = float(total) / samples
    return values
