"""Whose parameters an optimizer holds, told by identity: which model's, nobody's; how to make it again.

Compares; chooses nothing and raises nothing.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from nbtrain.notebook.candidates import Named
from nbtrain.notebook.modules import parameters_of, walk
from nbtrain.notebook.wording import attribute, scalar

Parameters = dict[int, tuple[str, Tensor]]


@dataclass(frozen=True)
class Model:
    """A model with its parameters by identity: id -> (path, tensor). `parts`: ids of all modules in it."""

    name: str
    value: nn.Module
    parameters: Parameters
    parts: frozenset[int]

    @property
    def trainable(self) -> Parameters:
        """Return the parameters that require a gradient."""
        return {key: item for key, item in self.parameters.items() if item[1].requires_grad}


@dataclass(frozen=True)
class Holder:
    """An optimizer with the tensors it updates, by id. `inner`: the torch one in a wrapper, or itself."""

    name: str
    value: Any
    inner: Any
    tensors: dict[int, Tensor]

    def held(self, model: Model) -> Parameters:
        """Return those parameters of a model that this optimizer updates."""
        return {key: item for key, item in model.parameters.items() if key in self.tensors}

    def missed(self, model: Model) -> Parameters:
        """Return the trainable parameters of a model that this optimizer does not know."""
        return {key: item for key, item in model.trainable.items() if key not in self.tensors}

    def strangers(self, living: frozenset[int]) -> int:
        """Return how many of its tensors belong to nothing that is alive."""
        return sum(key not in living for key in self.tensors)


def model_of(named: Named) -> Model:
    """Read a model's parameters."""
    parts = frozenset(id(module) for _, module in walk(named.value))
    return Model(named.name, named.value, parameters_of(named.value), parts)


def holder_of(named: Named) -> Holder:
    """Read an optimizer's tensors; wrappers with `.optimizer` are looked through."""
    inner = inner_optimizer(named.value)
    groups = attribute(inner, "param_groups")
    tensors: dict[int, Tensor] = {}
    for group in groups if isinstance(groups, list) else ():
        for tensor in group.get("params", ()) if isinstance(group, dict) else ():
            tensors[id(tensor)] = tensor
    return Holder(named.name, named.value, inner, tensors)


def inner_optimizer(value: Any) -> Any:
    """Return the torch optimizer inside a wrapper (`.optimizer`, as Accelerate has it), or the value."""
    for _ in range(4):
        inner = attribute(value, "optimizer")
        if not issubclass(type(inner), Optimizer):
            return value
        value = inner
    return value


def roots(models: Iterable[Model]) -> list[Model]:
    """Leave out the models that are parts of another one."""
    all_models = list(models)
    inside = {
        id(model.value)
        for model in all_models
        for other in all_models
        if other is not model and id(model.value) in other.parts
    }
    return [model for model in all_models if id(model.value) not in inside]


def owners(holder: Holder, models: Iterable[Model]) -> list[Model]:
    """Return the models an optimizer trains: those that hold all it has of any model, else all touched."""
    held = [(model, holder.held(model).keys()) for model in models]
    held = [(model, keys) for model, keys in held if keys]
    known = {key for _, keys in held for key in keys}
    whole = [model for model, keys in held if len(keys) == len(known)]
    return whole or [model for model, _ in held]


def same_shapes(holder: Holder, model: Model) -> bool:
    """Say whether an optimizer's tensors have a model's shapes: it was made for an earlier one of them."""
    try:
        ours = sorted(tuple(tensor.shape) for _, tensor in model.parameters.values())
        theirs = sorted(tuple(tensor.shape) for tensor in holder.tensors.values())
    except RuntimeError:  # lazy parameters have no shape yet
        return False
    return ours == theirs or (bool(theirs) and set(theirs) <= set(ours))


# --- the line that makes it again ---------------------------------------------------------------------------


def optimizer_line(holder: Holder, model_name: str, namespace: Mapping[str, Any]) -> str:
    """Return the line of code that makes an optimizer again with its own settings for a model's parameters.

    For example `optimizer = torch.optim.Adam(model.parameters(), lr=0.001)`. An optimizer with several groups
    gets `...` where its groups must be named anew.
    """
    kind = type(holder.inner)
    groups = attribute(holder.inner, "param_groups") or [{}]
    kept = groups[0] if len(groups) == 1 else attribute(holder.inner, "defaults") or groups[0]
    settings = _settings(kind, {**kept, "lr": kept.get("initial_lr", kept.get("lr"))}, first="lr")
    what = f"{model_name}.parameters()" if len(groups) == 1 else "[...]"
    target = holder.name if holder.name.isidentifier() else "optimizer"
    return f"{target} = {_callee(kind, namespace, 'torch.optim')}({', '.join([what, *settings])})"


def scheduler_line(scheduler: Named, optimizer_name: str, namespace: Mapping[str, Any]) -> str:
    """Return the line that makes a scheduler again; `...` stands for what it did not keep."""
    kind = type(scheduler.value)
    kept = dict(attribute(scheduler.value, "__dict__") or {})
    settings = _settings(kind, kept, first="")
    target = scheduler.name if scheduler.name.isidentifier() else "scheduler"
    callee = _callee(kind, namespace, "torch.optim.lr_scheduler")
    return f"{target} = {callee}({', '.join([optimizer_name, *settings])})"


def _settings(kind: type, kept: Mapping[str, Any], *, first: str) -> list[str]:
    """Write the settings that differ from the signature's defaults, the first one always."""
    try:
        parameters = list(inspect.signature(kind).parameters.values())[1:]
    except (TypeError, ValueError):
        return [f"{first}={_plain(kept.get(first))}"] if first else []
    written = []
    for parameter in parameters:
        starred = parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        if starred or parameter.name in ("last_epoch", "verbose"):
            continue
        if parameter.name not in kept:
            if parameter.default is parameter.empty:
                written.append(f"{parameter.name}=...")
            continue
        value = _plain(kept[parameter.name])
        if (
            parameter.name == first
            or parameter.default is parameter.empty
            or value != _plain(parameter.default)
        ):
            written.append(f"{parameter.name}={value}")
    return written


def _plain(value: Any) -> str:
    """Write a setting as code; `...` for what is no plain value."""
    if isinstance(value, Tensor) and value.numel() == 1:
        value = scalar(value)
    if hasattr(value, "elements"):  # MultiStepLR keeps its milestones as a Counter
        value = sorted(value.elements())
    if isinstance(value, (bool, int, float, str, type(None))):
        return repr(value)
    if isinstance(value, (tuple, list)) and all(isinstance(part, (bool, int, float, str)) for part in value):
        return repr(value)
    return "..."


def _callee(kind: type, namespace: Mapping[str, Any], package: str) -> str:
    """Write a class the way the notebook can reach it: its own name, `optim.Adam`, else the full path."""
    for name in (kind.__name__, *(key for key, value in namespace.items() if value is kind)):
        if namespace.get(name) is kind:
            return name
    if not kind.__module__.startswith("torch."):
        return kind.__name__
    if isinstance(namespace.get("torch"), types.ModuleType):
        return f"{package}.{kind.__name__}"
    short = package.split(".")[-1]
    if isinstance(namespace.get(short), types.ModuleType) and hasattr(namespace[short], kind.__name__):
        return f"{short}.{kind.__name__}"
    return f"{package}.{kind.__name__}"
