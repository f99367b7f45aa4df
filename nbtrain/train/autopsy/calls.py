"""Every torch function a replayed step calls: who called it, from where, what went in and what came out.

Tensors that are not finite are remembered with the call that made them, so that the way from the loss back to
where the first bad number was made can be walked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from nbtrain.running.source_line import persons_line
from nbtrain.train.autopsy import modules
from nbtrain.train.autopsy.tensors import kind_of_bad, tensors_in

_GETTERS = ("__get__", "__set__")


@dataclass(frozen=True)
class BadInput:
    """A tensor that was not finite when a call took it. `maker`: the call that had made it so, if seen."""

    tensor: Tensor
    kind: str
    maker: Call | None


@dataclass
class Call:
    """One call of a torch function.

    Attributes:
        name: short, `log`, `linear`. place: path of the module it was made in, "" outside of the model.
        line: the person's source line, stripped, "" where there is none. where: file and number of that line.
        func, args, kwargs: to call it again; kept only where nothing bad went in.
        bad_inputs: what was not finite when it went in.
        made: "nan", "inf" or "" by what came out. dtype: of what came out.
    """

    name: str
    place: str
    line: str = ""
    where: str = ""
    func: Any = None
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    bad_inputs: list[BadInput] = field(default_factory=list)
    made: str = ""
    dtype: torch.dtype | None = None

    @property
    def deliberate(self) -> bool:
        """True when the person wrote the infinite value themselves: `masked_fill(mask, float("-inf"))`."""
        return any(not math.isfinite(one) for one in _scalars(self.args, self.kwargs))


class Calls(TorchFunctionMode):
    """Record the calls of this thread while active.

    Args:
        place: says which module is at work. keep_all: keep every call with its inputs, for a backward.
    """

    def __init__(self, place: Callable[[], str], *, keep_all: bool = False) -> None:
        super().__init__()
        self._place, self._keep_all = place, keep_all
        self._makers: dict[int, tuple[Tensor, Call]] = {}  # by id; the tensor is held so that none reuses it
        self.of_node: dict[Any, Call] = {}  # autograd node -> the call that made it

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") in _GETTERS:  # x.shape, x.grad_fn; but x.data and x.T are tensors
            result = func(*args, **kwargs)
            if not isinstance(result, Tensor):
                return result
            self._note(Call(_short(func), self._place(), bad_inputs=self._bad(tensors_in(args))), [result])
            return result
        inputs = list(tensors_in((args, kwargs)))
        given = _copied((args, kwargs)) if _writes(func, kwargs) else (args, kwargs)
        versions = [_version(one) for one in inputs]
        call = Call(_short(func), self._place(), func=func, args=given[0], kwargs=given[1])
        call.bad_inputs = self._bad(inputs)
        result = func(*args, **kwargs)
        changed = [one for one, before in zip(inputs, versions, strict=True) if _version(one) != before]
        self._note(call, [*tensors_in(result), *changed])
        return result

    def _bad(self, inputs: Iterable[Tensor]) -> list[BadInput]:
        return [BadInput(one, kind, self.maker(one)) for one in inputs if (kind := kind_of_bad(one))]

    def _note(self, call: Call, outputs: list[Tensor]) -> None:
        kinds = [kind_of_bad(one) for one in outputs]
        nodes = [one.grad_fn for one in outputs if one.grad_fn is not None] if self._keep_all else []
        if not any(kinds) and not nodes:
            return
        call.line, call.where = persons_line(__name__, modules.__name__)
        call.made = "nan" if "nan" in kinds else "inf" if "inf" in kinds else ""
        call.dtype = next((one.dtype for one, kind in zip(outputs, kinds, strict=True) if kind), None)
        if not self._keep_all and any(one.kind == "nan" for one in call.bad_inputs):
            call.args, call.kwargs = (), {}  # the origin lies before it: nothing to keep alive
        for one, kind in zip(outputs, kinds, strict=True):
            if kind:
                self._makers[id(one)] = one, call
        for node in nodes:
            self.of_node[node] = call

    def note_module(self, path: str, inputs: Any, output: Any) -> None:
        """Take note of a module's output whose maker was not seen: a custom autograd function, a script."""
        for one in tensors_in(output):
            kind = kind_of_bad(one)
            if kind and id(one) not in self._makers:
                call = Call("forward", path, bad_inputs=self._bad(tensors_in(inputs)), made=kind)
                call.args, call.dtype = tuple(inputs), one.dtype
                self._makers[id(one)] = one, call

    def maker(self, tensor: Tensor) -> Call | None:
        """Return the call that made a bad tensor; None for one that was there before the step."""
        found = self._makers.get(id(tensor))
        return found[1] if found is not None else None


def _writes(func: Any, kwargs: Any) -> bool:
    """Say whether a function writes into what it is given: `div_`, `__setitem__`, `__iadd__`, `out=`."""
    name = getattr(func, "__name__", "")
    inner = name.strip("_")
    written = name.endswith("_") and not name.endswith("__")
    return written or inner == "setitem" or (name.startswith("__i") and inner != "invert") or "out" in kwargs


def _copied(thing: Any) -> Any:
    if isinstance(thing, Tensor):
        return thing.detach().clone()
    if isinstance(thing, (tuple, list)):
        return type(thing)(_copied(part) for part in thing)
    return {key: _copied(part) for key, part in thing.items()} if isinstance(thing, dict) else thing


def _version(tensor: Tensor) -> int:
    try:
        return tensor._version
    except RuntimeError:  # inference tensors keep no count
        return 0


def _short(func: Any) -> str:
    """`torch.nn.functional.linear -> "linear"`, `Tensor.__truediv__ -> "truediv"`, `x.data -> "data"`."""
    name = getattr(func, "__name__", "") or repr(func)
    if name in _GETTERS:
        name = getattr(getattr(func, "__self__", None), "__name__", name)
    return str(name).rsplit(".", 1)[-1].strip("_")


def _scalars(args: Any, kwargs: Any) -> list[Any]:
    found: list[Any] = []
    waiting = [args, kwargs]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, (tuple, list)):
            waiting += one
        elif isinstance(one, float):
            found.append(one)
    return found
