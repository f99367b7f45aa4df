"""Hashes of a training set-up, part by part: equal before and after means that nothing changed.

Reads the objects in ways of its own, so that it also finds what `nbtrain.train.memento` overlooked. Identity
counts: a parameter that was replaced by an equal one is a change.
"""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from nbtrain.train.memento import flat

CHUNK = 1 << 24  # elements of a tensor brought to the host at a time
_PLAIN = (int, float, complex, str, bool, bytes, type(None))

WEIGHTS, BUFFERS, GRADIENTS = "weights", "buffers", "gradients"
FLAGS, STATE, GROUPS = "modes and flags", "optimizer state", "learning rates and settings"
SCHEDULER, GENERATORS, LOADER = "scheduler", "random generators", "loader"


def hashes(
    model: nn.Module, optimizer: Any, *, scheduler: Any = None, criterion: Any = None, loader: Any = None,
    generators: Iterable[Any] = (),
) -> dict[str, str]:  # fmt: skip
    """Return part -> hash (blake2b) of a set-up as it stands.

    Args:
        criterion: its parameters and buffers count with the model's, if it has any.
        generators: random generators besides the global ones.
    """
    modules = [model, *([criterion] if isinstance(criterion, nn.Module) else [])]
    parameters = [p for module in modules for p in module.parameters()]
    held = {id(p): p for group in optimizer.param_groups for p in group["params"]}
    parameters += [p for key, p in held.items() if key not in {id(known) for known in parameters}]
    parts: dict[str, Iterable[Any]] = {
        WEIGHTS: ((id(p), p) for p in parameters),
        BUFFERS: ((name, id(b), b) for module in modules for name, b in module.named_buffers()),
        GRADIENTS: ((id(p.grad) if p.grad is not None else None, p.grad) for p in parameters),
        FLAGS: _flags(modules, parameters),
        STATE: _optimizer_state(optimizer),
        GROUPS: ({key: group[key] for key in group if key != "params"} for group in optimizer.param_groups),
        GENERATORS: _generator_states(generators),
    }
    if scheduler is not None:
        parts[SCHEDULER] = [_scheduler_state(scheduler)]
    if loader is not None:
        parts[LOADER] = _loader_state(loader)
    return {name: _hash(values) for name, values in parts.items()}


def differences(before: dict[str, str], after: dict[str, str]) -> tuple[str, ...]:
    """Return the parts that are not as they were."""
    return tuple(name for name in before if before[name] != after.get(name))


def _flags(modules: list[nn.Module], parameters: list[Tensor]) -> Iterator[Any]:
    for module in modules:
        for path, part in module.named_modules():
            yield path, type(part).__qualname__
            yield {key: value for key, value in vars(part).items() if isinstance(value, _PLAIN)}
            yield [(key, len(value)) for key, value in vars(part).items() if key.endswith("hooks")]
    yield [p.requires_grad for p in parameters]
    yield torch.is_grad_enabled()


def _optimizer_state(optimizer: Any) -> Iterator[Any]:
    for key, value in optimizer.state.items():
        yield id(key) if isinstance(key, Tensor) else key
        yield value


def _scheduler_state(scheduler: Any) -> Any:
    told = scheduler.state_dict() if hasattr(scheduler, "state_dict") else vars(scheduler)
    return {key: value for key, value in told.items() if key != "optimizer"}


def _generator_states(generators: Iterable[Any]) -> Iterator[Any]:
    yield random.getstate()
    yield torch.default_generator.get_state()
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        yield numpy.random.get_state()
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        yield torch.cuda.get_rng_state_all()  # device sync: outside any training
    if torch.backends.mps.is_available():
        yield torch.mps.get_rng_state()  # device sync: as above
    for one in generators:
        if isinstance(one, random.Random):
            yield one.getstate()
        elif isinstance(one, torch.Generator) or hasattr(one, "get_state"):
            yield one.get_state()
        else:
            yield one.bit_generator.state


def _loader_state(loader: Any) -> Iterator[Any]:
    for owner in (loader, getattr(loader, "sampler", None), getattr(loader, "batch_sampler", None)):
        attributes = getattr(owner, "__dict__", {})
        yield {key: value for key, value in attributes.items() if isinstance(value, _PLAIN)}
        yield sorted(attributes)
    iterator = getattr(loader, "_iterator", None)
    yield id(iterator) if iterator is not None else None


def _hash(values: Iterable[Any]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for value in flat(list(values)):
        if isinstance(value, Tensor):
            _add_tensor(digest, value)
        elif hasattr(value, "tobytes") and hasattr(value, "dtype"):  # numpy
            digest.update(f"{value.dtype}{value.shape}".encode() + value.tobytes())
        elif isinstance(value, bytes):
            digest.update(value)
        else:
            said = repr(value) if isinstance(value, _PLAIN) else type(value).__qualname__
            digest.update(f"{said}\0".encode())
    return digest.hexdigest()


def _add_tensor(digest: Any, tensor: Tensor) -> None:
    digest.update(f"{tensor.dtype}{tuple(tensor.shape)}{tensor.device}".encode())
    tensor = tensor.detach()
    if tensor.layout is not torch.strided:
        for part in (tensor.coalesce().indices(), tensor.coalesce().values()) if tensor.is_sparse else ():
            _add_tensor(digest, part)
        return
    for chunk in tensor.reshape(-1).split(CHUNK) if tensor.numel() else ():
        host = chunk.cpu().contiguous()  # device sync: outside any training
        digest.update(host.view(torch.uint8).numpy())
