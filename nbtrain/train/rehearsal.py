"""One batch through model and loss before anything starts, on the real objects, everything put back.

It finds what would fail in the first step - a loss that does not fit the output, a batch nobody can use -
while nothing exists on disk yet, and measures what the plan states: shapes, the starting loss, the time of
forward and backward. Weights are never updated; how the model is put back is in `nbtrain.train.untouched`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nbtrain.errors import UsageError
from nbtrain.notebook.sample import preserved_rng
from nbtrain.train.accuracy import Hits, find_accuracy
from nbtrain.train.batch import (
    Task,
    batch_size,
    check_loss,
    describe,
    logits_of,
    make_task,
    own_loss,
    takes_model,
    to_device,
)
from nbtrain.train.first_batch import Explain, FirstBatch, failed_here
from nbtrain.train.modes import enter_training
from nbtrain.train.out_of_memory import drop_frames, give_memory_back, is_out_of_memory
from nbtrain.train.precision import Precision
from nbtrain.train.step_time import time_steps
from nbtrain.train.target_scale import far_targets
from nbtrain.train.untouched import output_shapes, untouched

SIZES_DIFFER = "Using a target size"  # how torch's warning of pairwise losses begins
_TORCH = str(Path(torch.__file__).parent)


@dataclass(frozen=True)
class Rehearsal:
    """What one batch showed.

    Attributes:
        task: how batches become losses. criterion: the loss used; `assumed` when nbtrain chose it.
        hits: judges answers of a classification. samples: size of the batch looked at.
        times_s: of forward and backward of one micro-batch, warmed up, a few times; empty when it could not
            be measured. busy: the share of that time in which it was computing, see `step_time`.
        loss: value of the untrained (or current) loss. output, target: shapes and dtypes in words.
        output_shapes: module path -> output shape. warnings: what looks wrong but can run.
        failed: how the person's own code failed; None where all went well.
        batch: what was looked at, for the inspector; let go with the run's other objects.
    """

    task: Task
    criterion: Any = None
    assumed: str = ""
    hits: Hits | None = None
    samples: int = 1
    times_s: tuple[float, ...] = ()
    loss: float | None = None
    output: str = ""
    target: str = ""
    output_shapes: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    failed: FirstBatch | None = None
    batch: Any = field(default=None, repr=False, compare=False)
    busy: float = 1.0

    @property
    def failure(self) -> str:
        """What the person's own code raised, in one line; "" where all went well."""
        return self.failed.line if self.failed is not None else ""


def rehearse(
    model: nn.Module, criterion: Any, batch: Any, *, name: str, precision: Precision, device: torch.device,
    explain: Explain | None = None,
) -> Rehearsal:  # fmt: skip
    """Try one batch.

    Args:
        model, criterion: the objects; criterion None means the model's own loss, or one that fits the target.
        batch: a batch as the loader gives it. name: what the loss is called in messages.
        explain: an exception of the person's code -> what is known of it.

    Raises:
        UsageError: no tensors in the batch, no loss to be had, or a loss that does not fit; names both
            shapes.
    """
    if not _has_tensor(batch):
        raise UsageError(
            f"The training loader gives {describe(batch)}, in which there is no tensor.",
            suggestion="Let the data set return tensors, e.g. (image, label), or give the loader a "
            "collate_fn that does.",
        )
    if batch_size(batch) == 0:
        raise UsageError(
            f"The first batch of the training loader has no samples: {describe(batch)}.",
            suggestion="Check the data set and the collate_fn: what do they give for the first samples?",
        )
    with (
        torch.enable_grad(), preserved_rng(), untouched(model), output_shapes(model) as shapes,
        warnings.catch_warnings(),
    ):  # fmt: skip
        warnings.filterwarnings("ignore", message=SIZES_DIFFER)  # said in our own words, with both shapes
        tried = None
        try:
            batch = to_device(batch, device)
            tried = _try(model, criterion, batch, name=name, precision=precision, shapes=shapes)
            timed = time_steps(model, tried.task, batch, _context(precision))
            return replace(tried, times_s=timed.times_s, busy=timed.busy)
        except UsageError:
            raise
        except Exception as error:  # the person's own model or loss
            if is_out_of_memory(error):
                drop_frames(error)
                failed = FirstBatch(in_one_line(error), does_not_fit=True)
            else:
                failed = replace(failed_here(error, explain), certain=tried is None)
        if failed.does_not_fit:
            give_memory_back()
        if tried is not None:  # it went well once
            return replace(tried, failed=failed)
        task = make_task(model, criterion, batch)
        return Rehearsal(task, criterion, samples=batch_size(batch), failed=failed)


