"""Copies of what a cell names, with the ties between them: an optimizer's copy holds the copied parameters.

Copied are values, not code: functions and classes stay the same objects and see the copies through their
globals, in whose place the copies stand while the cell runs.
"""

from __future__ import annotations

import copy
import sys
import threading
import types
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from nbtrain.watch.people import is_machinery

MOST_BYTES = 4 << 30  # tensors and arrays copied on the host; more is not a thing to copy for a look
_ALONE = {  # what a loader in this process must not have
    "_iterator": None, "num_workers": 0, "persistent_workers": False, "prefetch_factor": None, "timeout": 0,
    "_DataLoader__multiprocessing_context": None, "multiprocessing_context": None,
}  # fmt: skip


class CannotCopy(Exception):
    """Something that trains cannot be copied; the message says what and why."""


@dataclass
class Copies:
    """name -> copy, and names that are shared because they cannot be copied, with the reason."""

    values: dict[str, Any] = field(default_factory=dict)
    shared: dict[str, str] = field(default_factory=dict)
    by_id: dict[int, Any] = field(default_factory=dict)


def reached_names(namespace: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """Return the names of the namespace that code can reach: those it names, and those that the functions
    and classes behind them name."""
    found: dict[str, None] = {}
    waiting = [name for name in names if name in namespace]
    while waiting:
        name = waiting.pop()
        if name in found or name.startswith("__"):
            continue
        found[name] = None
        for code in _codes(namespace[name]):
            waiting += [one for one in _names_in(code) if one in namespace and one not in found]
    return list(found)


def copied(namespace: Mapping[str, Any], names: Iterable[str]) -> Copies:
    """Return copies of these values of a namespace.

    Raises:
        CannotCopy: a model, an optimizer or what holds one cannot be copied, or it would take too much
        memory.
    """
    wanted = {name: namespace[name] for name in names}
    _check_size(wanted)
    made = Copies()
    memo: dict[int, Any] = {}
    with _our_ways():
        for name, value in wanted.items():
            try:
                made.values[name] = copy.deepcopy(value, memo)
            except Exception as error:
                why = f"{type(error).__name__}: {error}"
                if _trains(value):
                    raise CannotCopy(f"`{name}` cannot be copied ({why})") from None
                made.shared[name] = why
    made.by_id = memo
    return made


@contextmanager
def standing_in(namespace: dict[str, Any], copies: Copies) -> Iterator[None]:
    """Put the copies in the place of what they are copies of; afterwards every name is as it was."""
    places = [namespace, *_other_globals(namespace, copies)]
    before = [dict(one) for one in places]
    try:
        for place in places:
            for name, value in place.items():
                twin = copies.by_id.get(id(value), value)
                if twin is not value:
                    place[name] = twin
        namespace.update(copies.values)
        yield
    finally:
        for place, old in zip(places, before, strict=True):
            for name in place.keys() - old.keys():
                del place[name]
            place.update(old)
            if list(place) != list(old):
                place.clear()
                place.update(old)


def _other_globals(namespace: dict[str, Any], copies: Copies) -> list[dict[str, Any]]:
    """Globals of functions at hand that are not the namespace and hold something that was copied."""
    found: dict[int, dict[str, Any]] = {}
    for value in list(namespace.values()):
        for function in _functions(value):
            own = function.__globals__
            if own is namespace or id(own) in found or is_machinery(function.__code__.co_filename):
                continue
            if any(copies.by_id.get(id(one), one) is not one for one in own.values()):
                found[id(own)] = own
    return list(found.values())


def _functions(value: Any) -> Iterator[types.FunctionType]:
    if isinstance(value, types.FunctionType):
        yield value
    elif isinstance(value, type):
        for one in vars(value).values():
            inner = getattr(one, "__func__", None) or getattr(one, "fget", None) or one
            if isinstance(inner, types.FunctionType):
                yield inner


def _codes(value: Any) -> Iterator[types.CodeType]:
    kinds: list[Any] = [value]
    if isinstance(value, nn.Module):
        kinds = list({kind for module in value.modules() for kind in type(module).__mro__})
    elif isinstance(value, types.MethodType):
        kinds = [value.__func__, *type(value.__self__).__mro__]
    elif not isinstance(value, type | types.FunctionType | types.ModuleType):
        parts = getattr(value, "__dict__", None)
        inner = list(parts.values()) if isinstance(parts, dict) else []
        kinds = [kind for one in (value, *inner) for kind in type(one).__mro__]
    for kind in kinds:
        for function in _functions(kind):
            if not is_machinery(function.__code__.co_filename):
                yield function.__code__


def _names_in(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names_in(constant)


def _trains(value: Any) -> bool:
    """Whether a value is, or leads to, something that a step would change."""
    waiting, seen = [value], set()
    while waiting and len(seen) < 10_000:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, nn.Module | torch.optim.Optimizer):
            return True
        if isinstance(one, Tensor) and one.requires_grad and one.is_leaf:
            return True
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list | tuple | set):
            waiting += one
        elif not isinstance(one, type | types.ModuleType | types.FunctionType):
            parts = getattr(one, "__dict__", None)
            waiting += parts.values() if isinstance(parts, dict) else ()
    return False


