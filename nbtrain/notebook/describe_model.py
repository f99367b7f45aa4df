"""A model as a table, one row a module, depth first: what it is, what it holds, which group trains it.

Reads attributes only: no forward, no device sync, no code of the model. Knows nothing of how it is shown.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from nbtrain.notebook.modules import children, own_buffers, own_parameters, size_of, walk
from nbtrain.notebook.ownership import inner_optimizer
from nbtrain.notebook.wording import attribute

# A value's place in the tuple each module becomes.
COLUMNS = (
    "path", "depth", "class", "own_params", "total_params", "dtype", "device", "state", "shared_with",
    "held_by", "output_shape",
)  # fmt: skip
_TRAINABLE, _FROZEN = 1, 2
_STATES = {0: "none", _TRAINABLE: "trainable", _FROZEN: "frozen", _TRAINABLE | _FROZEN: "mixed"}


class _Tree:
    """The modules depth first, a list for each column; sums of parts are added on the way up.

    Columns and no row objects: with some objects for each of 10,000 modules the garbage collector ran, and
    took longer than all the rest.
    """

    def __init__(self, model: nn.Module) -> None:
        """Walk the model; a module that was seen before gets a row and is not entered again."""
        self.paths, self.depths, self.modules, self.parents = [""], [0], [model], [-1]
        self.shared_with: dict[int, str] = {}  # row -> path of the module that has the same weights first
        first = {id(model): ""}
        waiting = [(0, iter(children(model)))]
        while waiting:
            parent, parts = waiting[-1]
            name, part = next(parts, ("", None))
            if part is None:
                waiting.pop()
                continue
            above, row = self.paths[parent], len(self.paths)
            path = f"{above}.{name}" if above else name
            self.paths.append(path)
            self.depths.append(self.depths[parent] + 1)
            self.modules.append(part)
            self.parents.append(parent)
            before = first.setdefault(id(part), path)
            if before is path:
                waiting.append((row, iter(children(part))))
            elif before:
                self.shared_with[row] = before
        count = len(self.paths)
        self._rows: list[int] = []
        self._tensors: list[Tensor] = []
        for row, module in enumerate(self.modules):
            for _, parameter in own_parameters(module):
                self._rows.append(row)
                self._tensors.append(parameter)
        self.sizes, self.totals, self.flags, self.dtypes, self.devices = ([0] * count for _ in range(5))

    def parameters(self) -> Iterator[tuple[int, Tensor]]:
        """Return (row, parameter) of each module's own parameters."""
        return zip(self._rows, self._tensors, strict=True)

    def mark_shared(self) -> dict[int, list[int]]:
        """Note whose parameters each module uses; return id -> rows that use it, for shared parameters."""
        first: dict[int, int] = {}
        shared: dict[int, list[int]] = {}
        for row, parameter in self.parameters():
            place = first.get(id(parameter))
            if place is None:
                first[id(parameter)] = row
                continue
            shared.setdefault(id(parameter), [place]).append(row)
            if self.modules[place] is not self.modules[row]:
                self.shared_with.setdefault(row, self.paths[place])
        return shared

    def add_up(self, dtypes: _Words, devices: _Words) -> None:
        """Sum sizes, states, dtypes, devices from the leaves up."""
        for row, parameter in self.parameters():
            self.sizes[row] += size_of(parameter)
            self.flags[row] |= _TRAINABLE if parameter.requires_grad else _FROZEN
            self.dtypes[row] |= dtypes.bit(_dtype(parameter))
            self.devices[row] |= devices.bit(parameter.device)
        self.totals = list(self.sizes)
        for row in range(len(self.paths) - 1, -1, -1):
            if not self.devices[row]:
                for _, buffer in own_buffers(self.modules[row]):
                    self.dtypes[row] |= dtypes.bit(_dtype(buffer))
                    self.devices[row] |= devices.bit(buffer.device)
            if (above := self.parents[row]) >= 0:
                self.totals[above] += self.totals[row]
                self.flags[above] |= self.flags[row]
                self.dtypes[above] |= self.dtypes[row]
                self.devices[above] |= self.devices[row]

    def count_once(self, shared: Mapping[int, list[int]]) -> None:
        """Take out of the totals what `add_up` counted more than once: a shared parameter counts once a
        level.
        """
        sizes = {id(p): size_of(p) for _, p in self.parameters() if id(p) in shared} if shared else {}
        for key, places in shared.items():
            times: dict[int, int] = {}
            for place in places:
                while place >= 0:
                    times[place] = times.get(place, 0) + 1
                    place = self.parents[place]
            for place, used in times.items():
                self.totals[place] -= (used - 1) * sizes[key]


class _Words:
    """Words as bits of a number, and such numbers as words again."""

    def __init__(self) -> None:
        self._bits: dict[Any, int] = {}
        self._said: dict[int, str] = {0: ""}

    def bit(self, key: Any) -> int:
        return self._bits.setdefault(key, 1 << len(self._bits))

    def say(self, bits: int) -> str:
        if bits not in self._said:
            words = (str(key).removeprefix("torch.") for key, bit in self._bits.items() if bits & bit)
            self._said[bits] = ", ".join(sorted(words))
        return self._said[bits]


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
        each a tuple in the order of COLUMNS. A parameter counts once in every sum, however often it is used.
        `state`, `dtype` and `device` speak of the module with all its parts; `own_params` and `held_by` of
        the module itself. `shared_with` is the path of the module that has the same weights first. A module
        used twice has a second row without parts.
    """
    tree = _Tree(model)
    shared = tree.mark_shared()
    dtypes, devices = _Words(), _Words()
    tree.add_up(dtypes, devices)
    tree.count_once(shared)
    held = _held_by(tree, _groups(optimizers)) if optimizers else {}
    shapes = output_shapes or {}
    unique = {id(p): p for _, p in tree.parameters()}
    rows = zip(
        tree.paths, tree.depths, tree.modules, tree.sizes, tree.totals, tree.dtypes, tree.devices, tree.flags,
        strict=True,
    )  # fmt: skip
    return {
        "class": type(model).__name__,
        "total_params": sum(map(size_of, unique.values())),
        "trainable_params": sum(size_of(p) for p in unique.values() if p.requires_grad),
        "columns": list(COLUMNS),
        "modules": [
            (  # a tuple of plain values is nothing to the garbage collector, a list is
                path, depth, type(module).__name__, size, total, dtypes.say(dtype), devices.say(device),
                _STATES[flags], tree.shared_with.get(row, ""),
                held.get(row, ""), shapes.get(path, ""),
            )
            for row, (path, depth, module, size, total, dtype, device, flags) in enumerate(rows)
        ],
    }  # fmt: skip


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


def _dtype(tensor: Tensor) -> Any:
    return f"{tensor.dtype} (not initialised)" if is_lazy(tensor) else tensor.dtype


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


def _held_by(tree: _Tree, groups: Mapping[int, str]) -> dict[int, str]:
    """Return row -> the groups that hold the module's own parameters, joined by commas."""
    held: dict[int, str] = {}
    for row, parameter in tree.parameters():
        label = groups.get(id(parameter), "none" if parameter.requires_grad else "")
        before = held.get(row, "")
        if label and label not in before.split(", "):
            held[row] = f"{before}, {label}" if before else label
    return held
