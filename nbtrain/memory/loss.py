"""The loss of a set-up that names none: the model's own, or one that fits the output and the target."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nbtrain.train.batch import Task, logits_of, make_task, own_loss


def task_of(model: nn.Module, criterion: Any, batch: Any) -> Task:
    """Return how a batch becomes a loss; without a criterion the model is called to see what it gives."""
    if criterion is not None:
        return make_task(model, criterion, batch)
    own = make_task(model, None, batch)
    inputs, keywords, _ = own.splits(batch)
    with torch.no_grad():
        try:
            gives_loss = own_loss(model(*inputs, **keywords)) is not None
        except Exception:  # it does not take the target: then its loss is made outside
            gives_loss = False
    return own if gives_loss else make_task(model, usual_loss, batch)


def usual_loss(output: Any, target: Any) -> Tensor:
    """Return the loss that is usual for such a target.

    Cross-entropy for classes (`target: (batch, ...)` integers; logits with the classes second or last), mean
    squared error for numbers of the output's shape, else the mean square of the output, which holds about as
    much.
    """
    logits = logits_of(output)
    if logits is None:
        logits = output
    if isinstance(target, Tensor) and not target.is_floating_point():
        if logits.dim() == target.dim() + 1 and logits.shape[2:] == target.shape[1:]:
            return F.cross_entropy(logits, target)
        if logits.shape[:-1] == target.shape:
            return F.cross_entropy(logits.flatten(0, -2), target.flatten())
    if isinstance(target, Tensor) and target.is_floating_point() and target.shape == logits.shape:
        return F.mse_loss(logits, target)
    return logits.float().square().mean()
