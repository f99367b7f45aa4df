"""What a model is fed with: batches of a loader taken apart, or numbers drawn for a shape."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from nbtrain.errors import UsageError
from nbtrain.train.batch import TARGET_KEYS, batch_size, describe, make_task, to_device

SAMPLES = 1024  # taken of a data set when nothing else is said
MOST_BYTES = 256 * 2**20  # of inputs held at once
CPU = torch.device("cpu")
_SOME_LOSS = nn.CrossEntropyLoss()  # with a loss a target is told apart from the inputs


@dataclass(frozen=True)
class Feed:
    """One batch as a model's inputs, on the CPU.

    Attributes:
        args, kwargs: what `forward` is called with. target: None where there is none.
        names: of the tensors among args and kwargs, in that order. size: samples.
        drawn: the numbers are random, from no data. repeated: the samples are those of another feed.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    target: Any = None
    names: tuple[str, ...] = ()
    size: int = 1
    drawn: bool = False
    repeated: bool = False

    def tensors(self) -> dict[str, Tensor]:
        """Return name -> tensor."""
        leaves = [one for one in (*self.args, *self.kwargs.values()) if isinstance(one, Tensor)]
        return dict(zip(self.names, leaves, strict=True))

    def batched(self, tensor: Tensor) -> bool:
        """Say whether a tensor has a row for each sample."""
        return tensor.dim() > 0 and tensor.shape[0] == self.size

    def resized(self, size: int) -> Feed:
        """Return a feed of `size` samples: the first ones, or all again and again."""
        place = torch.arange(size) % self.size

        def cut(value: Any) -> Any:
            return value[place] if isinstance(value, Tensor) and self.batched(value) else value

        return replace(
            self, args=tuple(map(cut, self.args)), kwargs={k: cut(v) for k, v in self.kwargs.items()},
            target=cut(self.target), size=size, repeated=True,
        )  # fmt: skip


def feeds_of(
    model: nn.Module | None, data: Iterable[Any], *, samples: int = SAMPLES, names: Sequence[str] = ()
) -> tuple[Feed, ...]:
    """Return the first batches of a data set as a model's inputs.

    Args:
        model: whose `forward` says what is an input; None where only a file is known.
        data: gives batches. samples: about how many are taken; at most 256 MiB of inputs.
        names: of the inputs, where there is no model.

    Raises:
        UsageError: the data gave no batch, or its inputs are no tensors.
    """
    found: list[Feed] = []
    splits = None
    taken = held = 0
    for batch in data:
        batch = to_device(batch, CPU)
        if splits is None:
            splits = _splitter(model, batch, names)
        args, kwargs, target = splits(batch)
        found.append(_feed(model, args, kwargs, target, batch_size(batch)))
        taken += found[-1].size
        held += sum(one.nbytes for one in found[-1].tensors().values())
        if taken >= samples or held >= MOST_BYTES:
            break
    if not found:
        raise UsageError("The data gave no batch.", suggestion="Check the loader and its data set.")
    return tuple(found)


def _splitter(model: nn.Module | None, batch: Any, names: Sequence[str]) -> Any:
    if model is None:
        return lambda batch: _by_names(batch, names)
    splits = make_task(model, _SOME_LOSS, batch).splits
    args, kwargs, _ = splits(batch)
    if not _binds(model, args, kwargs) and isinstance(batch, (tuple, list)):
        return lambda batch: (tuple(batch), {}, batch[-1])  # it cannot be called without its target
    return splits


def _by_names(batch: Any, names: Sequence[str]) -> tuple[tuple[Any, ...], dict[str, Any], Any]:
    """Take a batch apart by the inputs of a file: by name, else the first ones."""
    if isinstance(batch, Mapping):
        target = next((batch[key] for key in TARGET_KEYS if key in batch and key not in names), None)
        kwargs = {key: batch[key] for key in names if key in batch}
        if kwargs:
            return (), kwargs, target
        return tuple(batch[key] for key in batch if key not in TARGET_KEYS), {}, target
    if isinstance(batch, (tuple, list)):
        count = min(len(names) or max(len(batch) - 1, 1), len(batch))
        return tuple(batch[:count]), {}, batch[-1] if len(batch) > count else None
    return (batch,), {}, None


def _binds(model: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    try:
        inspect.signature(model.forward).bind(*args, **kwargs)
    except (TypeError, ValueError):
        return False
    return True


def _feed(
    model: nn.Module | None, args: tuple[Any, ...], kwargs: Mapping[str, Any], target: Any, size: int
) -> Feed:
    named = {**dict(zip(_positions(model, len(args)), args, strict=True)), **kwargs}
    tensors = tuple(name for name, value in named.items() if isinstance(value, Tensor))
    odd = {name: value for name, value in named.items() if not isinstance(value, (Tensor, type(None)))}
    if odd or not tensors:
        name, value = next(iter(odd.items()), ("the batch", args))
        raise UsageError(
            f"Inputs must be tensors, and `{name}` is {describe(value)}.",
            suggestion="An exported model takes tensors alone: give batches of (input, target) or a mapping.",
        )
    return Feed(tuple(args), dict(kwargs), target, tensors, size)


def _positions(model: nn.Module | None, count: int) -> list[str]:
    known: list[str] = []
    if model is not None:
        parameters = inspect.signature(model.forward).parameters.values()
        known = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [known[i] if i < len(known) else f"input_{i}" for i in range(count)]


def drawn_feeds(
    model: nn.Module | None, shapes: Sequence[Sequence[int]], dtype: str = "float32", *, size: int = 8
) -> tuple[Feed, ...]:
    """Return inputs of given shapes with random numbers, where there is no data; own generator.

    Args:
        shapes: of one sample each, without the batch. dtype: float32: from a normal distribution; int64:
            ids below the smallest table of an nn.Embedding of the model (100 where there is none).
    """
    generator = torch.Generator().manual_seed(0)
    tables = [m.num_embeddings for m in model.modules() if isinstance(m, nn.Embedding)] if model else []
    below = min(tables, default=100)

    def draw(shape: Sequence[int]) -> Tensor:
        if dtype == "int64":
            return torch.randint(below, (size, *shape), generator=generator)
        return torch.randn((size, *shape), generator=generator)

    made = [_feed(model, tuple(map(draw, shapes)), {}, None, size) for _ in range(4)]
    return tuple(replace(one, drawn=True) for one in made)


def shape_of_words(words: str) -> tuple[int, ...]:
    """Return `1,28,28` as (1, 28, 28).

    Raises:
        UsageError: it is no such list.
    """
    parts = words.replace("x", ",").strip("()[] ").split(",")
    try:
        found = tuple(int(part) for part in parts if part.strip())
    except ValueError:
        found = ()
    if not found or min(found) < 1:
        raise UsageError(
            f"`--input-shape {words}`: it must be the sizes of one sample, without the batch.",
            suggestion="For example --input-shape 1,28,28 (channels, height, width).",
        )
    return found
