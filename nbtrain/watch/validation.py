"""Losses that are not trained on: which loss the loop trains on, and what that loss says of other data.

Only a loss that is known is taken: the kernel whose result backward is called on. What a function of the
    person's own makes of several losses is not guessed at.
"""

from __future__ import annotations

import weakref
from collections import deque
from typing import Any

import torch
from torch import Tensor

from nbtrain.running.state import State
from nbtrain.watch.draws import Draws
from nbtrain.watch.found import Found
from nbtrain.watch.judging import MEAN, SUM
from nbtrain.watch.passes import Passes
from nbtrain.watch.steps import Steps

LEARNED_AFTER = 3  # backwards in a row that name one loss
MOST_RECENT = 64
MOST_COMPARED = 200  # backwards; what is trained on is known long before


class Criterion:
    """Which loss is trained on: the kernel on whose result the first backwards are called."""

    def __init__(self) -> None:
        self.name = ""
        self.reduction = MEAN
        self._backwards = 0
        self._recent: list[tuple[str, int, weakref.ref[Tensor]]] = []
        self._seen: deque[tuple[str, int]] = deque(maxlen=LEARNED_AFTER)

    def judged(self, name: str, result: Tensor, reduction: int) -> None:
        """Take a loss computed while training."""
        if len(self._recent) < MOST_RECENT:
            self._recent.append((name, reduction, weakref.ref(result)))

    @property
    def is_open(self) -> bool:
        """True while losses and backwards are still compared."""
        return self._backwards < MOST_COMPARED

    def backward(self, value: Tensor) -> bool:
        """Compare a backward's value with the losses computed before it; say whether it is one, undivided."""
        if not self.is_open:
            return False
        self._backwards += 1
        recent, self._recent = self._recent, []
        node = value.grad_fn
        for name, reduction, held in recent:
            result = held()
            if result is not None and (result is value or _divided(node) is result.grad_fn is not None):
                self._seen.append((name, reduction))
                if len(self._seen) == LEARNED_AFTER and len(set(self._seen)) == 1 and not self.name:
                    self.name, self.reduction = name, reduction
                return result is value and reduction == MEAN
        return False


class Validation:
    """Tell losses of validation from those of training.

    Validation is a loss computed without gradients; or in eval mode, and then no backward is called on it.

    Args:
        state: the counters. steps: told that it is no training. passes: takes the values.
        found: knows the model. draws: knows the loader.
    """

    def __init__(self, state: State, steps: Steps, passes: Passes, found: Found, draws: Draws) -> None:
        self._state, self._steps, self._passes, self._found, self._draws = state, steps, passes, found, draws
        self._criterion = Criterion()
        self._undecided: list[tuple[Any, tuple[Any, ...]]] = []  # with gradients, in eval mode

    def judged(self, name: str, result: Tensor, args: Any, reduction: int) -> None:
        """Take a loss that was computed."""
        criterion, grad = self._criterion, torch.is_grad_enabled()
        if grad and criterion.is_open:
            criterion.judged(name, result, reduction)
        if grad and not criterion.name:
            return
        if name != criterion.name or (grad and not self._in_eval_mode()):
            return
        if criterion.reduction == SUM:
            samples, reduction = 1, MEAN
        else:
            samples = args[0].shape[0] if args[0].dim() else 1
        value = result.detach()
        value = value.clone() if value.dim() == 0 else value.mean()
        details = self._draws.last, value, samples, reduction
        if grad:
            self._undecided.append((weakref.ref(result), details))
            return
        self._state.phase = "validating"
        self._steps.rest()
        self._passes.judged(*details)

    def before_backward(self, value: Tensor) -> bool:
        """A backward is called on a value: what was judged before it is whole.

        Returns:
            True when the value is a mean over a batch as torch's loss gave it, not divided.
        """
        whole = self._criterion.backward(value)
        if self._undecided:
            last = self._undecided[-1][0]()
            is_training = last is not None and (last is value or _divided(value.grad_fn) is last.grad_fn)
            self._decide(is_training=is_training)
        self._passes.trains_again()
        return whole

    def finish(self) -> None:
        """The loop is over."""
        self._decide(is_training=False)

    def _decide(self, *, is_training: bool) -> None:
        undecided, self._undecided = self._undecided, []
        for _, details in () if is_training else undecided:
            self._passes.judged(*details)

    def _in_eval_mode(self) -> bool:
        model = self._found.model_now
        return model is not None and not model.training


def _divided(node: Any) -> Any:
    """What a value was before it was divided or multiplied by a number; None where it was not."""
    if node is None or not node.name().startswith(("DivBackward", "MulBackward")):
        return None
    before = [part for part, _ in node.next_functions if part is not None]
    return before[0] if len(before) == 1 else None
