"""Losses that are not trained on: which loss the loop trains on, and what that loss says of other data.

Only a loss that is known is taken: the one kernel whose results are in what backward is called on, also where
they were multiplied, or added to a penalty; or the function of the person's that returns what backward is
called on (`nbtrain.watch.own_loss`). What is made of different losses in the loop itself is not guessed at.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nbtrain.running.state import State
from nbtrain.watch.draws import Draws
from nbtrain.watch.found import Found
from nbtrain.watch.judging import MEAN, SUM
from nbtrain.watch.own_loss import OwnLoss
from nbtrain.watch.passes import Passes
from nbtrain.watch.steps import Steps

LEARNED_AFTER = 3  # backwards in a row that name one loss
MARKED = "nbtrain.loss"  # in the metadata of a node
MOST_NODES = 96  # of a graph looked at, from its end; a sum over the parameters in a loop has two for each
MOST_COMPARED = 200  # backwards; what is trained on is known long before


@dataclass(frozen=True, eq=False)
class Mark:
    """One result of a loss's kernel, in its node of the graph."""

    name: str
    reduction: int


class Criterion:
    """Which loss is trained on: the one kernel whose results are in what the first backwards are called on.

    A result is known again by a mark in its node of the graph, which lives as long as the graph does: a loop
    that goes on with `loss / 4` or `loss + penalty` keeps the graph, and not the result itself.
    """

    def __init__(self) -> None:
        self.name = ""
        self.reduction = MEAN
        self._backwards = 0
        self._seen: deque[tuple[str, int]] = deque(maxlen=LEARNED_AFTER)

    @property
    def is_open(self) -> bool:
        """True while losses and backwards are still compared."""
        return self._backwards < MOST_COMPARED

    def backward(self, marks: list[Mark]) -> None:
        """Take the losses that a backward's value is made of."""
        if not self.is_open:
            return
        self._backwards += 1
        kinds = {(mark.name, mark.reduction) for mark in marks}
        if len(kinds) == 1:
            self._seen.extend(kinds)
            if len(self._seen) == LEARNED_AFTER and len(set(self._seen)) == 1 and not self.name:
                self.name, self.reduction = self._seen[-1]


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
        self.is_open = True  # losses and backwards are still compared
        self.own = OwnLoss(self._judged_by_own)
        self._sums = False  # the own loss is made of sums over a batch

    @property
    def is_undecided(self) -> bool:
        """True where the next backward tells whether a loss was validation or training."""
        return bool(self._undecided)

    def is_no_news(self) -> bool:
        """Say whether a loss that was just computed is of training, as all of them."""
        if self.is_open or not torch.is_grad_enabled():
            return False
        model = self._found.model_now
        return model is None or model.training

    def judged(self, name: str, result: Tensor, args: Any, reduction: int) -> None:
        """Take a loss that was computed."""
        criterion, grad = self._criterion, torch.is_grad_enabled()
        mark = Mark(name, reduction)
        if grad and result.grad_fn is not None and (criterion.is_open or self._in_eval_mode()):
            result.grad_fn.metadata[MARKED] = mark
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
            self._undecided.append((mark, details))
            return
        self._state.phase = "validating"
        self._steps.rest()
        self._passes.judged(*details)

    def before_backward(self, value: Tensor, *, is_scaled: bool = False) -> bool:
        """A backward is called on a value: what was judged before it is whole.

        Args:
            value: with its graph. is_scaled: a GradScaler has multiplied it.

        Returns:
            True when the value is a mean over a batch as torch's loss gave it, not divided.
        """
        node = value.grad_fn
        if is_scaled and node is not None:
            node = node.next_functions[0][0]
        marks = _marks_in(node)
        whole = self._criterion.is_open and node is not None and len(marks) == 1
        whole = whole and node.metadata.get(MARKED) is marks[0] and marks[0].reduction == MEAN
        self._criterion.backward(marks)
        if self.own.is_learning and node is not None and not (len(marks) == 1 and node.metadata.get(MARKED)):
            self._sums = bool(marks) and all(mark.reduction == SUM for mark in marks)
            self.own.backward(node)
        if self._undecided:
            self._decide(is_training=any(self._undecided[-1][0] is mark for mark in marks))
        self.is_open = self._criterion.is_open
        return whole

    def may_begin(self, *, within_epoch: bool = False) -> None:
        """Other data may come next: an epoch has ended, or another loader was drawn from."""
        self.own.listen(within_epoch=within_epoch)

    def _judged_by_own(self, loss: Tensor) -> None:
        samples, draws = 1 if self._sums else self._draws.elsewhere or 1, self._draws
        self._state.phase = "validating"
        self._steps.rest()
        self._passes.judged(draws.last, loss.detach().clone(), samples, MEAN, is_own=True)

    def finish(self) -> None:
        """The loop is over."""
        self.own.end()
        self._decide(is_training=False)

    def _decide(self, *, is_training: bool) -> None:
        undecided, self._undecided = self._undecided, []
        for _, details in () if is_training else undecided:
            self._passes.judged(*details)

    def _in_eval_mode(self) -> bool:
        model = self._found.model_now
        return model is not None and not model.training


def _marks_in(node: Any) -> list[Mark]:
    """Return the marks nearest to the end of a graph: of the losses that a value was made of."""
    marks, seen, waiting = [], {node}, deque([node])
    for _ in range(MOST_NODES):
        node = waiting.popleft() if waiting else None
        if node is None:
            break
        mark = node.metadata.get(MARKED)
        if mark is not None:
            marks.append(mark)  # what lies before it is the model
            continue
        before = [part for part, _ in node.next_functions if part is not None and part not in seen]
        seen.update(before)
        waiting.extend(before)
    return marks
