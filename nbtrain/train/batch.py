"""What a batch is, how the model is called with it, and how its loss comes about. Knows nothing of the loop.

Batches: a tuple or list (inputs..., target), a mapping, a single tensor, or an object with `.to` (a graph, an
encoding). Losses: the person's criterion `(output, target)`, a function `(model, batch)`, or the model's own:
`.loss`, or the one number in a tuple.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from nbtrain.errors import UsageError
from nbtrain.train.tokens import TokenMean, token_mean

TARGET_KEYS = ("labels", "label", "target", "targets", "y")


def to_device(batch: Any, device: torch.device) -> Any:
    """Move every tensor of a batch to `device`, keeping its shape as a container."""
    if isinstance(batch, Tensor):
        return batch if batch.device == device else batch.to(device, non_blocking=True)
    if isinstance(batch, (tuple, list)) and _is_there(batch, device):
        return batch if isinstance(batch, tuple) else list(batch)
    if isinstance(batch, tuple):
        moved = [to_device(part, device) for part in batch]
        return type(batch)(*moved) if hasattr(batch, "_fields") else tuple(moved)
    if isinstance(batch, list):
        return [to_device(part, device) for part in batch]
    if isinstance(batch, dict):
        return {key: to_device(part, device) for key, part in batch.items()}
    return batch.to(device) if hasattr(batch, "to") else batch


def _is_there(parts: Sequence[Any], device: torch.device) -> bool:
    """Say whether these are tensors on `device` already: each batch on a CPU."""
    # a list, since a generator takes twice the time
    return all([isinstance(part, Tensor) and part.device == device for part in parts])  # noqa: C419


def batch_size(batch: Any) -> int:
    """Return the number of samples: the first dimension of the first tensor found, 1 when there is none."""
    if isinstance(batch, Tensor):
        return batch.shape[0] if batch.dim() else 1
    if isinstance(batch, (tuple, list)):
        return batch_size(batch[0]) if batch else 0
    if isinstance(batch, Mapping):
        return next((batch_size(part) for part in batch.values() if isinstance(part, Tensor)), 1)
    for name in ("num_graphs", "batch_size"):
        if isinstance(size := getattr(batch, name, None), int):
            return size
    return next(
        (batch_size(part) for part in getattr(batch, "__dict__", {}).values() if isinstance(part, Tensor)), 1
    )


@dataclass(frozen=True)
class Task:
    """How one batch becomes an output, a target and a loss.

    Attributes:
        criterion: (output, target) -> scalar tensor, or None when the model returns its loss.
        whole: (model, batch) -> scalar tensor; takes the place of forward and criterion.
        splits: batch -> (positional inputs, keyword inputs, target or None).
        own: output -> the loss the model computed, or None.
        means: the criterion where its loss is a mean over tokens, which batches have more or fewer of.
    """

    criterion: Callable[[Any, Any], Tensor] | None
    whole: Callable[[nn.Module, Any], Tensor] | None
    splits: Callable[[Any], tuple[tuple[Any, ...], dict[str, Any], Any]]
    own: Callable[[Any], Tensor | None] = field(default_factory=lambda: _OwnLoss())
    means: TokenMean | None = None

    def loss(self, model: nn.Module, batch: Any) -> tuple[Tensor, Any, Any]:
        """Run the model on a batch that is on its device; return (loss, output, target)."""
        if self.whole is not None:
            return self.whole(model, batch), None, None
        inputs, keywords, target = self.splits(batch)
        output = model(*inputs, **keywords)
        if self.criterion is None:
            return self.own(output), output, target
        return self.criterion(output, target), output, target


def own_loss(output: Any) -> Tensor | None:
    """Return the loss a model computed: `.loss`, `["loss"]`, or the output when it is a scalar tensor.

    In a tuple or list it is the only 0-d floating tensor that has a gradient; where none has one (in eval,
    without gradients) the only 0-d floating tensor. Where there are several, nothing is guessed.
    """
    if isinstance(output, Tensor):
        return output if output.dim() == 0 else None
    if isinstance(output, Mapping):
        return output.get("loss")
    loss = getattr(output, "loss", None)
    if loss is None and isinstance(output, (tuple, list)):
        lone = [part for part in output if _is_lone(part) and part.is_floating_point()]
        lone = [part for part in lone if part.requires_grad] or lone
        return lone[0] if len(lone) == 1 else None
    return loss


def _is_lone(part: Any) -> bool:
    return isinstance(part, Tensor) and part.dim() == 0


class _OwnLoss:
    """Finds a model's own loss, also where a validation without gradients shows several numbers: it stands
    where it stood in training.
    """

    def __init__(self) -> None:
        self._place: int | None = None

    def __call__(self, output: Any) -> Tensor | None:
        loss = own_loss(output)
        if not isinstance(output, (tuple, list)):
            return loss
        if loss is None and self._place is not None and self._place < len(output):
            return output[self._place] if _is_lone(output[self._place]) else None
        if loss is not None and loss.requires_grad:
            self._place = next((i for i, part in enumerate(output) if part is loss), None)
        return loss


def logits_of(output: Any) -> Tensor | None:
    """Return the prediction inside an output: itself, `.logits`, or the first of a tuple that is no lone
    number (a loss beside it), when that is a tensor.
    """
    if isinstance(output, Tensor):
        return output
    if isinstance(output, Mapping):
        return output.get("logits")
    logits = getattr(output, "logits", None)
    if logits is None and isinstance(output, (tuple, list)):
        first = next((part for part in output if not _is_lone(part)), None)
        return first if isinstance(first, Tensor) else None
    return logits


def check_loss(loss: Any, name: str = "") -> None:
    """Refuse what is no loss.

    Args:
        loss: what the criterion or the model gave. name: what the notebook calls it, "" when unknown.

    Raises:
        UsageError: no tensor, more than one number, or without a gradient; says what to look for.
    """
    called = f"`{name}`" if name else "The loss"
    if not isinstance(loss, Tensor):
        raise UsageError(
            f"{called} gave {describe(loss)}; a loss is one tensor with one number.",
            suggestion="Return it as a tensor, not as a float.",
        )
    if loss.dim() != 0:
        raise UsageError(
            f"{called} gave a tensor of shape {tuple(loss.shape)}; a loss is one number.",
            suggestion="Use reduction='mean', or .mean() it.",
        )
    if not loss.requires_grad:
        raise UsageError(
            f"{called} does not depend on any trainable parameter, so nothing would be learned.",
            suggestion="Look for .detach(), torch.no_grad() or .item() in forward, or for a model that is "
            "frozen altogether.",
        )


def describe(thing: Any) -> str:
    """Say in a few words what a batch or an output is: `(32, 10) float32`, `a list of 32 str`."""
    if isinstance(thing, Tensor):
        return f"{tuple(thing.shape)} {str(thing.dtype).removeprefix('torch.')}"
    if isinstance(thing, Mapping):
        return "{" + ", ".join(f"{key}: {describe(part)}" for key, part in list(thing.items())[:6]) + "}"
    if isinstance(thing, (list, tuple)):
        kinds = {type(part).__name__ for part in thing}
        if len(thing) > 4 or not thing or kinds == {"str"}:
            kind = kinds.pop() if len(kinds) == 1 else "things" if thing else "nothing"
            return f"a {type(thing).__name__} of {len(thing)} {kind}"
        return "(" + ", ".join(describe(part) for part in thing) + ")"
    shape = getattr(thing, "shape", None)
    return f"{type(thing).__name__}{tuple(shape)}" if isinstance(shape, tuple) else type(thing).__name__


def make_task(model: nn.Module, criterion: Callable[..., Any] | None, batch: Any = None) -> Task:
    """Decide, from one batch and the signatures, how this model is trained.

    Args:
        model: the model. criterion: the person's loss, or None for the model's own.
        batch: one batch, as the loader gives it; None where nobody may look: the first to come decides.
    """
    if criterion is not None and takes_model(criterion):
        return Task(None, criterion, splits=lambda batch: ((), {}, None))
    if batch is None:
        return Task(criterion, None, splits=_FirstDecides(model, criterion), means=token_mean(criterion))
    return Task(criterion, None, splits=_splitter(model, criterion, batch), means=token_mean(criterion))


class _FirstDecides:
    """Splits batches the way that fits the first of them."""

    def __init__(self, model: nn.Module, criterion: Any) -> None:
        self._about = (model, criterion)
        self._split: Any = None

    def __call__(self, batch: Any) -> tuple[tuple[Any, ...], dict[str, Any], Any]:
        if self._split is None:
            self._split = _splitter(*self._about, batch)
        return self._split(batch)


def takes_model(criterion: Callable[..., Any]) -> bool:
    """Say whether a loss is written as `(model, batch)`: its first parameter is named model or net."""
    if isinstance(criterion, nn.Module):
        return False
    try:
        names = list(inspect.signature(criterion).parameters)
    except (TypeError, ValueError):
        return False
    return len(names) >= 2 and names[0] in ("model", "net")


def _splitter(
    model: nn.Module, criterion: Any, batch: Any
) -> Callable[[Any], tuple[tuple[Any, ...], dict[str, Any], Any]]:
    if isinstance(batch, Mapping):
        return _mapping_splitter(model, criterion, batch)
    if isinstance(batch, (tuple, list)) and len(batch) > 1:
        if criterion is None and _accepts(model, len(batch)):  # the model computes its loss from both
            return lambda batch: (tuple(batch), {}, batch[-1])
        return lambda batch: (tuple(batch[:-1]), {}, batch[-1])
    if isinstance(batch, (tuple, list)):  # a TensorDataset of inputs only: reconstruct the input
        return lambda batch: ((batch[0],), {}, batch[0])
    if isinstance(batch, Tensor):
        return lambda batch: ((batch,), {}, batch)
    key = next((key for key in TARGET_KEYS if hasattr(batch, key)), "y")  # a graph, an object with .to
    return lambda batch: ((batch,), {}, getattr(batch, key, None))


def _mapping_splitter(model: nn.Module, criterion: Any, batch: Mapping[str, Any]) -> Callable[..., Any]:
    target_key = next((key for key in TARGET_KEYS if key in batch), None)
    if criterion is None:
        return lambda batch: ((), dict(batch), batch.get(target_key) if target_key else None)
    inputs = [key for key in batch if key != target_key]
    accepted = _parameter_names(model)
    if accepted is None or all(key in accepted for key in inputs):
        return lambda batch: ((), {key: batch[key] for key in inputs}, batch.get(target_key))
    named = [key for key in inputs if key in accepted]
    if named:
        return lambda batch: ((), {key: batch[key] for key in named}, batch.get(target_key))
    first = inputs[0]
    return lambda batch: ((batch[first],), {}, batch.get(target_key))


def _parameter_names(model: nn.Module) -> set[str] | None:
    """Names `forward` takes; None when it takes any (`**kwargs`) or cannot be read."""
    try:
        parameters = inspect.signature(model.forward).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return {p.name for p in parameters}


def _accepts(model: nn.Module, count: int) -> bool:
    """Say whether `forward` takes `count` positional arguments."""
    try:
        inspect.signature(model.forward).bind(*range(count))
    except (TypeError, ValueError):
        return False
    return True
