"""Look at a model at work and leave it as it was: gradients, buffers, counters, modes and hooks."""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from nbtrain.train.batch import logits_of

_PLAIN = (int, float, str, bool, type(None))
_CONTAINERS = (list, dict, set, deque)
_OF_TORCH = frozenset(vars(nn.Module()))  # parameters, buffers, hooks: looked after elsewhere


@contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """Start the block without gradients; afterwards put back all that a forward and a backward may change.

    Gradients are the same tensors again; so are buffers, with their values, also where `forward` put another
    tensor in their place; modes and plain attributes (a module that counts its calls) are as before. Lists,
    dicts and sets among the attributes, and those inside them, are the same objects with their former
    content.
    """
    grads = [(p, p.grad) for p in model.parameters()]
    buffers = [
        (module, name, buffer, None if buffer is None else buffer.detach().clone())
        for module in model.modules()
        for name, buffer in module._buffers.items()
    ]
    plain = [(module, _plain_attributes(module)) for module in model.modules()]
    contents: dict[int, tuple[Any, Any]] = {}
    for module in model.modules():
        for name, value in vars(module).items():
            if name not in _OF_TORCH:
                _note_contents(value, contents)
    for parameter, _ in grads:
        parameter.grad = None
    try:
        yield
    finally:
        for parameter, grad in grads:
            parameter.grad = grad
        with torch.no_grad():
            for module, name, buffer, before in buffers:
                module._buffers[name] = buffer
                if buffer is not None:
                    buffer.copy_(before)
        for module, attributes in plain:
            module.__dict__.update(attributes)
        for container, before in contents.values():
            _put_back(container, before)


def _plain_attributes(module: nn.Module) -> dict[str, Any]:
    """Numbers, texts and flags of a module, `training` among them, and its containers."""
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, _PLAIN) or (isinstance(value, _CONTAINERS) and name not in _OF_TORCH)
    }


def _note_contents(value: Any, contents: dict[int, tuple[Any, Any]]) -> None:
    """Keep a shallow copy of a container and of those inside it; tensors in them are not copied."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, (*_CONTAINERS, tuple)) or id(one) in contents:
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


@contextmanager
def output_shapes(model: nn.Module) -> Iterator[dict[str, str]]:
    """Collect each module's output shape of the first forward; the hooks come off at the end."""
    shapes: dict[str, str] = {}

    def note(path: str) -> Any:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            tensor = logits_of(output)
            if path not in shapes and isinstance(tensor, Tensor):
                shapes[path] = " × ".join(str(size) for size in tensor.shape)

        return hook

    with ExitStack() as hooks:
        for path, module in model.named_modules():
            if not isinstance(module, torch.jit.ScriptModule):  # compiled: takes no Python hooks
                hooks.callback(module.register_forward_hook(note(path)).remove)
        yield shapes
