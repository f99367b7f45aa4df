"""The first steps of a loop, looked at closely: what each step was made of, and on which lines.

The later steps are not: looking costs some 50 us. Only the mode of the model is looked at all along.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from nbtrain.findings import Finding
from nbtrain.watch.cycle import Cycle, Place
from nbtrain.watch.found import Found
from nbtrain.watch.habit import Habit, known_habits
from nbtrain.watch.modes import trains_in_eval_mode
from nbtrain.watch.people import line
from nbtrain.watch.values import Marks, marks_of

OBSERVED = 24  # steps; habits are sure after three of an optimizer
EVAL_STEPS = 3  # in eval mode, seen later on


class Observer:
    """Look at the steps of a loop (`backward`, `clipping`, `before_step`, `after_step`), in its thread.

    Args:
        found: knows the schedulers and the model.
    """

    def __init__(self, found: Found) -> None:
        self._found = found
        self._cycles: WeakKeyDictionary[Any, Cycle] = WeakKeyDictionary()
        self._marks: WeakKeyDictionary[Any, Marks] = WeakKeyDictionary()  # of its gradients after its step
        self._norms: WeakKeyDictionary[Any, Tensor] = WeakKeyDictionary()  # the same, after several backwards
        self._reached: WeakKeyDictionary[Any, Marks] = WeakKeyDictionary()  # as a backward has left them
        self._being_written: list[Any] = []  # optimizers, by torch
        self._common = Cycle()  # for optimizers that have not stepped
        self._rates: dict[int, int] = {}  # id of a scheduler -> last_epoch when last looked
        self._steps = 0
        self._eval_steps = 0
        self.is_open = True  # the steps are looked at closely
        self.done: deque[Cycle] = deque()

    def backward(self, *, step: int, whole: bool) -> None:
        """A backward is about to be called, after `step` steps; `whole`: on a loss as it came, undivided."""
        model = self._found.model_now
        if not self.is_open and (model is None or model.training):
            self._eval_steps = 0
            return
        in_eval = self._in_eval()
        if not self.is_open:
            if in_eval:
                self.done.append(Cycle("model", step, backwards=[Place(*line())], in_eval=True))
            return
        place = Place(*line())
        self._schedulers_moved()
        for optimizer, cycle in [*self._cycles.items(), (None, self._common)]:
            cycle.backwards.append(place)
            cycle.whole += whole
            cycle.in_eval = in_eval
            if optimizer is not None:
                self._look_at_leftovers(optimizer, cycle)

    def _in_eval(self) -> bool:
        """Say whether the model is in eval mode; later on, the first times in a row only."""
        model = self._found.model_now
        if model is None or model.training:
            self._eval_steps = 0
            return False
        self._eval_steps += 1
        return (self.is_open or self._eval_steps <= EVAL_STEPS) and trains_in_eval_mode(model)

    def _look_at_leftovers(self, optimizer: Any, cycle: Cycle) -> None:
        """Tell whether the gradients are those that the step, or the backward before this one, has left."""
        marks = marks_of(optimizer)
        left = self._marks.get(optimizer, ())
        self._marks[optimizer] = marks
        if cycle.cleared:
            return
        if marks != left or all(mark is None for mark in marks):
            cycle.cleared = True
        else:
            cycle.leftovers.append(_norm(optimizer))

    def after_backward(self) -> None:
        """The backward is over: the gradients are what it has left. Called while it is open."""
        for optimizer, cycle in list(self._cycles.items()):
            cycle.written.clear()
            before = self._marks.get(optimizer)
            self._look_at_gradients(optimizer, cycle)
            if self._marks[optimizer] != before:
                self._reached[optimizer] = self._marks[optimizer]

    def _look_at_gradients(self, optimizer: Any, cycle: Cycle) -> None:
        self._marks[optimizer] = marks_of(optimizer)
        if len(cycle.backwards) > 1:
            self._norms[optimizer] = _norm(optimizer)

    def after_writing(self) -> None:
        """torch has written to gradients: what they are now is not the person's doing."""
        written, self._being_written = self._being_written, []
        for optimizer in written:
            self._look_at_gradients(optimizer, self._cycles[optimizer])

    def before_writing(self, optimizer: Any) -> None:
        """torch is about to write to an optimizer's gradients: they are now what the person made of them."""
        if not self.is_open or optimizer not in self._cycles:
            return
        before = self._norms.pop(optimizer, None)
        if before is not None:
            self._cycles[optimizer].written.append((before, _norm(optimizer)))
        self._being_written.append(optimizer)

    def clipping(self, parameters: list[Tensor], is_measured: bool = False) -> None:
        """Gradients are clipped; or their norm is only measured."""
        if not self.is_open or not any(p.grad is not None for p in parameters):
            return
        clipped, place = {id(p) for p in parameters}, Place(*line())
        for optimizer, cycle in [*self._cycles.items(), (None, self._common)]:
            mine = optimizer is None or any(
                id(p) in clipped for group in optimizer.param_groups for p in group["params"]
            )
            if mine and optimizer is not None:
                self.before_writing(optimizer)
            if is_measured:
                continue
            if mine and cycle.backwards:
                cycle.clipped = place
            elif mine:
                cycle.clipped_early = place

    def before_step(self, optimizer: Any) -> None:
        """An optimizer is about to step. Called while it is open."""
        cycle = self._cycles.get(optimizer, self._common)
        cycle.place = Place(*line())
        self.before_writing(optimizer)
        self._being_written.clear()
        if (reached := self._reached.pop(optimizer, None)) is not None and reached != marks_of(optimizer):
            cycle.emptied = _norm(optimizer)
        moved = self._schedulers_moved()
        if cycle.backwards and any(getattr(one, "optimizer", None) is optimizer for one in moved):
            cycle.scheduled = cycle.place

    def after_step(self, optimizer: Any, *, name: str, step: int, draws: int) -> None:
        """It has stepped: its cycle is whole. Called while the steps are looked at closely."""
        self._steps += 1
        self.is_open = self._steps < OBSERVED
        cycle = self._cycles.get(optimizer)
        if cycle is None:  # its first: what gradients it began with is nobody's business
            cycle, self._common = self._common, Cycle()
            cycle.cleared = True
        cycle.optimizer, cycle.step, cycle.draws = name, step, draws
        cycle.alone = not self._cycles or list(self._cycles) == [optimizer]
        self.done.append(cycle)
        self._cycles[optimizer] = Cycle()
        self._marks[optimizer] = marks_of(optimizer)

    def _schedulers_moved(self) -> list[Any]:
        """The schedulers that have moved since the last look."""
        moved = []
        for scheduler in self._found.schedulers.values():
            now = getattr(scheduler, "last_epoch", None)
            if self._rates.get(id(scheduler), now) != now and not hasattr(scheduler, "mode"):
                moved.append(scheduler)  # one that waits for a plateau has no order to keep
            self._rates[id(scheduler)] = now
        return moved


class Judge:
    """Look for habits in the cycles that were observed; called by the pump."""

    def __init__(self, tell: Callable[[Finding], Any]) -> None:
        self._tell = tell
        self._habits: list[Habit] = [kind() for kind in known_habits()]
        self._cycles: dict[str, list[Cycle]] = {}
        self._said: set[str] = set()

    def look(self, done: deque[Cycle]) -> None:
        """Take the cycles that are whole, and say what they show."""
        for _ in range(len(done)):
            cycle = done.popleft()
            cycles = self._cycles.setdefault(cycle.optimizer, [])
            cycles.append(cycle)
            for habit in self._habits:
                if habit.id not in self._said and (finding := habit.look(cycles)) is not None:
                    self._said.add(habit.id)
                    self._tell(finding)


def _norm(optimizer: Any) -> Tensor:
    gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    dense = [one.coalesce().values() if one.is_sparse else one for one in gradients]
    if not dense:
        return torch.zeros(())
    with torch.no_grad():
        norms = torch._foreach_norm(dense)
        home = norms[0].device
        return torch.linalg.vector_norm(torch.stack([norm.to(home, torch.float32) for norm in norms]))
