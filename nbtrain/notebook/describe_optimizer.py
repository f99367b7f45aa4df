"""An optimizer as JSON-ready values: its groups with every setting, tensors and parameters counted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from nbtrain.notebook.modules import size_of
from nbtrain.notebook.ownership import inner_optimizer
from nbtrain.notebook.wording import attribute, scalar

_FIRST = ("lr", "initial_lr", "weight_decay", "betas", "momentum")


def describe_optimizer(optimizer: Any, name: str = "") -> dict[str, Any]:
    """Describe an optimizer; wrappers with `.optimizer` are looked through.

    Returns:
        `{"name", "class", "groups": [{"lr", "weight_decay", "betas" or "momentum", ..., "tensors",
        "params"}]}`; settings as the group holds them, tensors as numbers, what is no plain value left out.
    """
    inner = inner_optimizer(optimizer)
    groups = attribute(inner, "param_groups") or []
    return {"name": name, "class": type(inner).__name__, "groups": [_group(group) for group in groups]}


def _group(group: Mapping[str, Any]) -> dict[str, Any]:
    keys = [key for key in _FIRST if key in group] + [
        key for key in group if key not in _FIRST and key != "params"
    ]
    settings = {str(key): plain(group[key]) for key in keys}
    tensors = list(group.get("params", ()))
    kept = {key: value for key, value in settings.items() if value is not _NOT_PLAIN}
    return {**kept, "tensors": len(tensors), "params": sum(size_of(tensor) for tensor in tensors)}


class _NotPlain:
    """Stands for a setting that JSON cannot hold."""


_NOT_PLAIN = _NotPlain()


def plain(value: Any) -> Any:
    """Return a JSON-ready value: tensors as numbers, tuples as lists, non-finite floats as their names."""
    if isinstance(value, Tensor) and value.numel() == 1:
        value = scalar(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, (bool, int, float, str, type(None))):
        return value
    if isinstance(value, (tuple, list)):
        parts = [plain(part) for part in value]
        return _NOT_PLAIN if any(part is _NOT_PLAIN for part in parts) else parts
    return _NOT_PLAIN
