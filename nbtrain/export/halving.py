"""A model in half precision that takes and gives 32-bit floats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from nbtrain.exported.feed import Feed


class Halved(nn.Module):
    """Casts floating inputs to half and floating outputs back; same names of inputs where they are given.

    Shapes: those of the model inside.
    """

    def __init__(self, model: nn.Module, example: Feed) -> None:
        super().__init__()
        self.inside = model.half()
        self._count = len(example.args)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return the model's output in 32-bit floats."""
        return _cast(self.inside(*_cast(args, torch.float16), **_cast(kwargs, torch.float16)), torch.float32)


def _cast(thing: Any, dtype: torch.dtype) -> Any:
    if isinstance(thing, Tensor):
        return thing.to(dtype) if thing.is_floating_point() else thing
    if isinstance(thing, tuple) and not hasattr(thing, "_fields"):
        return tuple(_cast(one, dtype) for one in thing)
    if isinstance(thing, list):
        return [_cast(one, dtype) for one in thing]
    if type(thing) is dict or isinstance(thing, Mapping):
        return {key: _cast(one, dtype) for key, one in thing.items()}
    return thing
