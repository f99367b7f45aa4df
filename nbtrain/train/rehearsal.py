"""One batch through model and loss before anything starts, on the real objects, everything put back.

It finds what would fail in the first step - a loss that does not fit the output, a batch nobody can use -
while nothing
exists on disk yet, and measures what the plan states: shapes, the starting loss, the time of a step.
Weights are never updated; gradients, buffers, modes and every random generator are as before afterwards.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from nbtrain.errors import UsageError
from nbtrain.notebook.sample import preserved_rng
from nbtrain.train.accuracy import Hits, find_accuracy
from nbtrain.train.batch import Task, batch_size, logits_of, make_task, own_loss, takes_model, to_device
from nbtrain.train.precision import Precision


@dataclass(frozen=True)
class Rehearsal:
    """What one batch showed.

    Attributes:
        task: how batches become losses. criterion: the loss used; `assumed` when nbtrain chose it.
        hits: accuracy counter for classifications. samples: size of the batch looked at.
        step_time_s: forward and backward of one micro-batch, None when it could not be measured.
        loss: value of the untrained (or current) loss. output, target: shapes and dtypes in words.
        output_shapes: module path -> output shape. warnings: what looks wrong but can run.
        failure: what the person's own code raised, in one line; the run will show it in full.
    """

    task: Task
    criterion: Any = None
    assumed: str = ""
    hits: Hits | None = None
    samples: int = 1
    step_time_s: float | None = None
    loss: float | None = None
    output: str = ""
    target: str = ""
    output_shapes: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    failure: str = ""


def rehearse(
    model: nn.Module, criterion: Any, batch: Any, *, name: str, precision: Precision, device: torch.device
) -> Rehearsal:
    """Try one batch.

    Args:
        model, criterion: the objects; criterion None means the model's own loss, or one that fits the target.
        batch: a batch as the loader gives it. name: what the loss is called in messages.

    Raises:
        UsageError: no tensors in the batch, no loss to be had, or a loss that does not fit; names both
        shapes.
    """
    if not _has_tensor(batch):
        raise UsageError(
            f"The training loader gives {describe(batch)}, in which there is no tensor.",
            suggestion="Let the data set return tensors, e.g. (image, label), or give the loader a collate_fn that does.",
        )
    with preserved_rng(), _untouched(model), _shapes(model) as shapes:
        try:
            return _try(
                model, criterion, to_device(batch, device), name=name, precision=precision, shapes=shapes
            )
        except UsageError:
            raise
        except (
            Exception
        ) as error:  # the person's own model or data: the run itself shows it with its traceback
            return Rehearsal(
                make_task(model, criterion, batch),
                criterion,
                samples=batch_size(batch),
                failure=in_one_line(error),
            )


def unrehearsed(model: nn.Module, criterion: Any, *, failure: str = "") -> Rehearsal:
    """Return what can be said without a batch: (inputs..., target) is assumed.

    Args:
        failure: what the person's data set raised when asked for a batch; the run will show it in full.
            Empty when looking at a batch would use it up.

    Raises:
        UsageError: no loss is named and there is no batch to find one by.
    """
    if failure:
        return Rehearsal(make_task(model, criterion, (0, 0)), criterion, failure=failure)
    if criterion is None:
        raise UsageError(
            "The training data can be read only once, so I cannot look at a batch to find a loss.",
            suggestion="Say --loss NAME, or give a loader that can be read again.",
        )
    warning = (
        "The training data can be read only once: nothing was rehearsed, and there is one epoch at most."
    )
    return Rehearsal(make_task(model, criterion, (0, 0)), criterion, warnings=(warning,))


def _try(
    model: nn.Module, criterion: Any, batch: Any, *, name: str, precision: Precision, shapes: dict[str, str]
) -> Rehearsal:
    context = precision.autocast if precision.dtype is not None else nullcontext
    model.train() if not model.training else None
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
    _check_loss(loss, name)
    loss.backward()
    began = time.perf_counter()
    for parameter in model.parameters():
        parameter.grad = None
    with context():
        again = task.loss(model, batch)[0]
    again.backward()
    if again.device.type == "cuda":
        torch.cuda.synchronize(again.device)  # device sync: once, before the run, to time a step
    took = time.perf_counter() - began
    hits = find_accuracy(criterion, output, target)
    return Rehearsal(
        task, criterion, assumed, hits, batch_size(batch), took, float(loss.detach()), describe(logits_of(output)),
        describe(target), shapes, _broadcast_warning(criterion, output, target, name),
    )  # fmt: skip


def _find_criterion(criterion: Any, output: Any, target: Any) -> tuple[Any, str]:
    """The person's loss, the model's own, or the usual one for such a target (and the word for the plan)."""
    if criterion is not None or own_loss(output) is not None:
        return criterion, ""
    logits = logits_of(output)
    if isinstance(logits, Tensor) and isinstance(target, Tensor):
        if find_accuracy(None, output, target) is not None:
            return nn.CrossEntropyLoss(), "CrossEntropyLoss"
        if logits.shape == target.shape and target.is_floating_point():
            return nn.MSELoss(), "MSELoss"
    raise UsageError(
        f"I found no loss: the notebook names none, the model's output has no `.loss`, and none is usual for "
        f"output {describe(output)} with target {describe(target)}.",
        suggestion="Define one, e.g. criterion = nn.CrossEntropyLoss(), or say --loss NAME.",
    )


def _checked(criterion: Any, output: Any, target: Any, name: str) -> Any:
    """Call a loss; when torch itself refuses output and target, say both and what such a loss wants."""
    try:
        return criterion(output, target)
    except Exception as error:
        ours = isinstance(criterion, nn.Module) and type(criterion).__module__.startswith("torch.nn")
        if not ours and not getattr(criterion, "__module__", "").startswith("torch.nn"):
            raise
        raise UsageError(
            f"The loss {_called(criterion, name)} does not fit: output {describe(output)}, target {describe(target)} ({in_one_line(error)}).",
            suggestion=_advice(criterion, output, target),
        ) from None


def _called(criterion: Any, name: str) -> str:
    kind = (
        type(criterion).__name__
        if isinstance(criterion, nn.Module)
        else getattr(criterion, "__name__", "loss")
    )
    return f"`{name}` ({kind})" if name and name != kind else f"`{kind}`"


def _advice(criterion: Any, output: Any, target: Any) -> str:
    logits = logits_of(output)
    kind = (
        type(criterion).__name__ if isinstance(criterion, nn.Module) else getattr(criterion, "__name__", "")
    )
    if "CrossEntropy" in kind or "cross_entropy" in kind or "NLL" in kind:
        if isinstance(target, Tensor) and isinstance(logits, Tensor):
            if target.dim() < logits.dim() and target.dtype != torch.int64:
                return "It wants class numbers as int64: target.long()."
            if logits.dim() == 3 and target.dim() == 2:
                return "It wants (batch, classes, positions): loss(output.transpose(1, 2), target), or flatten both."
        return "It wants output (batch, classes) and target (batch,) with class numbers as int64."
    if "BCE" in kind or "binary" in kind:
        return "It wants float target of the output's shape: e.g. loss(output.squeeze(1), target.float())."
    return "It wants output and target of one shape and dtype."


def _check_loss(loss: Any, name: str) -> None:
    called = f"`{name}`" if name else "the loss"
    if not isinstance(loss, Tensor):
        raise UsageError(
            f"{called} gave {describe(loss)}; a loss is one tensor with one number.",
            suggestion="Return it as a tensor, not as a float.",
        )
    if loss.numel() != 1 or loss.dim() != 0:
        raise UsageError(
            f"{called} gave a tensor of shape {tuple(loss.shape)}; a loss is one number.",
            suggestion="Use reduction='mean', or .mean() it.",
        )
    if not loss.requires_grad:
        raise UsageError(
            f"{called} does not depend on any trainable parameter, so nothing would be learned.",
            suggestion="Look for .detach(), torch.no_grad() or .item() in forward, or for a model that is frozen altogether.",
        )


def in_one_line(error: BaseException) -> str:
    """Return `ValueError: first line of the message`."""
    first = str(error).splitlines()
    return f"{type(error).__name__}: {first[0]}" if first else type(error).__name__


def _broadcast_warning(criterion: Any, output: Any, target: Any, name: str) -> tuple[str, ...]:
    logits = logits_of(output)
    pairwise = isinstance(criterion, (nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss))
    if (
        not pairwise
        or not isinstance(target, Tensor)
        or not isinstance(logits, Tensor)
        or logits.shape == target.shape
    ):
        return ()
    return (
        f"{_called(criterion, name)} broadcasts output {tuple(logits.shape)} against target {tuple(target.shape)}: every output is "
        "compared with every target. Make the shapes equal, e.g. output.squeeze(1).",
    )


def describe(thing: Any) -> str:
    """Say in a few words what a batch or an output is: `(32, 10) float32`, `a list of 32 str`."""
    if isinstance(thing, Tensor):
        return f"{tuple(thing.shape)} {str(thing.dtype).removeprefix('torch.')}"
    if isinstance(thing, Mapping):
        return "{" + ", ".join(f"{key}: {describe(part)}" for key, part in list(thing.items())[:6]) + "}"
    if isinstance(thing, (list, tuple)):
        if len(thing) > 4 or not thing:
            kind = type(thing[0]).__name__ if thing else "nothing"
            return f"a {type(thing).__name__} of {len(thing)} {kind}"
        return "(" + ", ".join(describe(part) for part in thing) + ")"
    shape = getattr(thing, "shape", None)
    return f"{type(thing).__name__}{tuple(shape)}" if isinstance(shape, tuple) else type(thing).__name__


def _has_tensor(batch: Any) -> bool:
    if isinstance(batch, Tensor):
        return True
    if isinstance(batch, Mapping):
        return any(_has_tensor(part) for part in batch.values())
    if isinstance(batch, (list, tuple)):
        return any(_has_tensor(part) for part in batch[:64])
    return hasattr(batch, "to")


@contextmanager
def _untouched(model: nn.Module) -> Iterator[None]:
    """Put back gradients, buffers and modes."""
    grads = [(p, p.grad) for p in model.parameters()]
    buffers = [(b, b.detach().clone()) for b in model.buffers()]
    modes = [(m, m.training) for m in model.modules()]
    for parameter, _ in grads:
        parameter.grad = None
    try:
        yield
    finally:
        for parameter, grad in grads:
            parameter.grad = grad
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
        for module, training in modes:
            module.training = training


@contextmanager
def _shapes(model: nn.Module) -> Iterator[dict[str, str]]:
    """Collect each module's output shape of the first forward; the hooks come off at the end."""
    shapes: dict[str, str] = {}

    def note(path: str) -> Any:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            tensor = logits_of(output)
            if path not in shapes and isinstance(tensor, Tensor):
                shapes[path] = " × ".join(str(size) for size in tensor.shape)

        return hook

    handles = []
    try:
        for path, module in model.named_modules():
            handles.append(module.register_forward_hook(note(path)))
        yield shapes
    finally:
        for handle in handles:
            handle.remove()
