"""One validation batch through model, loss and metrics before a run starts; what fails there is said in the
plan.

Without it a metric that does not fit would end the run after its whole first epoch. Nothing is refused here:
one batch may fail where others do not, and the person decides.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch

from nbtrain.errors import UserError
from nbtrain.notebook.sample import preserved_rng, sample_batch
from nbtrain.train.batch import Task, describe, logits_of, to_device
from nbtrain.train.modes import evaluating
from nbtrain.train.precision import Precision
from nbtrain.train.rehearsal import SIZES_DIFFER, in_one_line
from nbtrain.train.untouched import untouched

TIMING_SECONDS = 0.1
MOST_TIMINGS = 6


@dataclass(frozen=True)
class ValidationRehearsal:
    """What one validation batch showed.

    Attributes:
        said: what would end the run at its first validation, in sentences; empty when all goes well.
        times_s: of a forward with loss and metrics, warmed up, a few times; empty when not measured.
    """

    said: tuple[str, ...] = ()
    times_s: tuple[float, ...] = ()


def rehearse_validation(
    model: torch.nn.Module, loader: Any, task: Task, *, metrics: Mapping[str, Callable[..., Any]],
    precision: Precision, device: torch.device,
) -> ValidationRehearsal:  # fmt: skip
    """Try one validation batch.

    Args:
        loader: validation data. task: how batches become losses, from the training rehearsal.
        metrics: name -> function(output, target).
    """
    context = precision.autocast if precision.dtype is not None else nullcontext
    with (
        torch.no_grad(), preserved_rng(), untouched(model), evaluating(model), warnings.catch_warnings(),
    ):  # fmt: skip
        warnings.filterwarnings("ignore", message=SIZES_DIFFER)  # the plan says it of the training data
        try:
            batch = to_device(sample_batch(loader), device)
            with context():
                loss, output, target = task.loss(model, batch)
        except UserError:  # it can be read only once, or is empty: the run sees it
            return ValidationRehearsal()
        except Exception as error:
            return ValidationRehearsal((f"The first validation would fail: {in_one_line(error)}.",))
        if not isinstance(loss, torch.Tensor):
            said = f"The validation loss is {describe(loss)}; the first validation would fail."
            return ValidationRehearsal((said,))
        if said := _tried(metrics, output, target):
            return ValidationRehearsal(tuple(said))

        def once() -> None:
            with context():
                loss, output, target = task.loss(model, batch)
            for metric in metrics.values():
                metric(output if (logits := logits_of(output)) is None else logits, target)
            if loss.device.type == "cuda":
                torch.cuda.synchronize(loss.device)  # device sync: before the run, to time a validation batch

        try:
            return ValidationRehearsal(times_s=_timed(once))
        except Exception as error:  # a model that fails now and then
            return ValidationRehearsal((f"A validation may fail: {in_one_line(error)}.",))


def _timed(once: Callable[[], None]) -> tuple[float, ...]:
    times: list[float] = []
    until = time.perf_counter() + TIMING_SECONDS
    while len(times) < MOST_TIMINGS and (not times or time.perf_counter() < until):
        began = time.perf_counter()
        once()
        times.append(time.perf_counter() - began)
    return tuple(times)


def _tried(metrics: Mapping[str, Callable[..., Any]], output: Any, target: Any) -> list[str]:
    """Return what each metric raises on a batch, in sentences."""
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
