"""What a namespace holds that training could use, sorted by what the objects are; aliases are merged.

Only types and instance dictionaries are looked at: no code of a foreign object runs. Choosing is done
elsewhere.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.loss import _Loss
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader, Dataset

from nbtrain.notebook.modules import children, has_forward, parameters_of
from nbtrain.notebook.names import (
    best_name,
    counts,
    data_role,
    names_a_loader,
    speaks_of_data,
    speaks_of_loss,
)
from nbtrain.notebook.wording import attribute

MOST_ITEMS = 64  # a dict or list longer than this holds data, not the parts of a set-up
# Objects of these packages hold no model of the person's; their instances are not searched.
_CLOSED_PACKAGES = frozenset(
    ["builtins", "collections", "datetime", "functools", "IPython", "ipykernel", "ipywidgets", "jax",
     "logging", "matplotlib", "nbtrain", "numpy", "pandas", "pathlib", "PIL", "plotly", "polars", "re",
     "scipy", "seaborn", "sklearn", "tensorflow", "threading", "torch", "tqdm", "traitlets", "wandb",
     "mlflow"]
)  # fmt: skip


@dataclass(frozen=True)
class Named:
    """An object and the name to call it by: a variable, or the way to it (`trainer.model`, `loaders[0]`)."""

    name: str
    value: Any


@dataclass
class Candidates:
    """Objects by kind, each once, under its best name. `nested` ones are kept one level inside other objects.

    `lists` are lists and tuples of batches, `iterables` objects of a person's class that give batches,
    `classes` model classes, `containers` modules that cannot be called, `functions` those named like a loss.
    """

    models: list[Named] = field(default_factory=list)
    criteria: list[Named] = field(default_factory=list)
    optimizers: list[Named] = field(default_factory=list)
    schedulers: list[Named] = field(default_factory=list)
    loaders: list[Named] = field(default_factory=list)
    lists: list[Named] = field(default_factory=list)
    iterables: list[Named] = field(default_factory=list)
    datasets: list[Named] = field(default_factory=list)
    tensors: list[Named] = field(default_factory=list)
    functions: list[Named] = field(default_factory=list)
    containers: list[Named] = field(default_factory=list)
    classes: list[Named] = field(default_factory=list)
    nested: Candidates | None = None

    def everything(self) -> Iterator[Named]:
        """Yield every candidate of every kind, without the nested ones."""
        for kind in KINDS:
            yield from getattr(self, kind)


KINDS = (
    "models", "criteria", "optimizers", "schedulers", "loaders", "lists", "iterables", "datasets", "tensors",
    "functions", "containers", "classes",
)  # fmt: skip
_ROLE_OF_KIND = {
    "models": "model", "criteria": "loss", "functions": "loss", "optimizers": "optimizer",
    "schedulers": "scheduler", "loaders": "train", "lists": "train", "iterables": "train",
}  # fmt: skip


def collect(namespace: Mapping[str, Any]) -> Candidates:
    """Sort what the namespace holds; IPython's history names are left out."""
    sorter = _Sorter()
    for name, value in list(namespace.items()):
        if counts(name):
            sorter.add(name, value)
    found = sorter.result()
    inner = _Sorter(known=sorter.ids)
    for holder in sorter.holders:
        for name, value in _inside(holder):
            inner.add(name, value)
    found.nested = inner.result()
    _add_schedulers_optimizers(found)
    return found


def _add_schedulers_optimizers(found: Candidates) -> None:
    """An optimizer that only its scheduler still knows is reached through it: `StepLR(Adam(...), 10)`."""
    assert found.nested is not None
    known = {id(one.value) for group in (found, found.nested) for one in group.optimizers}
    for scheduler in [*found.schedulers, *found.nested.schedulers]:
        optimizer = attribute(scheduler.value, "optimizer")
        if issubclass(type(optimizer), Optimizer) and id(optimizer) not in known:
            known.add(id(optimizer))
            found.nested.optimizers.append(Named(f"{scheduler.name}.optimizer", optimizer))