def unrehearsed(model: nn.Module, criterion: Any, *, failed: FirstBatch | None = None) -> Rehearsal:
    """Return what can be said without a batch; the first of the run will show what it is made of.

    Args:
        failed: how the person's data set failed when asked for a batch; None when looking at a batch would
            use it up.

    Raises:
        UsageError: no loss is named and there is no batch to find one by.
    """
    if failed is not None:
        return Rehearsal(make_task(model, criterion), criterion, failed=failed)
    if criterion is None:
        raise UsageError(
            "The training data can be read only once, so I cannot look at a batch to find a loss.",
            suggestion="Say --loss NAME, or give a loader that can be read again.",
        )
    warning = (
        "The training data can be read only once: nothing was rehearsed, and there is one epoch at most."
    )
    return Rehearsal(make_task(model, criterion), criterion, warnings=(warning,))


def _try(
    model: nn.Module, criterion: Any, batch: Any, *, name: str, precision: Precision, shapes: dict[str, str]
) -> Rehearsal:
    context = _context(precision)
    enter_training(model)
    if criterion is not None and takes_model(criterion):
        task, assumed, output, target = make_task(model, criterion, batch), "", None, None
        with context():
            loss = task.loss(model, batch)[0]
    else:
        inputs, keywords, target = make_task(model, criterion, batch).splits(batch)
        with context():
            output = model(*inputs, **keywords)
            criterion, assumed = _find_criterion(criterion, output, target)
            task = make_task(model, criterion, batch)
            loss = own_loss(output) if criterion is None else _checked(criterion, output, target, name)
    check_loss(loss, name)
    loss.backward()
    return Rehearsal(
        task, criterion, assumed, find_accuracy(criterion, output, target), batch_size(batch), (),
        float(loss.detach()), describe(logits_of(output)), describe(target), shapes,
        _broadcast_warning(criterion, output, target, name) + far_targets(criterion, output, target),
    )  # fmt: skip


def _context(precision: Precision) -> Any:
    return precision.autocast if precision.dtype is not None else nullcontext


def _find_criterion(criterion: Any, output: Any, target: Any) -> tuple[Any, str]:
    """The person's loss, the model's own, or the usual one for such a target (and the word for the plan)."""
    if criterion is not None or own_loss(output) is not None:
        return criterion, ""
    if isinstance(output, Tensor) and isinstance(target, Tensor):
        if find_accuracy(None, output, target) is not None:
            return nn.CrossEntropyLoss(), "CrossEntropyLoss"
        if output.shape == target.shape and target.is_floating_point():
            return nn.MSELoss(), "MSELoss"
    raise UsageError(
        "I found no loss: the notebook names none, the model's output has no `.loss`, and none is usual for "
        f"output {describe(output)} with target {describe(target)}.",
        suggestion=_a_loss_for(output, target),
    )


def _a_loss_for(output: Any, target: Any) -> str:
    """Return what to do where no loss was found, for numbers or for classes."""
    tensors = isinstance(output, Tensor) and isinstance(target, Tensor)
    if tensors and target.is_floating_point() and output.numel() == target.numel():
        return (
            f"For numbers: make the shapes equal, {_equal_shapes(output, target)}, and define "
            "criterion = nn.MSELoss(); or say --loss NAME."
        )
    return "Define one, e.g. criterion = nn.CrossEntropyLoss(), or say --loss NAME."


def _checked(criterion: Any, output: Any, target: Any, name: str) -> Any:
    """Call a loss; when torch itself refuses output and target, say both and what such a loss wants."""
    try:
        return criterion(output, target)
    except Exception as error:
        if not _refused_by_torch(criterion, error):
            raise
        raise UsageError(
            f"The loss {_called(criterion, name)} does not fit: output {describe(output)}, target "
            f"{describe(target)} ({in_one_line(error)}).",
            suggestion=_advice(criterion, output, target),
        ) from None


def _refused_by_torch(criterion: Any, error: Exception) -> bool:
    """Say whether torch's own code refused the values, not a slip in a loss that the person wrote."""
    if type(criterion).__module__.startswith("torch.nn") or _module(criterion).startswith("torch.nn"):
        return True
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_filename.startswith(_TORCH)


