"""Which losses belong to which optimizer's step: the values on which backward was called since its last one.

With one optimizer that is all there is to it. With several, a value counts for those whose gradients its
backward has reached; and gradients that were thrown away take their values with them if another optimizer has
stepped on them (a discriminator collects gradients in the generator's backward, and clears them before its
own).
"""

from __future__ import annotations

from collections import deque
from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor

MOST_LOOKED_AT = 256  # parameters of an optimizer whose gradients are compared around a backward
MOST_KEPT = 4096  # values of an optimizer that does not step

Marks = tuple[tuple[int, int] | None, ...]


class Value:
    """One value on which backward was called. `used`: some optimizer has stepped on it."""

    __slots__ = ("tensor", "used")

    def __init__(self, tensor: Tensor) -> None:
        self.tensor, self.used = tensor, False


class Pending:
    """The values that wait for one optimizer's step."""

    __slots__ = ("marks", "values")

    def __init__(self) -> None:
        self.values: deque[Value] = deque(maxlen=MOST_KEPT)
        self.marks: Marks = ()  # of its gradients, when we last looked


class Values:
    """The values of a followed loop, and whose they are."""

    def __init__(self) -> None:
        self._of: WeakKeyDictionary[Any, Pending] = WeakKeyDictionary()
        self._recent: deque[Value] = deque(maxlen=MOST_KEPT)  # for an optimizer that has not stepped yet
        self.count = 0  # values so far
        self.under_way: Tensor | None = None  # of the backward that goes on
        self._within: list[Any] = []  # optimizers that have stepped in it, from a gradient's hook
        self._group: list[Value] = []  # since the last backward that followed a step
        self._stepped = False

    @property
    def several(self) -> bool:
        """True when more than one optimizer is known."""
        return len(self._of) > 1

    def before_backward(self) -> None:
        """Look at the gradients of each optimizer: what was cleared since takes used values with it."""
        if self.several:
            for optimizer, pending in list(self._of.items()):
                marks = marks_of(optimizer)
                if marks != pending.marks:
                    pending.values = deque((v for v in pending.values if not v.used), maxlen=MOST_KEPT)
                    pending.marks = marks

    def add(self) -> None:
        """Take the value of the backward that was under way and is over."""
        tensor, self.under_way = self.under_way, None
        within, self._within = self._within, []
        if tensor is None:
            return
        value = Value(tensor)
        self.count += 1
        for optimizer in within:
            value.used = True
            self._of[optimizer].marks = marks_of(optimizer)
        if value.used and len(within) == len(self._of):
            return
        if self._stepped:
            self._group, self._stepped = [], False
        self._group.append(value)
        self._recent.append(value)
        if not self.several:
            for pending in self._of.values():
                pending.values.append(value)
            return
        for optimizer, pending in list(self._of.items()):
            marks = marks_of(optimizer)
            if marks != pending.marks:
                pending.values.append(value)
                pending.marks = marks

    def forget(self) -> None:
        """The backward that was under way has failed."""
        self.under_way = None
        self._within.clear()

    def take(self, optimizer: Any) -> list[Tensor]:
        """Return the values of the step an optimizer has just made; they are its no longer."""
        self._stepped = True
        taken = self._waiting(optimizer)
        if self.under_way is not None:
            self._within.append(optimizer)
        pending = self._of.setdefault(optimizer, Pending())
        pending.values.clear()
        if self.several:
            pending.marks = marks_of(optimizer)
        for value in taken:
            value.used = True
        return [value.tensor for value in taken]

    def waiting(self, optimizer: Any) -> list[Tensor]:
        """Return the values that the next step of an optimizer is of, so far."""
        return [value.tensor for value in self._waiting(optimizer)]

    def _waiting(self, optimizer: Any) -> list[Value]:
        if self.under_way is not None:
            return [Value(self.under_way)]
        pending = self._of.get(optimizer)
        if pending is not None:
            return list(pending.values)
        return [value for value in self._recent if not value.used] or list(self._group)


def marks_of(optimizer: Any) -> Marks:
    """Return what tells whether a gradient was replaced or written to: identity and version of each."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    stride = -(-len(parameters) // MOST_LOOKED_AT) or 1
    return tuple(
        None if (grad := p.grad) is None else (id(grad), grad._version) for p in parameters[::stride]
    )
