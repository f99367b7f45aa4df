"""The proof that a probe has left nothing behind: hashes of everything it could have reached, before, after.

Walks objects in a way of its own, so that it also finds what the copying overlooked. Identity counts: a value
that was replaced by an equal one is a change.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import random
import sys
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

MOST_OBJECTS = 300_000
CHUNK = 1 << 24  # elements of a tensor brought to the host at a time
_PLAIN = (int, float, complex, str, bool, bytes, type(None))
GENERATORS, NAMES, SETTINGS = "random generators", "names of the notebook", "torch's settings"


def fingerprints(namespace: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
    """Return what -> hash (blake2b): each named value with all it leads to, generators, names, settings."""
    found = {name: _hash(namespace[name]) for name in names if not _is_code(namespace[name])}
    found[GENERATORS] = _hash(_generators())
    found[NAMES] = _hash({name: id(value) for name, value in namespace.items()})
    found[SETTINGS] = _hash(_settings())
    return found


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """Return what is not as it was."""
    return tuple(what for what in before if before[what] != after.get(what))


def _is_code(value: Any) -> bool:
    return isinstance(value, type | types.ModuleType | types.BuiltinFunctionType) or (
        isinstance(value, types.FunctionType) and not value.__closure__
    )


def _generators() -> list[bytes]:
    states = [
        _state_of(random.getstate()),
        _state_of(numpy.random.get_state()),
        _state_of(torch.get_rng_state()),
    ]
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        states += [
            _state_of(one) for one in torch.cuda.get_rng_state_all()
        ]  # device sync: outside any training
    return states


def _state_of(state: Any) -> bytes:
    return state.cpu().numpy().tobytes() if isinstance(state, Tensor) else pickle.dumps(state)


def _settings() -> str:
    return repr([
        torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark,
        torch.backends.cudnn.deterministic, torch.get_float32_matmul_precision(),
        torch.is_anomaly_enabled(), str(Path.cwd()), sorted(os.environ.items()), sys.path,
    ])  # fmt: skip


def _hash(value: Any) -> str:
    digest = hashlib.blake2b(digest_size=16)
    waiting: list[Any] = [value]
    kept: dict[int, Any] = {}
    while waiting and len(kept) < MOST_OBJECTS:
        one = waiting.pop()
        if isinstance(one, _PLAIN):
            digest.update(f"{one!r}\0".encode(errors="surrogatepass"))
            continue
        mark = "" if not kept or isinstance(one, tuple) else id(one)
        digest.update(f"{type(one).__qualname__} {mark}\0".encode())
        if id(one) in kept:
            continue
        kept[id(one)] = one
        waiting += reversed(_parts(one, digest))
    return digest.hexdigest()


def _parts(one: Any, digest: Any) -> list[Any]:
    """What a value consists of; tensors and arrays are fed to the digest at once."""
    if isinstance(one, Tensor):
        _add_tensor(digest, one)
        return [one.requires_grad, one.grad if one.is_leaf else None, *vars(one).values()]
    if isinstance(one, numpy.ndarray):
        if one.dtype.hasobject:
            return list(one.flat)
        digest.update(f"{one.dtype}{one.shape}".encode() + one.tobytes())
        return []
    if isinstance(one, torch.Generator):
        return [_state_of(one.get_state())]
    if isinstance(one, random.Random):
        return [_state_of(one.getstate())]
    if isinstance(one, numpy.random.Generator):
        return [_state_of(one.bit_generator.state)]
    if isinstance(one, numpy.random.RandomState):
        return [_state_of(one.get_state())]
    if isinstance(one, types.FunctionType):
        return [cell.cell_contents for cell in one.__closure__ or () if _is_filled(cell)]
    if isinstance(one, type | types.ModuleType):
        return []
    parts: list[Any] = []
    if isinstance(one, dict):
        parts += [part for pair in one.items() for part in pair]
    elif isinstance(one, set | frozenset):
        parts += sorted(id(part) for part in one)
    elif isinstance(one, list | tuple):
        parts += one
    try:
        held = object.__getattribute__(one, "__dict__")
    except AttributeError:
        held = {}
    return [*parts, *(part for pair in held.items() for part in pair)]


def _is_filled(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def _add_tensor(digest: Any, tensor: Tensor) -> None:
    digest.update(f"{tensor.dtype}{tuple(tensor.shape)}{tensor.device}".encode())
    tensor = tensor.detach()
    if tensor.is_sparse:
        tensor = tensor.coalesce().values()
    if tensor.layout is not torch.strided or tensor.is_meta or tensor.is_quantized:
        return
    for chunk in tensor.reshape(-1).split(CHUNK) if tensor.numel() else ():
        host = chunk.cpu().contiguous()  # device sync: outside any training
        digest.update(host.view(torch.uint8).numpy())