def _module(criterion: Any) -> str:
    while isinstance(criterion, partial):
        criterion = criterion.func
    return getattr(criterion, "__module__", None) or ""


def _kind(criterion: Any) -> str:
    if isinstance(criterion, nn.Module):
        return type(criterion).__name__
    while isinstance(criterion, partial):
        criterion = criterion.func
    return getattr(criterion, "__name__", "")


def _called(criterion: Any, name: str) -> str:
    kind = _kind(criterion) or "loss"
    return f"`{name}` ({kind})" if name and name != kind else f"`{kind}`"


def _advice(criterion: Any, output: Any, target: Any) -> str:
    logits, kind = logits_of(output), _kind(criterion).lower()
    if "crossentropy" in kind or "cross_entropy" in kind or "nll" in kind:
        return _advice_for_classes(logits, target)
    if "bce" in kind or "binary" in kind:
        return "It wants float target of the output's shape: e.g. loss(output.squeeze(1), target.float())."
    return "It wants output and target of one shape and dtype."


def _advice_for_classes(logits: Any, target: Any) -> str:
    if isinstance(target, Tensor) and isinstance(logits, Tensor) and logits.dim() > 1:
        if target.dim() < logits.dim() and target.is_floating_point():
            return "It wants class numbers as int64: target.long()."
        if logits.dim() == 3 and target.dim() == 2 and logits.shape[:2] == target.shape:
            return (
                "It wants (batch, classes, positions): loss(output.transpose(1, 2), target), or flatten both."
            )
        if target.dim() == logits.dim() - 1 and not target.is_floating_point() and target.numel():
            low, high, classes = int(target.min()), int(target.max()), logits.shape[1]
            if high >= classes or low < 0:
                return (
                    f"The target holds class numbers from {low} to {high}, and the output has {classes} "
                    f"classes, 0 to {classes - 1}: give the last layer {high + 1} outputs, or renumber."
                )
    return "It wants output (batch, classes) and target (batch,) with class numbers as int64."


def in_one_line(error: BaseException) -> str:
    """Return `ValueError: first line of the message`."""
    first = str(error).splitlines()
    return f"{type(error).__name__}: {first[0]}" if first else type(error).__name__


def _broadcast_warning(criterion: Any, output: Any, target: Any, name: str) -> tuple[str, ...]:
    """Say when a loss compares every output with every target, which trains towards their mean."""
    logits = logits_of(output)
    if not isinstance(target, Tensor) or not isinstance(logits, Tensor) or logits.shape == target.shape:
        return ()
    pairwise = isinstance(criterion, (nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss))
    if not pairwise and not _takes_all_with_all(criterion, output, logits, target):
        return ()
    return (
        f"{_called(criterion, name)} broadcasts output {tuple(logits.shape)} against target "
        f"{tuple(target.shape)}: every output is compared with every target. Make the shapes equal, "
        f"{_equal_shapes(logits, target)}.",
    )


def _takes_all_with_all(criterion: Any, output: Any, logits: Tensor, target: Tensor) -> bool:
    """Say whether a loss stays the same when the targets of a batch change places.

    A person's loss may make the shapes equal by itself, so its shapes tell nothing.
    """
    if logits.numel() != target.numel() or target.dim() == 0 or (logits == logits.flatten()[:1]).all():
        return False
    others = target.flip(0)
    if torch.allclose(others.float(), target.float(), rtol=1e-2):
        return False
    try:
        with torch.no_grad():
            given, moved = float(criterion(output, target)), float(criterion(output, others))
    except Exception:  # it was called once; what it raises now is no matter of shapes
        return False
    return math.isclose(given, moved, rel_tol=1e-5)  # sums of another order, in float32


def _equal_shapes(output: Tensor, target: Tensor) -> str:
    """Return what makes the shapes equal, as code."""
    if output.dim() == target.dim() + 1 and output.shape[-1] == 1:
        return "e.g. target.unsqueeze(-1), or output.squeeze(-1)"
    if target.dim() == output.dim() + 1 and target.shape[-1] == 1:
        return "e.g. target.squeeze(-1)"
    return "e.g. target.reshape(output.shape)" if output.numel() == target.numel() else "e.g. in the data set"


def _has_tensor(batch: Any) -> bool:
    if isinstance(batch, Tensor):
        return True
    if isinstance(batch, Mapping):
        return any(_has_tensor(part) for part in batch.values())
    if isinstance(batch, (list, tuple)):
        return any(_has_tensor(part) for part in batch[:64])
    return hasattr(batch, "to")