def _check_size(wanted: Mapping[str, Any]) -> None:
    host = device = 0
    waiting, seen = list(wanted.values()), set()
    while waiting and len(seen) < 200_000:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type | types.ModuleType | types.FunctionType | str | bytes):
            continue
        seen.add(id(one))
        if isinstance(one, Tensor):
            size = one.numel() * one.element_size()
            host, device = (host, device + size) if one.is_cuda else (host + size, device)
        elif isinstance(one, numpy.ndarray):
            host += one.nbytes
        elif isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list | tuple | set):
            waiting += one
        else:
            parts = getattr(one, "__dict__", None)
            waiting += parts.values() if isinstance(parts, dict) else ()
    if host > MOST_BYTES:
        raise CannotCopy(f"what the cell uses takes {host / 2**30:.1f} GiB, too much to copy for a look")
    if device and device > torch.cuda.mem_get_info()[0] // 2:
        raise CannotCopy(f"a copy of {device / 2**30:.1f} GiB leaves too little memory on the GPU for a step")


@contextmanager
def _our_ways() -> Iterator[None]:
    """Teach deepcopy what it refuses or forgets: closures, gradients, values with a graph, generators."""
    table = copy._deepcopy_dispatch  # type: ignore[attr-defined]
    ours = {
        types.FunctionType: _function, types.ModuleType: _same, Tensor: _tensor, nn.Parameter: _parameter,
        torch.Generator: _generator, DataLoader: _loader, type(threading.Lock()): _lock,
        type(threading.RLock()): _lock,
    }  # fmt: skip
    writers = sys.modules.get("torch.utils.tensorboard.writer")
    if writers is not None:
        ours[writers.SummaryWriter] = _silent
    before = {kind: table.get(kind) for kind in ours}
    table.update(ours)
    try:
        yield
    finally:
        for kind, way in before.items():
            if way is None:
                del table[kind]
            else:
                table[kind] = way


def _same(value: Any, memo: dict[int, Any]) -> Any:
    return value


def _lock(value: Any, memo: dict[int, Any]) -> Any:
    return threading.RLock()


def _silent(value: Any, memo: dict[int, Any]) -> Any:
    return Silent()


class Silent:
    """Stands for a writer of logs: whatever is called does nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **keywords: None


def _function(value: types.FunctionType, memo: dict[int, Any]) -> Any:
    if not value.__closure__ or is_machinery(value.__code__.co_filename):
        return value
    cells = tuple(types.CellType() for _ in value.__closure__)
    twin = types.FunctionType(
        value.__code__, value.__globals__, value.__name__, copy.deepcopy(value.__defaults__, memo), cells
    )
    twin.__kwdefaults__ = copy.deepcopy(value.__kwdefaults__, memo)
    twin.__dict__.update(value.__dict__)
    memo[id(value)] = twin
    for cell, old in zip(cells, value.__closure__, strict=True):
        try:
            cell.cell_contents = copy.deepcopy(old.cell_contents, memo)
        except ValueError:  # empty
            continue
    return twin


def _tensor(value: Tensor, memo: dict[int, Any]) -> Tensor:
    if value.is_leaf:
        return Tensor.__deepcopy__(value, memo)
    return value.detach().clone()  # of a step that is over: its graph is none of the cell's


def _parameter(value: nn.Parameter, memo: dict[int, Any]) -> nn.Parameter:
    twin = nn.Parameter.__deepcopy__(value, memo)
    memo[id(value)] = twin
    if value.grad is not None:
        twin.grad = value.grad.detach().clone()
    return twin


def _generator(value: torch.Generator, memo: dict[int, Any]) -> torch.Generator:
    twin = torch.Generator(device=value.device)
    twin.set_state(value.get_state())
    return twin


def _loader(value: DataLoader, memo: dict[int, Any]) -> DataLoader:
    twin = object.__new__(type(value))
    memo[id(value)] = twin
    for name, part in vars(value).items():
        vars(twin)[name] = _ALONE[name] if name in _ALONE else copy.deepcopy(part, memo)
    return twin
