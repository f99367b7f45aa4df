"""A model as a table, one row a module, depth first: what it is, what it holds, which group trains it.

Reads attributes only: no forward, no device sync, no code of the model. Knows nothing of how it is shown.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from nbtrain.notebook.modules import children, own_buffers, own_parameters, size_of, walk
from nbtrain.notebook.ownership import inner_optimizer
from nbtrain.notebook.wording import attribute

# A row's place in the list each module becomes.
COLUMNS = (
    "path", "depth", "class", "own_params", "total_params", "dtype", "device", "state", "shared_with",
    "held_by", "output_shape",
)  # fmt: skip
_TRAINABLE, _FROZEN = 1, 2
_STATES = {0: "none", _TRAINABLE: "trainable", _FROZEN: "frozen", _TRAINABLE | _FROZEN: "mixed"}


@dataclass
class _Row:
    """One module while the tree is walked; sums of its parts are added on the way up."""

    path: str
    depth: int
    module: nn.Module
    parent: int
    own: list[tuple[str, Tensor]]
    repeated: bool
    shared_with: str = ""
    total: int = 0
    flags: int = 0
    dtypes: set[str] = field(default_factory=set)
    devices: set[str] = field(default_factory=set)


def describe_model(
    model: nn.Module,
    *,
    optimizers: Mapping[str, Any] | None = None,
    output_shapes: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Describe a model as JSON-ready values, in a time that grows with its number of modules only.

    Args:
        optimizers: name -> optimizer, to tell which group trains what; without any, `held_by` stays empty.
        output_shapes: module path -> shape in words, where known.

    Returns:
        `{"class", "total_params", "trainable_params", "columns", "modules": [row, ...]}`, rows depth first,
        each a list in the order of COLUMNS. A parameter counts once in every sum, however often it is used.
        `state`, `dtype` and `device` speak of the module with all its parts; `own_params` and `held_by` of
        the module itself. `shared_with` is the path of the module that has the same weights first. A module
        used twice has a second row without parts.
    """
    rows = _walk_rows(model)
    first_use = _mark_shared(rows)
    _add_up(rows, first_use)
    groups = _groups(optimizers or {})
    shapes = output_shapes or {}
    unique = {id(p): p for row in rows for _, p in row.own}
    return {
        "class": type(model).__name__,
        "total_params": sum(size_of(p) for p in unique.values()),
        "trainable_params": sum(size_of(p) for p in unique.values() if p.requires_grad),
        "columns": list(COLUMNS),
        "modules": [
            [
                row.path,
                row.depth,
                type(row.module).__name__,
                sum(size_of(p) for _, p in row.own),
                row.total,
                ", ".join(sorted(row.dtypes)),
                ", ".join(sorted(row.devices)),
                _STATES[row.flags],
                row.shared_with,
                _held_by(row, groups, known=bool(optimizers)),
                shapes.get(row.path, ""),
            ]
            for row in rows
        ],
    }


def model_signature(model: nn.Module) -> Hashable:
    """Return a value that changes when what the table shows of a model changes.

    Freezing, `.to`, `.eval()`, a replaced layer or parameter. Cheap enough for a poller: about 1 us a tensor,
    no device sync.
    """
    seen: list[Any] = []
    for _, module in walk(model):
        seen.append((id(module), attribute(module, "training") is True))
        for _, parameter in own_parameters(module):
            seen.append(
                (
                    id(parameter),
                    parameter.requires_grad,
                    parameter.dtype,
                    parameter.device,
                    is_lazy(parameter),
                )
            )
    return len(seen), hash(tuple(seen))


def _walk_rows(model: nn.Module) -> list[_Row]:
    """List the modules depth first; one that was seen before gets a row and is not entered again."""
    rows: list[_Row] = []
    first: dict[int, str] = {}
    waiting: list[tuple[str, int, nn.Module, int]] = [("", 0, model, -1)]
    while waiting:
        path, depth, module, parent = waiting.pop()
        before = first.get(id(module))
        row = _Row(path, depth, module, parent, own_parameters(module), before is not None, before or "")
        rows.append(row)
        if before is not None:
            continue
        first[id(module)] = path
        for name, part in reversed(children(module)):
            waiting.append((f"{path}.{name}" if path else name, depth + 1, part, len(rows) - 1))
    return rows


def _mark_shared(rows: list[_Row]) -> dict[int, list[int]]:
    """Note whose parameters each module uses; return id -> rows that use it, for shared parameters."""
    uses: dict[int, list[int]] = {}
    for index, row in enumerate(rows):
        for _, parameter in row.own:
            places = uses.setdefault(id(parameter), [])
            places.append(index)
            if len(places) > 1 and not row.shared_with and rows[places[0]].module is not row.module:
                row.shared_with = rows[places[0]].path
    return {key: places for key, places in uses.items() if len(places) > 1}


def _add_up(rows: list[_Row], shared: Mapping[int, list[int]]) -> None:
    """Sum sizes, states, dtypes, devices from the leaves up; a shared parameter counts once a level."""
    for row in reversed(rows):
        for _, parameter in row.own:
            row.total += size_of(parameter)
            row.flags |= _TRAINABLE if parameter.requires_grad else _FROZEN
            row.dtypes.add(_dtype(parameter))
            row.devices.add(str(parameter.device))
        if not row.own and not row.devices:
            for _, buffer in own_buffers(row.module):
                row.dtypes.add(_dtype(buffer))
                row.devices.add(str(buffer.device))
        if row.parent >= 0:
            above = rows[row.parent]
            above.total += row.total
            above.flags |= row.flags
            above.dtypes |= row.dtypes
            above.devices |= row.devices
    sizes = {id(p): size_of(p) for row in rows for _, p in row.own if id(p) in shared}
    for key, places in shared.items():
        times: dict[int, int] = {}
        for place in places:
            while place >= 0:
                times[place] = times.get(place, 0) + 1
                place = rows[place].parent
        for place, used in times.items():
            rows[place].total -= (used - 1) * sizes[key]


def _dtype(tensor: Tensor) -> str:
    name = str(tensor.dtype).removeprefix("torch.")
    return f"{name} (not initialised)" if is_lazy(tensor) else name


def _groups(optimizers: Mapping[str, Any]) -> dict[int, str]:
    """Return parameter id -> `optimizer[0]`, several joined by a comma."""
    held: dict[int, str] = {}
    for name, optimizer in optimizers.items():
        for index, group in enumerate(attribute(inner_optimizer(optimizer), "param_groups") or ()):
            label = f"{name}[{index}]"
            for parameter in group["params"]:
                before = held.get(id(parameter))
                held[id(parameter)] = label if before is None else f"{before}, {label}"
    return held


def _held_by(row: _Row, groups: Mapping[int, str], *, known: bool) -> str:
    if not known:
        return ""
    labels = [groups.get(id(p), "none" if p.requires_grad else "") for _, p in row.own]
    return ", ".join(dict.fromkeys(label for label in labels if label))
