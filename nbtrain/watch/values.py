"""Which losses belong to which optimizer's step: the values on which backward was called since its last one.

With one optimizer that is all there is to it. With several, a value counts for those whose gradients its
backward has reached; and gradients that were thrown away take their values with them if another optimizer has
stepped on them (a discriminator collects gradients in the generator's backward, and clears them before its
own).

A loop that gathers the gradients of k batches divides each loss by k, on one line. Its values are multiplied
by what they were divided by, once a step has shown that it does so: a train loss of a quarter of the
validation loss would be read wrongly, and so would a last step that has fewer batches.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any
from weakref import ref

from torch import Tensor

MOST_LOOKED_AT = 256  # parameters of an optimizer whose gradients are compared around a backward
MOST_KEPT = 4096  # values of an optimizer that does not step
CLOSE = 1e-6  # 1/3 as a float, times three

Marks = tuple[tuple[int, int] | None, ...]


class Value:
    """One value on which backward was called.

    Attributes:
        divisor: what it was divided by. line: of the backward, None where nobody looked. used: some optimizer
            has stepped on it.
    """

    __slots__ = ("divisor", "line", "tensor", "used")

    def __init__(self, tensor: Tensor, divisor: float = 1.0, line: Any = None) -> None:
        self.tensor, self.divisor, self.line, self.used = tensor, divisor, line, False


class Pending:
    """The values that wait for one optimizer's step.

    Attributes:
        optimizer: a weak reference. divided: several values make its step, each divided by their number.
    """

    __slots__ = ("divided", "marks", "optimizer", "values")

    def __init__(self, optimizer: Any) -> None:
        self.optimizer, self.divided = ref(optimizer), False
        self.values: deque[Value] = deque(maxlen=MOST_KEPT)
        self.marks: Marks = ()  # of its gradients, when we last looked


class Values:
    """The values of a followed loop, and whose they are."""

    def __init__(self) -> None:
        self._of: dict[int, Pending] = {}  # by the optimizer's id
        self._recent: deque[Value] = deque(maxlen=MOST_KEPT)  # for an optimizer that has not stepped yet
        self.count = 0  # values so far
        self.under_way: Tensor | None = None  # of the backward that goes on
        self.divisor, self.line = 1.0, None  # what that was divided by, where it was called
        self._within: list[Pending] = []  # whose optimizers have stepped in it, from a gradient's hook
        self._group: list[Value] = []  # since the last backward that followed a step
        self._stepped = False
        self.several = False  # more than one optimizer is known
        self.divides = False  # some optimizer's values are divided by their number

    def _known(self) -> list[tuple[Any, Pending]]:
        """The optimizers that live, each with what waits for it."""
        known = [(pending.optimizer(), pending) for pending in self._of.values()]
        living = [(optimizer, pending) for optimizer, pending in known if optimizer is not None]
        if len(living) < len(known):
            self._of = {id(optimizer): pending for optimizer, pending in living}
            self.several = len(living) > 1
        return living

    def before_backward(self) -> None:
        """Look at the gradients of each of several optimizers: what was cleared took used values with it."""
        for optimizer, pending in self._known():
            marks = marks_of(optimizer)
            if marks != pending.marks:
                pending.values = deque((v for v in pending.values if not v.used), maxlen=MOST_KEPT)
                pending.marks = marks

    def add(self) -> None:
        """Take the value of the backward that was under way and is over."""
        tensor, self.under_way = self.under_way, None
        if tensor is None:
            self._within.clear()
            return
        value = Value(tensor, self.divisor, self.line)
        self.count += 1
        if self._within:
            self._used_within(value)
        if self._stepped:
            self._group, self._stepped = [], False
        self._group.append(value)
        self._recent.append(value)
        if not self.several:
            for pending in self._of.values():
                if not value.used:
                    pending.values.append(value)
            return
        for optimizer, pending in self._known():
            marks = marks_of(optimizer)
            if marks != pending.marks:
                pending.values.append(value)
                pending.marks = marks

    def _used_within(self, value: Value) -> None:
        """Steps were made within its backward: it is theirs already."""
        value.used = True
        for pending in self._within:
            pending.marks = marks_of(pending.optimizer())
        self._within.clear()

    def forget(self) -> None:
        """The backward that was under way has failed."""
        self.under_way = None
        self._within.clear()

    def take(self, optimizer: Any) -> list[Tensor]:
        """Return the values of the step an optimizer has just made, undivided; they are its no longer."""
        self._stepped = True
        pending = self._of.get(id(optimizer))
        if pending is None or pending.optimizer() is not optimizer:
            pending = None
        taken = self._waiting(pending)
        if pending is None:
            pending = self._of[id(optimizer)] = Pending(optimizer)
            self.several = len(self._known()) > 1
        if not pending.divided and _by_their_number(taken):
            pending.divided = self.divides = True
        tensors = []
        for value in taken:
            value.used = True
            divided = pending.divided and value.divisor > 1
            tensors.append(value.tensor * value.divisor if divided else value.tensor)
        pending.values.clear()
        if self.under_way is not None:
            self._within.append(pending)
        if self.several:
            pending.marks = marks_of(optimizer)
        return tensors

    def are_divided(self, optimizer: Any) -> bool:
        """Say whether an optimizer's steps are of several values, each divided by their number."""
        pending = self._of.get(id(optimizer))
        return pending is not None and pending.divided

    def waiting(self, optimizer: Any) -> list[Tensor]:
        """Return the values that the next step of an optimizer is of, so far."""
        pending = self._of.get(id(optimizer))
        is_its = pending is not None and pending.optimizer() is optimizer
        return [value.tensor for value in self._waiting(pending if is_its else None)]

    def _waiting(self, pending: Pending | None) -> Sequence[Value]:
        if self.under_way is not None:
            return [Value(self.under_way, self.divisor, self.line)]
        if pending is not None:
            return pending.values
        return [value for value in self._recent if not value.used] or list(self._group)


def _by_their_number(values: Sequence[Value]) -> bool:
    """Say whether several values were divided by their number, and called backward on from one line.

    Two lines are two losses, of which each may be weighted by a half (a discriminator's).
    """
    count = len(values)
    if count < 2 or values[0].line is None or any(value.line != values[0].line for value in values):
        return False
    return all(abs(value.divisor - count) < CLOSE * count for value in values)


def marks_of(optimizer: Any) -> Marks:
    """Return what tells whether a gradient was replaced or written to: identity and version of each."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    stride = -(-len(parameters) // MOST_LOOKED_AT) or 1
    return tuple(
        None if (grad := p.grad) is None else (id(grad), grad._version) for p in parameters[::stride]
    )
