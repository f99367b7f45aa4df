"""Look at a model at work and leave it as it was: gradients, buffers, counters, modes and hooks."""

from __future__ import annotations

import math
import operator
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from nbtrain.notebook.stand_in import is_open
from nbtrain.train.batch import logits_of

_PLAIN = frozenset([int, float, str, bool, type(None)])
_MOST = 100_000  # containers looked after; an object may lead to everything a notebook holds
_CONTAINERS = (list, dict, set, deque)
_OF_TORCH = frozenset(vars(nn.Module()))  # parameters, buffers, hooks: looked after elsewhere
_REGISTERED = ("_parameters", "_buffers", "_modules", "_non_persistent_buffers_set")


@contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """Start the block without gradients; afterwards put back all that a forward and a backward may change.

    Gradients are the same tensors again; so are buffers, with their values, also where `forward` put another
    tensor in their place; modes and attributes (a module that counts its calls, or keeps its last attention)
    are as before, and what was added is gone. Lists, dicts, sets and the person's objects among the
    attributes, and those inside them, are the same objects with their former content.
    """
    modules = list(model.modules())
    modes = [(module, module.training) for module in modules]
    theirs = [module for module in modules if not is_of_torch_nn(module)]
    grads = [(p, p.grad) for p in model.parameters()]
    states = [(module, dict(vars(module))) for module in theirs]
    values = _values_of(modules, theirs)
    contents: dict[int, tuple[Any, Any]] = {}
    for module in theirs:
        for name, value in vars(module).items():
            if name in _REGISTERED:
                contents[id(value)] = value, dict(value) if isinstance(value, dict) else list(value)
            elif name not in _OF_TORCH:
                _note_contents(value, contents)
    for parameter, _ in grads:
        parameter.grad = None
    try:
        yield
    finally:
        for parameter, grad in grads:
            parameter.grad = grad
        for container, before in contents.values():
            _put_back(container, before)
        for module, state in states:
            _put_attributes_back(module, state)
        for module, mode in modes:
            module.training = mode
        with torch.no_grad():
            for tensor, before in values:
                if not torch.equal(
                    tensor, before
                ):  # device sync: before a run; expanded ones cannot be written
                    tensor.copy_(before)


def is_of_torch_nn(module: nn.Module) -> bool:
    """Say whether a module is one of torch's own layers: they write into their buffers and nothing else."""
    return type(module).__module__.startswith("torch.nn.modules.")


def _values_of(modules: list[nn.Module], theirs: list[nn.Module]) -> list[tuple[Tensor, Tensor]]:
    """(tensor, a copy) of each buffer, and of each tensor that is a plain attribute of a class of the
    person's.
    """
    found: dict[int, Tensor] = {}
    for stores in ((m._buffers for m in modules), map(vars, theirs)):
        for store in stores:
            for value in store.values():
                if isinstance(value, Tensor) and not value.is_meta:
                    found[id(value)] = value
    return [(tensor, tensor.detach().clone()) for tensor in found.values()]


def _put_attributes_back(module: nn.Module, before: dict[str, Any]) -> None:
    now = vars(module)
    for name in now.keys() - before.keys():
        del now[name]
    for name, value in before.items():
        if now.get(name, _ABSENT) is not value:
            now[name] = value


_ABSENT = object()


def _note_contents(value: Any, contents: dict[int, tuple[Any, Any]]) -> None:
    """Keep a shallow copy of a container, and of those and of the person's objects inside it; tensors in them
    are not copied.
    """
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if type(one) in _PLAIN:
            continue
        if not isinstance(one, (*_CONTAINERS, tuple, nn.Module)) and is_open(one):
            one = vars(one)  # an object of the person's: a cache, a counter
        if not isinstance(one, (*_CONTAINERS, tuple)) or id(one) in contents or len(contents) > _MOST:
            continue
        if isinstance(one, _CONTAINERS):
            contents[id(one)] = one, dict(one) if isinstance(one, dict) else list(one)
        waiting += one.values() if isinstance(one, dict) else one


def _put_back(container: Any, before: Any) -> None:
    """Give a container its former content; one that still has it is not written to."""
    if isinstance(container, dict):
        same = len(container) == len(before) and all(
            key is old_key and value is old
            for (key, value), (old_key, old) in zip(container.items(), before.items(), strict=True)
        )
    else:
        same = len(container) == len(before) and all(map(operator.is_, container, before))
    if same:
        return
    container.clear()
    if isinstance(container, (dict, set)):
        container.update(before)
    else:
        container.extend(before)


class TimeIsUp(BaseException):
    """The time given for a look has passed; no `except Exception` of a model's swallows it."""


_HOOK = "nbtrain.output_shapes"  # a key of ours among torch's numbers: a handle for each hook costs 25 us


@contextmanager
def output_shapes(model: nn.Module, *, until: float = math.inf) -> Iterator[dict[str, str]]:
    """Collect each module's output shape of the first forward; the hooks come off at the end.

    Args:
        until: `time.perf_counter()` from which on the next module that is done raises TimeIsUp.
    """
    shapes: dict[str, str] = {}

    def note(path: str) -> Any:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            tensor = logits_of(output)
            if path not in shapes and isinstance(tensor, Tensor):
                shapes[path] = " × ".join(map(str, tensor.shape))
            if time.perf_counter() > until:
                raise TimeIsUp

        return hook

    hooked = [
        (path, module) for path, module in model.named_modules()
        if not isinstance(module, torch.jit.ScriptModule)  # compiled: takes no Python hooks
    ]  # fmt: skip
    try:
        for path, module in hooked:
            module._forward_hooks[_HOOK] = note(path)
        yield shapes
    finally:
        for _, module in hooked:
            module._forward_hooks.pop(_HOOK, None)