class _Sorter:
    """Puts values into kinds, remembering each object's names."""

    def __init__(self, known: set[int] | None = None) -> None:
        self.ids: set[int] = set() if known is None else set(known)
        self.holders: list[Named] = []
        self._outer = frozenset(self.ids)
        self._names: dict[int, list[str]] = {}
        self._found: dict[int, tuple[str, Any]] = {}
        self._rules: dict[type, Callable[[str, Any], str] | None] = {}

    def add(self, name: str, value: Any) -> None:
        if id(value) in self._outer:
            return
        kind = type(value)
        if kind not in self._rules:
            self._rules[kind] = _rule_for(kind)
        rule = self._rules[kind]
        if rule is None:
            if _opens(kind):
                self.holders.append(Named(name, value))
            return
        sort = rule(name, value)
        if sort:
            self.ids.add(id(value))
            self._names.setdefault(id(value), []).append(name)
            self._found[id(value)] = (sort, value)
        if sort in ("", "lists") and _opens(kind):
            self.holders.append(Named(name, value))

    def result(self) -> Candidates:
        found = Candidates()
        for key, (sort, value) in self._found.items():
            name = best_name(self._names[key], _ROLE_OF_KIND.get(sort, ""))
            getattr(found, sort).append(Named(name, value))
        return found


def _rule_for(kind: type) -> Callable[[str, Any], str] | None:
    """Return what decides the kind of a value of this type; None when the type alone rules it out."""
    if issubclass(kind, type):
        return lambda name, value: "classes" if _is_model_class(value) else ""
    for parent, rule in (
        (nn.Module, _sort_module),
        (Optimizer, lambda name, value: "optimizers"),
        (LRScheduler, lambda name, value: "schedulers"),
        (DataLoader, lambda name, value: "loaders"),
        (Dataset, lambda name, value: "datasets"),
        (Tensor, lambda name, value: "tensors"),
        ((list, tuple), _sort_list),
        ((types.FunctionType, types.BuiltinFunctionType, functools.partial), _sort_function),
    ):
        if issubclass(kind, parent):
            return rule
    package = kind.__module__.split(".")[0]
    if package == "datasets" and hasattr(kind, "__getitem__"):
        return lambda name, value: "datasets"  # Hugging Face's
    if package == "numpy" and kind.__name__ == "ndarray":
        return lambda name, value: "tensors"
    if package in _CLOSED_PACKAGES or issubclass(kind, (Mapping, str, bytes, types.ModuleType)):
        return None
    return _sort_object


def _is_model_class(value: type) -> bool:
    package = str(type.__getattribute__(value, "__module__")).split(".")[0]
    return package not in ("torch", "torchvision", "nbtrain") and nn.Module in value.__mro__


def _sort_module(name: str, value: nn.Module) -> str:
    if is_criterion(name, value):
        return "criteria"
    if not has_forward(value):
        return "containers"
    return "" if is_accessory(value) else "models"


def is_criterion(name: str, module: nn.Module) -> bool:
    """Say whether a module is a loss: torch's, or named like one and called with two values."""
    kind = type(module)
    if issubclass(kind, _Loss):
        return True
    if kind.__name__.endswith(("Loss", "Criterion")):
        # `ModelWithLoss(model)` trains the parameters of its parts: it is a model, unless it is called a loss
        inner = any(parameters_of(part) for _, part in children(module))
        return not inner or speaks_of_loss(name)
    if not speaks_of_loss(name) or parameters_of(module):
        return False
    arguments = argument_names(kind.forward)
    return arguments is not None and len(arguments) == 3  # self, output, target


def is_accessory(module: nn.Module) -> bool:
    """Say whether a module is no model but a metric or a data transform."""
    packages = {base.__module__.split(".")[0] for base in type(module).__mro__}
    if "torchmetrics" in packages:
        return True
    if parameters_of(module):
        return False
    if not packages.isdisjoint({"torchvision", "kornia", "torchaudio"}):
        return True
    return all(callable(getattr(type(module), name, None)) for name in ("update", "compute", "reset"))


