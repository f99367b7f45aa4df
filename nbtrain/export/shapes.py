"""Which sizes of the inputs may differ from call to call: the batch, and those that differ in the data."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nbtrain.exported.feed import Feed

BATCH = "batch"


@dataclass(frozen=True)
class Shapes:
    """Sizes that may differ.

    Attributes:
        free: input -> dimension -> name of its size; sizes of one name are equal in every call.
        example: inputs to follow the model with. dynamic_batch: the batch is among them.
    """

    free: Mapping[str, Mapping[int, str]]
    example: Feed
    dynamic_batch: bool

    def spec(self, model: nn.Module, limits: Mapping[str, Mapping[str, int]] | None = None) -> Any:
        """Return them as torch.export wants them: by parameter of `forward`.

        Args:
            limits: name of a size -> its `min` and `max`, where it has some.
        """
        known = limits or {}
        dims = {
            name: torch.export.Dim(name, **known.get(name, {}))
            for name in dict.fromkeys(one for sizes in self.free.values() for one in sizes.values())
        }
        if not dims:
            return None
        names = iter(self.example.names)

        def of(value: Any) -> Any:
            if isinstance(value, Tensor):
                free = self.free.get(next(names), {})
                return {place: dims[name] for place, name in free.items()}
            if isinstance(value, tuple):
                return tuple(map(of, value))
            return {key: of(one) for key, one in value.items()} if isinstance(value, Mapping) else None

        bound = inspect.signature(model.forward).bind(*self.example.args, **self.example.kwargs)
        by_name = dict.fromkeys(bound.arguments)
        order = [*bound.arguments]  # args first, then kwargs as given: the order of `names`
        given = {key: place for place, key in enumerate(self.example.kwargs)}
        for key in sorted(order, key=lambda key: given.get(key, -1)):
            by_name[key] = of(bound.arguments[key])
        return by_name


def shapes_of(feeds: Sequence[Feed], *, fixed_batch: bool) -> Shapes:
    """Find what differs between batches.

    Args:
        feeds: real batches. fixed_batch: the batch's size is to stay that of the first batch.
    """
    if fixed_batch:
        feeds = [one for one in feeds if one.size == feeds[0].size]
    seen: dict[tuple[int, ...], str] = {}
    free: dict[str, dict[int, str]] = {}
    for name, first in feeds[0].tensors().items():
        free[name] = {}
        others = [one.tensors().get(name) for one in feeds]
        if any(one is None or one.dim() != first.dim() for one in others):
            continue
        for place in range(first.dim()):
            sizes = tuple(one.shape[place] for one in others)
            if place == 0 and all(one.batched(tensor) for one, tensor in zip(feeds, others, strict=True)):
                if not fixed_batch:
                    free[name][0] = BATCH
            elif len(set(sizes)) > 1:
                free[name][place] = seen.setdefault(sizes, f"size_{len(seen)}")
    example = max(feeds, key=lambda one: min(one.size, 2) * 10**9 + sum(t.numel() for t in _all(one)))
    if not fixed_batch and example.size < 2:  # exporters take a size of 1 for a constant
        example = example.resized(2)
    return Shapes(free, example, any(BATCH in one.values() for one in free.values()))


def _all(feed: Feed) -> list[Tensor]:
    return list(feed.tensors().values())
