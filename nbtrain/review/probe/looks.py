"""Experiments on the copies, after the steps: what an output depends on, in eval mode.

One batch of the training is used, as the cell gave it to the model.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from nbtrain.review.probe.ears import Ears
from nbtrain.review.probe.seen import ModelSeen
from nbtrain.train.batch import logits_of

MOST_ELEMENTS = 1 << 26  # of an output
CLOSE = 1e-4  # relative: another order of summation in float32 stays far below
DROPS = ("bernoulli", "native_dropout", "_fused_dropout")
SAMPLES = ("normal", "randn", "rand", "uniform", "multinomial", "exponential", "randperm", "randint")


def look_at(ears: Ears, note: Callable[[str], Any]) -> tuple[ModelSeen, ...]:
    """Return what each model of the first training step shows."""
    found = []
    for module, line, args, keywords in ears.runs.values():
        name = ears.name_of(module)
        try:
            found.append(_looked_at(module, name, line, _Batch(args, keywords, ears.batch_size), ears.target))
        except Exception as error:
            note(f"`{name}` could not be run for experiments ({type(error).__name__}: {error}).")
    return tuple(found)


def _looked_at(
    module: nn.Module, name: str, line: int | None, batch: _Batch, target: Tensor | None
) -> ModelSeen:
    with _in_eval(module), torch.no_grad():
        draws = _Draws()
        with draws:
            first = _run(module, batch.args, batch.keywords)
        second = _run(module, batch.args, batch.keywords)
        if first is None or second is None or first.numel() > MOST_ELEMENTS or not _is_finite(first):
            return ModelSeen(name, line)
        repeats = _same(first, second)
        seen: dict[str, Any] = {"repeats": repeats, "random_op": draws.kind}
        if repeats and batch.samples > 1 and first.dim() and first.size(0) == batch.samples and batch.differs:
            seen["sees_input"] = not _same(first, first[:1].expand_as(first), 1e-7)
            if batch.is_first(first, target) and not _uses_batch_statistics(module):
                seen["independent"] = all(_stays(module, batch, first, kept) for kept in (0, -1))
                seen["mixing"] = "" if seen["independent"] else _mixing(module, draws, batch.samples)
        ids = batch.ids
        if repeats and ids is not None:
            seen["shift"] = _shift(ids, target)
            if first.dim() == 3 and first.shape[:2] == ids.shape and ids.size(1) > 2:
                later = _run(module, *batch.with_other_last())
                seen["causal"] = later is not None and _same(first[:, :-1], later[:, :-1])
    return ModelSeen(name, line, **seen)


def _stays(module: nn.Module, batch: _Batch, first: Tensor, kept: int) -> bool:
    """Whether the output for one sample stays when the others change."""
    changed = _run(module, *batch.with_other_samples(kept))
    return changed is None or changed.shape != first.shape or _same(first[kept], changed[kept])


class _Batch:
    """What a model was given, and variations of it. `size`: the loader's batch size, where there is one."""

    def __init__(self, args: tuple[Any, ...], keywords: dict[str, Any], size: int | None) -> None:
        self.args, self.keywords, self._size = args, keywords, size
        tensors = [one for one in (*args, *keywords.values()) if isinstance(one, Tensor) and one.dim()]
        self.samples = tensors[0].size(0) if tensors else 0
        whole = [one for one in tensors if one.dim() == 2 and not one.is_floating_point()]
        self.ids = whole[0] if whole and whole[0] is tensors[0] else None

    @property
    def differs(self) -> bool:
        """Whether the samples differ from one another in some input."""
        return any(not bool((one == one[:1]).all()) for one in self._batched())

    def is_first(self, output: Tensor, target: Tensor | None) -> bool:
        """Whether dimension 0 is surely that of the samples: no graph's nodes, no time steps."""
        inputs = self._batched()
        alone = len(inputs) == 1 and not any(isinstance(one, Tensor) and one.dim() for one in self._others())
        if self._size is None:
            judged = target is not None and target.dim() > 0 and target.size(0) == self.samples
            return alone and judged and output.dim() == 2
        if output.dim() == 2 and output.size(1) == self.samples:
            return False  # each sample against each other one: a contrastive loss, a ranking
        unlike = inputs[0].dim() < 2 or inputs[0].size(1) != self._size or output.dim() == 2
        return self.samples == self._size and unlike

    def _others(self) -> list[Any]:
        held = {id(one) for one in self._batched()}
        return [one for one in (*self.args, *self.keywords.values()) if id(one) not in held]

    def _batched(self) -> list[Tensor]:
        values = (*self.args, *self.keywords.values())
        return [
            one for one in values if isinstance(one, Tensor) and one.dim() and one.size(0) == self.samples
        ]

    def with_other_samples(self, kept: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The first (0) or last (-1) sample stays, each other becomes a copy of its neighbour."""
        order = torch.arange(self.samples).roll(1 if kept == 0 else -1)
        order[kept] = kept % self.samples
        return self._varied(lambda one: one[order.to(one.device)])

    def with_other_last(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The last token of each sequence becomes the first, or its neighbour where they are alike."""

        def other(one: Tensor) -> Tensor:
            if one is not self.ids:
                return one
            twin = one.clone()
            last, top = one[:, -1], int(one.max())
            twin[:, -1] = torch.where(
                last == one[:, 0], torch.where(last < top, last + 1, last - 1), one[:, 0]
            )
            return twin.clamp_(min=0)

        return self._varied(other)

    def _varied(self, change: Callable[[Tensor], Tensor]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        def varied(one: Any) -> Any:
            batched = isinstance(one, Tensor) and one.dim() and one.size(0) == self.samples
            return change(one) if batched else one

        return tuple(map(varied, self.args)), {key: varied(one) for key, one in self.keywords.items()}


class _Draws(TorchDispatchMode):
    """Note random numbers that are drawn, and softmaxes over the first dimension."""

    def __init__(self) -> None:
        super().__init__()
        self.kind = ""
        self.softmax_over_first: set[int] = set()

    def __torch_dispatch__(self, func: Any, kinds: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name.startswith(DROPS):
            self.kind = "dropout"
        elif name.startswith(SAMPLES) and not self.kind:
            self.kind = "sampling"
        elif name in ("_softmax", "_log_softmax") and args[1] % max(args[0].dim(), 1) == 0:
            self.softmax_over_first.add(args[0].size(0) if args[0].dim() else 0)
        elif "scaled_dot_product" in name and any(isinstance(one, float) and one > 0 for one in args[3:6]):
            self.kind = "dropout"
        return func(*args, **(kwargs or {}))


def _run(module: nn.Module, args: Any, keywords: Any) -> Tensor | None:
    with _same_dice():
        output = logits_of(module(*args, **keywords))
    return output.detach().clone() if isinstance(output, Tensor) and output.is_floating_point() else None


@contextmanager
def _same_dice() -> Iterator[None]:
    """What a forward draws from Python's and numpy's random numbers is the same in every run.

    A coin that it tosses (teacher forcing) must not look like an effect of its input.
    """
    python, arrays = random.getstate(), numpy.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        numpy.random.set_state(arrays)


@contextmanager
def _in_eval(module: nn.Module) -> Iterator[None]:
    modes = [(one, one.training) for one in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for one, mode in modes:
            one.training = mode


def _mixing(module: nn.Module, draws: _Draws, samples: int) -> str:
    if samples in draws.softmax_over_first:
        return "softmax"
    for one in module.modules():
        if isinstance(one, nn.RNNBase | nn.MultiheadAttention) and not one.batch_first:
            return type(one).__name__
    return ""


def _uses_batch_statistics(module: nn.Module) -> bool:
    """A normalisation without running statistics mixes samples in eval mode on purpose."""
    return any(
        isinstance(one, nn.modules.batchnorm._BatchNorm) and one.running_mean is None
        for one in module.modules()
    )


def _shift(ids: Tensor, target: Tensor | None) -> int | None:
    """By how many positions the targets are moved against the inputs; None where they are something else."""
    if target is None or target.is_floating_point():
        return None
    rows = ids.size(0)
    if target.numel() % rows:
        return None
    wanted = target.reshape(rows, -1).to(ids.device)
    width = wanted.size(1)
    for shift in (1, 2, 0):
        n = min(width, ids.size(1) - shift)
        if n < 3 or width > ids.size(1):
            continue
        pairs, given = wanted[:, :n], ids[:, shift : shift + n]
        counted = pairs >= 0  # -100 is ignored
        if int(counted.sum()) >= 3 and bool((pairs == given)[counted].all()):
            return shift
    return None


def _same(one: Tensor, other: Tensor, close: float = CLOSE) -> bool:
    one, other = one.float(), other.float()
    scale = float(one.abs().max()) if one.numel() else 0.0
    return float((one - other).abs().max() if one.numel() else 0.0) <= close * scale + 1e-7


def _is_finite(one: Tensor) -> bool:
    return bool(torch.isfinite(one).all())
