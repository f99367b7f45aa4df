"""The notebook's training objects themselves, for questions of identity: whose parameters an optimizer holds.

Plain attribute dicts are read, no code of the person's classes runs; torch is not imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbtrain.notebook.live import is_a, modules_of


@dataclass(frozen=True, eq=False)
class HeldModel:
    """A live module under its name. `parameters`: id -> (path, tensor), shared ones once."""

    name: str
    obj: Any
    parameters: Mapping[int, tuple[str, Any]]

    @property
    def trainable(self) -> dict[int, tuple[str, Any]]:
        return {key: item for key, item in self.parameters.items() if item[1].requires_grad}

    def layers(self, *classes: str) -> list[Any]:
        """Return the modules whose class, or an ancestor of it, bears one of these names."""
        wanted = set(classes)
        return [one for one in modules_of(self.obj) if wanted & {kind.__name__ for kind in type(one).__mro__}]


@dataclass(frozen=True, eq=False)
class HeldOptimizer:
    """A live optimizer under its name. `tensors`: id -> tensor it updates; `groups`: its param_groups."""

    name: str
    obj: Any
    groups: tuple[dict[str, Any], ...]
    tensors: Mapping[int, Any]


@dataclass(frozen=True)
class Held:
    """Every training object of a namespace, each once under its first name."""

    models: tuple[HeldModel, ...] = ()
    optimizers: tuple[HeldOptimizer, ...] = ()
    schedulers: tuple[tuple[str, Any], ...] = ()
    loaders: tuple[tuple[str, Any], ...] = ()

    def models_of(self, optimizer: HeldOptimizer) -> list[HeldModel]:
        """Return the models of which an optimizer holds parameters, those with most of them first."""
        shared = [(len(one.parameters.keys() & optimizer.tensors.keys()), one) for one in self.models]
        return [one for count, one in sorted(shared, key=lambda pair: -pair[0]) if count]


def read_held(namespace: Mapping[str, Any]) -> Held:
    """Return the models, optimizers, schedulers and loaders of a namespace."""
    models, optimizers, schedulers, loaders = [], [], [], []
    seen: set[int] = set()
    for name, obj in list(namespace.items()):
        if name.startswith("_") or id(obj) in seen or issubclass(type(obj), type):
            continue
        seen.add(id(obj))
        ancestry = {kind.__name__ for kind in type(obj).__mro__}
        if is_a(obj, "torch.nn.Module"):
            models.append(HeldModel(name, obj, _parameters(obj)))
        elif is_a(obj, "torch.optim.Optimizer"):
            groups = tuple(one for one in vars(obj).get("param_groups", ()) if isinstance(one, dict))
            held = {id(one): one for group in groups for one in group.get("params", ())}
            optimizers.append(HeldOptimizer(name, obj, groups, held))
        elif ancestry & {"LRScheduler", "_LRScheduler", "ReduceLROnPlateau"}:
            schedulers.append((name, obj))
        elif is_a(obj, "torch.utils.data.DataLoader"):
            loaders.append((name, obj))
    return Held(tuple(models), tuple(optimizers), tuple(schedulers), tuple(loaders))


def _parameters(model: Any) -> dict[int, tuple[str, Any]]:
    found: dict[int, tuple[str, Any]] = {}
    waiting, seen = [("", model)], {id(model)}
    while waiting:
        path, module = waiting.pop()
        held = vars(module)
        for key, tensor in (held.get("_parameters") or {}).items():
            if tensor is not None:
                found.setdefault(id(tensor), (f"{path}{key}", tensor))
        for key, child in (held.get("_modules") or {}).items():
            if child is not None and id(child) not in seen:
                seen.add(id(child))
                waiting.append((f"{path}{key}.", child))
    return found
