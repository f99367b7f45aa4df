"""Turn values into plain data: what JSON holds, and what `torch.load(weights_only=True)` reads back.

Knows nothing of files. numpy values become lists and numbers, since a checkpoint holding them is refused on
loading.
"""

from __future__ import annotations

import enum
import math
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import PurePath
from typing import Any

import numpy as np

from nbtrain.errors import UserError

NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
REPR_CHARS = 200
SCALARS = frozenset({type(None), bool, int, float, complex, str, bytes})  # hold nothing further


def number_name(value: float) -> str | float:
    """Return the float itself, or "NaN", "Infinity", "-Infinity": strict JSON has no such numbers."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def for_json(value: Any, *, depth: int = 0) -> Any:
    """Return `value` as JSON-ready data. Never fails: what has no JSON form becomes its repr, shortened.

    Non-finite floats become the strings "NaN", "Infinity", "-Infinity"; keys become strings.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value.value) if isinstance(value, enum.Enum) else str(value)
    if isinstance(value, enum.Enum):
        return for_json(value.value, depth=depth)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return number_name(float(value))
    if isinstance(value, (PurePath, datetime, date)):
        return str(value) if isinstance(value, PurePath) else value.isoformat()
    if depth < 20:  # deeper than anybody's settings; a self-referring container ends here too
        if isinstance(value, Mapping):
            return {str(for_json(k)): for_json(v, depth=depth + 1) for k, v in value.items()}
        if isinstance(value, np.ndarray):
            return for_json(value.tolist(), depth=depth + 1)
        if isinstance(value, (list, tuple, set, frozenset)):
            items = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
            return [for_json(item, depth=depth + 1) for item in items]
    return _short_repr(value)


def from_json_number(value: Any) -> Any:
    """Turn the three non-finite strings back into floats; anything else comes back as it is."""
    return NON_FINITE.get(value, value) if isinstance(value, str) else value


def for_torch(value: Any, where: str = "state") -> Any:
    """Return `value` as data that `torch.load(weights_only=True)` accepts; tensors stay as they are,
    detached.

    numpy arrays become nested lists, numpy scalars numbers, sets sorted lists, paths and dates strings.

    Args:
        where: the value's own name, for the error.

    Raises:
        UserError: something that is no data (an object, a function); names the place in the state.
    """
    import torch

    if type(value) in SCALARS:
        return value
    if isinstance(value, torch.Tensor):
        return value.detach() if value.requires_grad else value
    if isinstance(value, (torch.dtype, torch.device, torch.Size)):
        return value
    if isinstance(value, Counter):
        return Counter({for_torch(k, where): v for k, v in value.items()})
    if isinstance(value, OrderedDict):
        copy = OrderedDict((for_torch(k, where), for_torch(v, f"{where}[{k!r}]")) for k, v in value.items())
        if hasattr(value, "_metadata"):  # versions of modules, which load_state_dict asks for
            copy._metadata = value._metadata
        return copy
    if isinstance(value, Mapping):
        return {for_torch(k, where): for_torch(v, f"{where}[{k!r}]") for k, v in value.items()}
    if isinstance(value, (np.generic, np.ndarray)):
        return for_torch(value.tolist(), where)
    if isinstance(value, (str, int, float)):  # a subclass: an enum, a named number
        plain = next(kind for kind in (str, int, float) if isinstance(value, kind))
        return plain(value.value) if isinstance(value, enum.Enum) else plain(value)
    if isinstance(value, (set, frozenset)):
        return [for_torch(item, where) for item in sorted(value, key=repr)]
    if isinstance(value, (list, tuple)):
        items = [
            item if type(item) in SCALARS else for_torch(item, f"{where}[{i}]")
            for i, item in enumerate(value)
        ]
        return tuple(items) if isinstance(value, tuple) else items
    if isinstance(value, (PurePath, datetime, date)):
        return for_json(value)
    raise UserError(
        f"{where} is {_short_repr(value)} ({type(value).__module__}.{type(value).__qualname__}), which is "
        "no plain data: a checkpoint that holds it could not be loaded safely.",
        suggestion="Keep numbers, strings, lists, dicts and tensors in state_dict() and get_extra_state().",
        where=where,
    )


def tensor_bytes(value: Any) -> int:
    """Return how many bytes the tensors in `value` take on disk; memory shared by several is counted once."""
    import torch

    seen: dict[int, int] = {}
    todo: list[Any] = [value]
    while todo:
        item = todo.pop()
        if type(item) in SCALARS:  # the state of a generator has thousands of numbers
            continue
        if isinstance(item, torch.Tensor):
            try:
                storage = item.untyped_storage()
                seen[storage.data_ptr() or id(item)] = storage.nbytes()
            except (NotImplementedError, RuntimeError):  # sparse and wrapped tensors own no single storage
                seen[id(item)] = item.numel() * item.element_size()
        elif isinstance(item, Mapping):
            todo.extend(item.values())
        elif isinstance(item, Sequence) and not isinstance(item, (str, bytes)):
            todo.extend(item)
    return sum(seen.values())


def _short_repr(value: Any) -> str:
    try:
        text = repr(value)
    except Exception as error:  # a person's own __repr__ may do anything
        text = f"<{type(value).__name__}, whose repr raised {type(error).__name__}>"
    return text if len(text) <= REPR_CHARS else text[: REPR_CHARS - 1] + "…"