def _sort_list(name: str, value: Any) -> str:
    return "lists" if type(value) in (list, tuple) and is_batches(value) else ""


def is_batches(value: list[Any] | tuple[Any, ...]) -> bool:
    """Say whether a list holds batches: the first is a pair or dict of tensors of one first dimension."""
    if not value:
        return False
    first = value[0]
    if type(first) in (tuple, list):
        parts = list(first)
    elif isinstance(first, dict):
        parts = list(first.values())
    else:
        return False
    sizes = {part.shape[0] for part in parts if isinstance(part, Tensor) and part.dim()}
    flat = any(isinstance(part, Tensor) and not part.dim() for part in parts)
    return (
        len(sizes) == 1
        and not flat
        and len(parts) >= 2
        and all(isinstance(part, Tensor) for part in parts[:2])
    )


def _sort_function(name: str, value: Any) -> str:
    return "functions" if speaks_of_loss(name) else ""


def _sort_object(name: str, value: Any) -> str:
    kind = type(value)
    state = _state(value)
    bound = issubclass(type(state.get("optimizer")), Optimizer)
    steps = callable(getattr(kind, "step", None))
    tells_lr = hasattr(kind, "get_last_lr") or hasattr(kind, "get_lr")
    if steps and bound and tells_lr and not hasattr(kind, "zero_grad"):
        return "schedulers"
    grouped = bound or (steps and type(attribute(value, "param_groups")) is list)
    if steps and grouped and callable(getattr(kind, "zero_grad", None)):
        return "optimizers"
    if hasattr(kind, "__next__"):
        return ""  # read once, as itertools.cycle(loader): never chosen; `named_like_data` speaks of it
    if hasattr(kind, "__iter__") and not hasattr(kind, "__len__") and data_role(name):
        return "iterables" if names_a_loader(name) else ""
    if hasattr(kind, "__iter__") and hasattr(kind, "__len__"):
        signs = "dataset" in state or "batch_size" in state or "loader" in state
        return "iterables" if signs or speaks_of_data(name) or speaks_of_data(kind.__name__) else ""
    if callable(value) and kind.__name__.endswith(("Loss", "Criterion")):
        return "criteria"
    if hasattr(kind, "__getitem__") and hasattr(kind, "__len__") and speaks_of_data(name):
        return "datasets"
    return ""


def argument_names(function: Any) -> list[str] | None:
    """Return the names of a function's required positional arguments, None when it cannot be told."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in parameters if p.kind in positional and p.default is p.empty]


def _opens(kind: type) -> bool:
    if kind in (dict, list, tuple) or kind is types.SimpleNamespace:
        return True
    if issubclass(kind, (type, nn.Module, Tensor, Optimizer, LRScheduler, DataLoader, types.FunctionType)):
        return False
    return kind.__module__.split(".")[0] not in _CLOSED_PACKAGES and not issubclass(kind, types.ModuleType)


def _inside(holder: Named) -> list[tuple[str, Any]]:
    """List what an object keeps one level deep, with the way to it as a name."""
    value = holder.value
    if type(value) is dict:
        if len(value) > MOST_ITEMS:
            return []
        return [
            (f"{holder.name}[{_quoted(key)}]", part) for key, part in value.items() if type(key) in (str, int)
        ]
    if type(value) in (list, tuple):
        return [(f"{holder.name}[{place}]", part) for place, part in enumerate(value[:MOST_ITEMS])]
    return [(f"{holder.name}.{key}", part) for key, part in _state(value).items() if isinstance(key, str)]


def _quoted(key: str | int) -> str:
    return str(key) if isinstance(key, int) else f'"{key}"'


def _state(value: Any) -> dict[str, Any]:
    try:
        state = object.__getattribute__(value, "__dict__")
    except Exception:  # objects with slots, proxies that refuse: nothing to look into
        return {}
    return state if isinstance(state, dict) else {}
