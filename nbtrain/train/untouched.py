"""Look at a model at work and leave it as it was: gradients, buffers, counters, modes and hooks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from nbtrain.train.batch import logits_of

_PLAIN = (int, float, str, bool, type(None))


@contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """Start the block without gradients; afterwards put back all that a forward and a backward may change.

    Gradients are the same tensors again; so are buffers, with their values, also where `forward` put another
    tensor in their place; modes and plain attributes (a module that counts its calls) are as before.
    """
    grads = [(p, p.grad) for p in model.parameters()]
    buffers = [
        (module, name, buffer, None if buffer is None else buffer.detach().clone())
        for module in model.modules()
        for name, buffer in module._buffers.items()
    ]
    plain = [(module, _plain_attributes(module)) for module in model.modules()]
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


def _plain_attributes(module: nn.Module) -> dict[str, Any]:
    """Numbers, texts and flags of a module, `training` among them."""
    return {name: value for name, value in vars(module).items() if isinstance(value, _PLAIN)}


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
