"""One validation batch through model, loss and metrics before a run starts; what fails there is said in the
plan.

Without it a metric that does not fit would end the run after its whole first epoch. Nothing is refused here:
one batch may fail where others do not, and the person decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import torch

from nbtrain.errors import UserError
from nbtrain.notebook.sample import preserved_rng, sample_batch
from nbtrain.train.batch import Task, describe, logits_of, to_device
from nbtrain.train.modes import evaluating
from nbtrain.train.precision import Precision
from nbtrain.train.rehearsal import in_one_line
from nbtrain.train.untouched import untouched


def rehearse_validation(
    model: torch.nn.Module, loader: Any, task: Task, *, metrics: Mapping[str, Callable[..., Any]],
    precision: Precision, device: torch.device,
) -> tuple[str, ...]:  # fmt: skip
    """Return what would end the run at its first validation, in sentences; nothing when all goes well.

    Args:
        loader: validation data. task: how batches become losses, from the training rehearsal.
        metrics: name -> function(output, target).
    """
    context = precision.autocast if precision.dtype is not None else nullcontext
    with torch.no_grad(), preserved_rng(), untouched(model), evaluating(model):
        try:
            batch = to_device(sample_batch(loader), device)
            with context():
                loss, output, target = task.loss(model, batch)
        except UserError:  # it can be read only once, or is empty: the run sees it
            return ()
        except Exception as error:
            return (f"The first validation would fail: {in_one_line(error)}.",)
        if not isinstance(loss, torch.Tensor):
            return (f"The validation loss is {describe(loss)}; the first validation would fail.",)
        return tuple(_tried(metrics, output, target))


def _tried(metrics: Mapping[str, Callable[..., Any]], output: Any, target: Any) -> list[str]:
    said = []
    prediction = logits_of(output)
    shown = output if prediction is None else prediction
    for name, metric in metrics.items():
        try:
            float(metric(shown, target))
        except Exception as error:
            said.append(
                f"The metric `{name}` fails on a validation batch (output {describe(shown)}, "
                f"target {describe(target)}: {in_one_line(error)}); the first validation would end the run."
            )
    return said
