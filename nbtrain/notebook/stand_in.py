"""A model's stand-in: the same modules and attributes, with fake tensors, which have a shape and no numbers.

A forward of it computes shapes alone and allocates nothing, and whatever it writes lands in the stand-in.
It is no `copy.deepcopy`: a data set or a large array among the attributes is shared, not copied.
"""

from __future__ import annotations

import functools
import logging
import random
import sys
import time
import types
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils.data import DataLoader, Dataset

_PLAIN = frozenset([int, float, str, bool, bytes, complex, type(None), torch.dtype, torch.device, torch.Size])
_HOOKS = (
    "_backward_hooks", "_backward_pre_hooks", "_forward_hooks", "_forward_hooks_always_called",
    "_forward_hooks_with_kwargs", "_forward_pre_hooks", "_forward_pre_hooks_with_kwargs",
)  # fmt: skip
_SHARED = (DataLoader, Dataset, torch.optim.Optimizer, logging.Logger, logging.Handler)
_CHECK_EVERY = 256  # values between two looks at the clock


class NoStandIn(Exception):
    """No stand-in can be made; the message says why, in a clause."""


class StandIns:
    """Makes stand-ins under one fake mode.

    Args:
        mode: a FakeTensorMode. until: `time.perf_counter()` at which it gives up.

    Attributes:
        generators: random generators found among the attributes; they are shared, so a forward moves them.
    """

    def __init__(self, mode: Any, until: float) -> None:
        self.generators: list[Any] = []
        self._mode, self._until = mode, until
        self._known: dict[int, Any] = {}
        self._count = 0
        numpy = sys.modules.get("numpy")
        drawing = (numpy.random.Generator, numpy.random.RandomState) if numpy is not None else ()
        self._drawing = (torch.Generator, random.Random, *drawing)

    def of(self, value: Any) -> Any:
        """Return the stand-in of a model, of a batch, or of anything in them.

        Raises:
            NoStandIn: a part that cannot be stood in for, or it takes too long.
        """
        kind = type(value)
        if kind in _PLAIN:
            return value
        known = self._known.get(id(value))
        if known is not None:
            return known[0]
        self._count += 1
        if self._count % _CHECK_EVERY == 0 and time.perf_counter() > self._until:
            raise NoStandIn("it takes too long")
        made = self._made(value, kind)
        self._known.setdefault(
            id(value), (made, value)
        )  # the value too: an id is good while its object lives
        return made

    def _made(self, value: Any, kind: type) -> Any:
        if issubclass(kind, Tensor):
            if is_lazy(value):
                raise NoStandIn("it has lazy layers")
            return self._mode.from_tensor(value)
        if issubclass(kind, nn.Module):
            return self._module(value, kind)
        if kind in _BUILD:
            return self._container(value, kind)
        if issubclass(kind, tuple) and hasattr(kind, "_fields"):
            return kind(*map(self.of, value))
        if kind is types.MethodType:
            return types.MethodType(value.__func__, self.of(value.__self__))
        if kind is functools.partial:
            keywords = {name: self.of(part) for name, part in value.keywords.items()}
            return functools.partial(self.of(value.func), *map(self.of, value.args), **keywords)
        if issubclass(kind, self._drawing):
            self.generators.append(value)
            return value
        return self._object(value, kind) if is_open(value) else value

    def _module(self, module: nn.Module, kind: type) -> nn.Module:
        if issubclass(kind, torch.jit.ScriptModule):
            raise NoStandIn("a part of it is scripted")
        made = object.__new__(kind)
        self._known[id(module)] = (made, module)  # before its parts: they may point back to it
        state = made.__dict__
        for name, value in vars(module).items():
            state[name] = OrderedDict() if name in _HOOKS else self.of(value)
        state["_compiled_call_impl"] = None
        for name in (
            "_forward_pre_hooks",
            "_forward_hooks",
        ):  # weight_norm and its kin compute weights in one
            kept = {key: hook for key, hook in getattr(module, name).items() if is_of_torch(hook)}
            state[name] = OrderedDict((key, self.of(hook)) for key, hook in kept.items())
            flags = getattr(module, f"{name}_with_kwargs", {})
            state[f"{name}_with_kwargs"] = OrderedDict((key, flags[key]) for key in kept if key in flags)
        return made

    def _container(self, value: Any, kind: type) -> Any:
        made = _BUILD[kind](value)
        if kind in (tuple, frozenset):
            return kind(map(self.of, value))
        self._known[id(value)] = (made, value)
        if hasattr(made, "keys"):
            made.update((key, self.of(part)) for key, part in value.items())
        elif kind is set:
            made.update(map(self.of, value))
        else:
            made.extend(map(self.of, value))
        return made

    def _object(self, value: Any, kind: type) -> Any:
        """An object of a class in Python: a cache or a counter of the person's, that a forward may write
        into.
        """
        made = object.__new__(kind)
        self._known[id(value)] = (made, value)
        made.__dict__.update(
            {name: self.of(part) for name, part in object.__getattribute__(value, "__dict__").items()}
        )
        return made


_BUILD: dict[type, Any] = {
    list: lambda value: [], tuple: tuple, set: lambda value: set(), frozenset: frozenset, dict: lambda
        value: {},
    OrderedDict: lambda value: OrderedDict(), deque: lambda value: deque(maxlen=value.maxlen),
    defaultdict: lambda value: defaultdict(value.default_factory), Counter: lambda value: Counter(),
}  # fmt: skip


def is_of_torch(hook: Any) -> bool:
    """Say whether a hook is torch's own, which makes weights, and none of the person's, which look at
    outputs.
    """
    while isinstance(hook, functools.partial):
        hook = hook.func
    return str(getattr(hook, "__module__", "")).partition(".")[0] == "torch"


def is_open(value: Any) -> bool:
    """Say whether an object is a plain instance of a class in Python, all of it in its `__dict__`.

    One that holds a lock or a thread is none: others work on it meanwhile.
    """
    kind = type(value)
    if issubclass(kind, (type, *_SHARED)) or kind.__module__.partition(".")[0] in (
        "builtins",
        "torch",
        "numpy",
    ):
        return False
    plain = kind.__new__ is object.__new__ and kind.__reduce_ex__ is object.__reduce_ex__
    if not plain or getattr(kind, "__dictoffset__", 0) == 0 or "__slots__" in vars(kind):
        return False
    parts = object.__getattribute__(value, "__dict__").values()
    return not any(type(part).__module__ in ("_thread", "threading") for part in parts)
