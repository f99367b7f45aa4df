"""A torch module looked at without running any of its code: parts, parameters, sizes, by identity.

`model.parameters()` and the like are a person's to override, and some raise; the dictionaries that torch
keeps are not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn
from torch.nn.parameter import is_lazy


def _store(module: nn.Module, key: str) -> list[tuple[str, Any]]:
    try:
        state = object.__getattribute__(module, "__dict__")
    except AttributeError:
        return []
    store = state.get(key)  # absent when a class forgot super().__init__()
    try:
        if not store:  # most modules have no parts, or no parameters of their own
            return []
        return [(str(name), value) for name, value in store.items() if value is not None]
    except Exception:  # a scripted module may keep a wrapper that no longer answers: it shows no parts
        return []


def children(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return (name, module) of the direct parts."""
    return [(name, part) for name, part in _store(module, "_modules") if issubclass(type(part), nn.Module)]


def own_parameters(module: nn.Module) -> list[tuple[str, Tensor]]:
    """Return (name, parameter) of this module itself, without its parts."""
    return [(name, value) for name, value in _store(module, "_parameters") if isinstance(value, Tensor)]


def own_buffers(module: nn.Module) -> list[tuple[str, Tensor]]:
    """Return (name, buffer) of this module itself, without its parts."""
    return [(name, value) for name, value in _store(module, "_buffers") if isinstance(value, Tensor)]


def walk(root: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield (path, module) depth first, the root as "", each module once however often it is used."""
    seen = {id(root)}
    waiting: list[tuple[str, nn.Module]] = [("", root)]
    while waiting:
        path, module = waiting.pop()
        yield path, module
        for name, part in reversed(children(module)):
            if id(part) not in seen:
                seen.add(id(part))
                waiting.append((f"{path}.{name}" if path else name, part))


def parameters_of(root: nn.Module) -> dict[int, tuple[str, Tensor]]:
    """Return every parameter below `root` once: id -> (its first path, the tensor)."""
    found: dict[int, tuple[str, Tensor]] = {}
    for path, module in walk(root):
        for name, parameter in own_parameters(module):
            found.setdefault(id(parameter), (f"{path}.{name}" if path else name, parameter))
    return found


def size_of(parameter: Tensor) -> int:
    """Return the number of values; 0 for a lazy parameter whose shape is not known yet."""
    return 0 if is_lazy(parameter) else parameter.numel()


def total_size(parameters: dict[int, tuple[str, Tensor]]) -> int:
    """Return the number of values in all of them."""
    return sum(size_of(parameter) for _, parameter in parameters.values())


def has_forward(module: nn.Module) -> bool:
    """Say whether the module can be called; containers such as ModuleList have no forward of their own.

    Compiled and scripted models keep theirs on the instance.
    """
    kind = type(module)
    forward = getattr(kind, "forward", None)
    if forward is not None and forward is not getattr(nn.Module, "forward", None):
        return True
    try:
        return "forward" in object.__getattribute__(module, "__dict__")
    except AttributeError:
        return False
