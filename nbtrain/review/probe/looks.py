"""Experiments on the copies, after the steps: what an output depends on, in eval mode.

One batch of the training is used, as the cell gave it to the model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import contextmanager
from collections.abc import Iterator
from typing import Any

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
            found.append(_looked_at(module, name, line, args, keywords, ears.target))
        except Exception as error:
            note(f"`{name}` could not be run for experiments ({type(error).__name__}: {error}).")
    return tuple(found)


def _looked_at(
    module: nn.Module, name: str, line: int | None, args: tuple[Any, ...], keywords: dict[str, Any],
    target: Tensor | None,
) -> ModelSeen:  # fmt: skip
    batch = _Batch(args, keywords)
    with _in_eval(module), torch.no_grad():
        draws = _Draws()
        with draws:
            first = _run(module, batch.args, batch.keywords)
        second = _run(module, batch.args, batch.keywords)
        if first is None or second is None or first.numel() > MOST_ELEMENTS or not _is_finite(first):
            return ModelSeen(name, line)
        repeats = _same(first, second)
        seen: dict[str, Any] = {"repeats": repeats, "random_op": draws.kind}
        if repeats and batch.samples > 1 and first.dim() and first.size(0) == batch.samples:
            others = batch.with_other_samples()
            if others is not None:
                changed = _run(module, *others)
                if changed is not None and changed.shape == first.shape:
                    seen["independent"] = _same(first[0], changed[0]) or _uses_batch_statistics(module)
                    if not seen["independent"]:
                        seen["mixing"] = _mixing(module, draws, batch.samples)
            if batch.differs:
                seen["sees_input"] = not _same(first, first[:1].expand_as(first), 1e-6)
        ids = batch.ids
        if repeats and ids is not None:
            seen["shift"] = _shift(ids, target)
            if first.dim() == 3 and first.shape[:2] == ids.shape and ids.size(1) > 2:
                later = _run(module, *batch.with_other_last())
                seen["causal"] = later is not None and _same(first[:, :-1], later[:, :-1])
    return ModelSeen(name, line, **seen)


class _Batch:
    """What a model was given, and variations of it."""

    def __init__(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        self.args, self.keywords = args, keywords
        tensors = [one for one in (*args, *keywords.values()) if isinstance(one, Tensor) and one.dim()]
        self.samples = tensors[0].size(0) if tensors else 0
        whole = [one for one in tensors if one.dim() == 2 and not one.is_floating_point()]
        self.ids = whole[0] if whole and whole[0] is tensors[0] else None

    @property
    def differs(self) -> bool:
        """Whether the samples differ from one another in some input."""
        return any(not bool((one == one[:1]).all()) for one in self._batched())

    def _batched(self) -> list[Tensor]:
        values = (*self.args, *self.keywords.values())
        return [one for one in values if isinstance(one, Tensor) and one.dim() and one.size(0) == self.samples]

    def with_other_samples(self) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """The first sample stays, each other becomes a copy of its neighbour; None where all are alike."""
        if not self.differs:
            return None
        order = torch.arange(self.samples).roll(1)
        order[0], order[1:] = 0, torch.where(order[1:] == 0, 0, order[1:])
        return self._varied(lambda one: one[order.to(one.device)])

    def with_other_last(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The last token of each sequence becomes the first, or its neighbour where they are alike."""

        def other(one: Tensor) -> Tensor:
            if one is not self.ids:
                return one
            twin = one.clone()
            last, top = one[:, -1], int(one.max())
            twin[:, -1] = torch.where(last == one[:, 0], torch.where(last < top, last + 1, last - 1), one[:, 0])
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
    output = logits_of(module(*args, **keywords))
    return output.detach().clone() if isinstance(output, Tensor) and output.is_floating_point() else None


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
        isinstance(one, nn.modules.batchnorm._BatchNorm) and one.running_mean is None for one in module.modules()
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
