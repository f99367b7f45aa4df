"""Memento: the state of what a training touches, copied, and put back bit for bit.

It follows the objects themselves, not a list of what they usually hold: attributes, containers, hooks with
what they close over. What it finds stays the same objects; their content and the values of tensors are put
back. Data sets are looked at, not copied: only what stands in their attributes is kept, no samples.
"""

from __future__ import annotations

import functools
import random
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler

MOST_OBJECTS = 300_000  # about a second; more is no training set-up but something that one refers to
MOST_ITEMS = 1_000_000  # of a data set's list, which is copied in milliseconds; its items are not looked at
FEW_ITEMS = 100  # data sets in a ConcatDataset, transforms in a Compose
HOST_SHARE = 0.25  # of a GPU's free memory; copies that would take more are kept in host memory
_PLAIN = (
    int, float, complex, str, bytes, bool, type(None), type, types.ModuleType, torch.dtype, torch.device,
)  # fmt: skip
_CONTAINERS = (dict, list, set, deque)
_GENERATORS = (random.Random, torch.Generator, np.random.RandomState, np.random.Generator)
_OURS_TO_FOLLOW = (nn.Module, torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler)
_DATA = (DataLoader, Dataset, Sampler)
_FOREIGN = (
    "torch.", "threading", "multiprocessing", "concurrent.", "logging", "asyncio", "IPython", "ipykernel",
)  # fmt: skip


class Memento:
    """A copy of the state reachable from some objects.

    Args:
        objects: models, optimizers, schedulers, criteria: everything below them is copied.
        data: loaders: attributes and generators are noted, samples are not copied.

    Attributes:
        generators: random generators found on the way; their states are the caller's to keep.
        is_whole: False when there was too much to look at.
    """

    def __init__(self, objects: Iterable[Any], data: Iterable[Any] = ()) -> None:
        self.generators: list[Any] = []
        self.is_whole = True
        self._seen: dict[int, Any] = {}  # holds what it names: an id is one object's as long as it lives
        self._contents: list[tuple[Any, Any]] = []
        self._tensors: list[tuple[Tensor, bool, Tensor | None]] = []
        self._arrays: list[tuple[np.ndarray, np.ndarray]] = []
        for one in objects:
            self._follow(one, self._note)
        for one in data:
            self._follow(one, self._note_data)
        self._copies = _copied([tensor for tensor, _, _ in self._tensors])

    def restore(self) -> None:
        """Put everything back."""
        for container, before in self._contents:
            put_back(container, before)
        with torch.no_grad():
            for (tensor, requires_grad, grad), copy in zip(self._tensors, self._copies, strict=True):
                core = _without_repeats(tensor)
                if core.shape != copy.shape:  # resized meanwhile: lazily built, or grown by its owner
                    tensor.data = copy.to(tensor.device)
                else:
                    core.copy_(copy)
                if tensor.is_leaf and tensor.requires_grad != requires_grad:
                    tensor.requires_grad_(requires_grad)
                if tensor.is_leaf and tensor.grad is not grad:
                    tensor.grad = grad
        for array, before in self._arrays:
            array[...] = before

    def _follow(self, start: Any, note: Callable[[Any], Iterable[Any]]) -> None:
        waiting = [(start, note)]
        while waiting:
            one, note = waiting.pop()
            if isinstance(one, _PLAIN) or id(one) in self._seen:
                continue
            if len(self._seen) >= MOST_OBJECTS:
                self.is_whole = False
                return
            self._seen[id(one)] = one
            note = self._note_data if isinstance(one, _DATA) else note
            waiting += [(part, note) for part in note(one)]

    def _note(self, one: Any) -> Iterable[Any]:
        """Note the state of one object; return what to look at next."""
        if isinstance(one, Tensor):
            self._tensors.append((one, one.requires_grad, one.grad if one.is_leaf else None))
            return _attributes(one)
        if isinstance(one, np.ndarray):
            if one.dtype != object and one.flags.writeable:
                self._arrays.append((one, one.copy()))
            return ()
        if isinstance(one, _GENERATORS):
            self.generators.append(one)
            return ()
        if isinstance(one, _CONTAINERS):
            self._contents.append((one, _content(one)))
            return list(one.values()) if isinstance(one, dict) else list(one)
        if isinstance(one, (tuple, frozenset)):
            return one
        if isinstance(one, nn.Module):
            # those of a compiled ScriptModule stand in no attribute
            return [*_attributes(one), *one.parameters(recurse=False), *one.buffers(recurse=False)]
        return _parts_of_function(one) or _attributes(one)

    def _note_data(self, one: Any) -> Iterable[Any]:
        """The same for a loader, a data set or what belongs to one: its samples are left alone."""
        if isinstance(one, (Tensor, np.ndarray)):
            return ()
        if isinstance(one, _GENERATORS):
            self.generators.append(one)
            return ()
        if isinstance(one, _CONTAINERS):
            if len(one) <= MOST_ITEMS:
                self._contents.append((one, _content(one)))
            few = len(one) <= FEW_ITEMS
            return (list(one.values()) if isinstance(one, dict) else list(one)) if few else ()
        if isinstance(one, tuple):
            return one if len(one) <= FEW_ITEMS else ()
        return _attributes(one)


