"""What a person set on an object of torch: arguments of its making that differ from their defaults."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from torch import Tensor

MOST_VALUES = 4  # of a tensor, written out; of a larger one its length


def own_settings(kind: type, values: Mapping[str, Any], *, beside: tuple[str, ...] = ()) -> list[str]:
    """Return `name=value` of each setting that is not the default of `kind`, in the order of its signature.

    Args:
        kind: a class; of one that is not torch's own nothing is told, for its arguments may mean anything.
        values: what an object of it holds, by name: its attributes, an optimizer's group.
        beside: settings that are told anyway.
    """
    if not kind.__module__.startswith("torch."):
        return []
    said = []
    for name, parameter in inspect.signature(kind).parameters.items():
        if name in beside or name not in values or parameter.default is parameter.empty:
            continue
        if (text := _text(values[name])) and text != _text(parameter.default):
            said.append(f"{name}={text}")
    return said


def _text(value: Any) -> str:
    if isinstance(value, Tensor):
        if value.numel() > MOST_VALUES:
            return f"({value.numel():,} values)"
        return f"({', '.join(f'{one:g}' for one in value.detach().flatten().tolist())})"
    if isinstance(value, (bool, str)):
        return str(value)
    return f"{value:g}" if isinstance(value, (int, float)) else ""
