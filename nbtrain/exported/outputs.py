"""What a model returns -> named tensors in a fixed order."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from nbtrain.train.batch import logits_of


def named_outputs(output: Any) -> dict[str, Tensor]:
    """Return the tensors of an output, nested ones too: `output`, `logits`, `output_1`, `hidden.0`.

    Shapes: any. None and numbers are left out, as every exporter leaves them out.
    """
    if isinstance(output, Tensor):
        return {"output": output}
    return dict(_walk(output, ""))


def _walk(thing: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(thing, Tensor):
        yield name or "output", thing
    elif isinstance(thing, Mapping):
        for key, value in thing.items():
            yield from _walk(value, f"{name}.{key}" if name else str(key))
    elif isinstance(thing, (tuple, list)):
        names = getattr(thing, "_fields", None) or [
            f"{name}.{i}" if name else f"output_{i}" for i in range(len(thing))
        ]
        for key, value in zip(names, thing, strict=True):
            yield from _walk(value, key)
    elif dataclasses.is_dataclass(thing):
        for one in dataclasses.fields(thing):
            yield from _walk(getattr(thing, one.name), f"{name}.{one.name}" if name else one.name)


def place_of_logits(output: Any) -> int | None:
    """Return which of the named outputs is the prediction; None where none is."""
    logits = logits_of(output)
    tensors = list(named_outputs(output).values())
    return next((place for place, one in enumerate(tensors) if one is logits), None)