def _attributes(one: Any) -> list[Any]:
    """The dict of an object's attributes, in a list; none for the machinery of torch and Python."""
    known = isinstance(one, (*_OURS_TO_FOLLOW, *_DATA, Tensor))
    if not known and f"{type(one).__module__}.".startswith(_FOREIGN):
        return []
    try:
        state = object.__getattribute__(one, "__dict__")
    except AttributeError:
        return []
    return [state] if isinstance(state, dict) else []


def _parts_of_function(one: Any) -> list[Any]:
    """What a hook, a loss or a collate function holds: cells, `self`, models and tensors it names."""
    if isinstance(one, types.MethodType):
        return [one.__self__, one.__func__]
    if isinstance(one, functools.partial):
        return [one.func, *one.args, *one.keywords.values()]
    if not isinstance(one, types.FunctionType):
        return []
    found = []
    for cell in one.__closure__ or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:  # a name that is not bound yet
            continue
    named = (one.__globals__.get(name) for name in one.__code__.co_names)
    return found + [value for value in named if isinstance(value, (nn.Module, Tensor))]


def _copied(tensors: list[Tensor]) -> list[Tensor]:
    """Copies of values: on their device, or in host memory where a GPU is too full for them."""
    needed: dict[torch.device, int] = {}
    for tensor in tensors:
        if tensor.device.type == "cuda":
            needed[tensor.device] = needed.get(tensor.device, 0) + tensor.numel() * tensor.element_size()
    free = {device: torch.cuda.mem_get_info(device)[0] for device in needed}
    full = {device for device, size in needed.items() if size > HOST_SHARE * free[device]}
    with torch.no_grad():
        return [
            _without_repeats(tensor).detach().to("cpu", copy=True)
            if tensor.device in full
            else _without_repeats(tensor).detach().clone()
            for tensor in tensors
        ]


def _without_repeats(tensor: Tensor) -> Tensor:
    """The values of a tensor each once: one made by `expand` shows the same memory many times."""
    if tensor.layout is not torch.strided or 0 not in tensor.stride():
        return tensor
    size = [1 if stride == 0 else count for count, stride in zip(tensor.shape, tensor.stride(), strict=True)]
    return tensor.as_strided(size, tensor.stride(), tensor.storage_offset())


def _content(container: Any) -> Any:
    return dict(container) if isinstance(container, dict) else list(container)


def put_back(container: Any, before: Any) -> None:
    """Give a container its former content with as few writes as will do: other threads may be reading it."""
    if isinstance(container, dict):
        for key in [key for key in container if key not in before]:
            del container[key]
        for key, value in before.items():
            if key not in container or container[key] is not value:
                container[key] = value
        if list(container) != list(before):
            container.clear()
            container.update(before)
    elif isinstance(container, set):
        if container != set(before):
            container.clear()
            container.update(before)
    elif len(container) != len(before) or any(map(_differs, container, before)):
        container.clear()
        container.extend(before)


def _differs(one: Any, other: Any) -> bool:
    return one is not other


def flat(state: Any) -> Iterator[Any]:
    """Yield the leaves of nested containers, keys included, in one order."""
    if isinstance(state, dict):
        for key, value in state.items():
            yield key
            yield from flat(value)
    elif isinstance(state, (list, tuple, deque)):
        yield len(state)
        for value in state:
            yield from flat(value)
    else:
        yield state
