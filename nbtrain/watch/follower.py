"""Follower: what the calls of a loop mean. It listens to `nbtrain.watch.seams` in the loop's own thread.

    backward        the value is put aside for the optimizers it is of          (values.py)
    before a step   gradient norms, learning rate                               (steps.py)
    after a step    a row to the recorder; the mailbox: save, set lr, pause, stop
    a batch         samples; the end of the feeding loader ends an epoch        (draws.py, epochs.py)
    a loss          of training: which it is; of other data: validation         (validation.py)

Nothing is read from a device and nothing of the loop is changed. What fails in here is told and never reaches
the loop; what does reach it is meant to: Stopped, and the refusal of parameters that another run trains.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from nbtrain.running.activity import Desk
from nbtrain.running.record import FOLLOWED_COLUMNS, STEP_COLUMNS
from nbtrain.running.state import State
from nbtrain.telemetry.recorder import Recorder
from nbtrain.watch.aside import Aside
from nbtrain.watch.boundary import Boundary
from nbtrain.watch.dividing import divisor_of
from nbtrain.watch.draws import Draws
from nbtrain.watch.epochs import Epochs
from nbtrain.watch.found import Found
from nbtrain.watch.nesting import Nesting
from nbtrain.watch.observer import Observer
from nbtrain.watch.passes import Passes
from nbtrain.watch.people import line
from nbtrain.watch.scaler_steps import ScalerSteps
from nbtrain.watch.steps import Steps
from nbtrain.watch.validation import Validation

LOSS_NAMES = ("loss", "train_loss")  # what a logged training loss is called
RESERVED = frozenset(["step", "epoch", *STEP_COLUMNS, *FOLLOWED_COLUMNS])


class Follower:
    """One loop, followed.

    Args:
        desk: of the run. state: its counters. found: what takes part.
        stops_at_nan: see `nbtrain.watch.steps.Steps`.
        on_first_step: called with each optimizer before its first step; what it raises reaches the loop.
    """

    def __init__(
        self, desk: Desk, state: State, found: Found, *, stops_at_nan: bool = False,
        on_first_step: Callable[[Any], Any] = lambda optimizer: None,
    ) -> None:  # fmt: skip
        self._desk, self._state, self.found = desk, state, found
        self._on_first_step = on_first_step
        self.steps = Steps(desk, state, Recorder(), found, stops_at_nan=stops_at_nan)
        self.passes = Passes(state, desk.record)
        self._scaling, self._values = self.steps.scaling, self.steps.values
        self._draws, self._nesting = Draws(), Nesting()
        parts = state, self.steps, self.passes, found, self._draws
        self.validation, self.epochs, self.observer = Validation(*parts), Epochs(*parts), Observer(found)
        self.boundary = Boundary(desk, state, self.steps, self._draws)
        self._aside = Aside(state, desk.trouble)
        self._safely = self._aside.do
        self.scaler = ScalerSteps(
            desk.record, self.steps, self.boundary, self.observer, self._aside, made=self._left_out,
            stops_at_nan=stops_at_nan,
        )  # fmt: skip
        self._in_backward = self._has_closure = False
        self.deaf = self.logged = False

    # --- backward -----------------------------------------------------------------------------------------

    def backward(self, original: Any, outputs: Any, args: Any, keywords: Any) -> Any:
        """Run a backward and take its value. One within another (checkpointing) is a part of it."""
        __tracebackhide__ = True
        if self._in_backward:
            return original(outputs, *args, **keywords)
        if self.boundary.due:
            self.boundary.serve()
        if self.epochs.ended is not None and self.epochs.is_over:
            self.boundary.between_epochs()
        self._safely(self._before_backward, outputs)
        self._in_backward = True
        try:
            result = original(outputs, *args, **keywords)
        except BaseException:
            self._values.forget()
            raise
        finally:
            self._in_backward = False
        if self.observer.is_open or self._values.several:
            self._safely(self._after_backward)
        else:
            self._values.add()
        return result

    def _before_backward(self, outputs: Any) -> None:
        steps, values, validation, epochs = self.steps, self._values, self.validation, self.epochs
        if steps.is_idle:
            steps.go_on()
        self._state.phase = "training"
        if values.several:
            values.before_backward()
        judges = validation.is_open or validation.is_undecided
        divides = len(outputs) == 1 and (self.observer.is_open or values.divides)
        is_scaled = whole = False
        if self._scaling.used and (judges or divides):
            is_scaled = self._scaling.before_scaling(outputs[0]) is not None
        if judges:
            whole = validation.before_backward(outputs[0], is_scaled=is_scaled)
        if validation.own.is_heard:
            validation.own.stop()
        if self.passes.validating:
            self.passes.trains_again()
        if epochs.has_rest or self._draws.candidates:
            epochs.before_backward()
        self.observer.backward(step=self._state.step, whole=whole)
        values.under_way = self._value_of(outputs)
        values.divisor = divisor_of(outputs[0], is_scaled=is_scaled) if divides else 1.0
        values.line = line() if values.divisor > 1 and self.observer.is_open else None

    def _after_backward(self) -> None:
        self._values.add()
        if self.observer.is_open:
            self.observer.after_backward()

    def _value_of(self, outputs: Any) -> Tensor | None:
        """The value of a backward, a copy, since loops add to losses in place; None where it is none."""
        one = outputs[0]
        if len(outputs) == 1 and not self._scaling.used and type(one) is Tensor and one.dim() == 0:
            capturing = one.is_cuda and torch.cuda.is_current_stream_capturing()
            return None if capturing else one.detach().clone()  # what nearly every loop has
        scalars = [one for one in outputs if type(one) is Tensor and one.numel() == 1]
        if len(scalars) != len(outputs) or (scalars[0].is_cuda and torch.cuda.is_current_stream_capturing()):
            return None
        values = [self._scaling.unscaled(one) for one in scalars]
        self._scaling.forget()
        values = [one if one.dim() == 0 else one.reshape(()) for one in values]
        return values[0].clone() if len(values) == 1 else torch.stack(values).sum()

    # --- steps --------------------------------------------------------------------------------------------

    def before_step(self, optimizer: Any, args: Any, keywords: Any) -> None:
        """An optimizer is about to step."""
        if not self._nesting.enter(sys._getframe(2)):
            return
        if self.steps.is_new(optimizer):
            self._on_first_step(optimizer)
        closure = args[1] if len(args) > 1 else keywords.get("closure")
        self._has_closure = closure is not None and callable(closure)
        self._safely(self._before_step, optimizer)

    def _before_step(self, optimizer: Any) -> None:
        self.steps.before(optimizer, has_closure=self._has_closure)
        if self.observer.is_open:
            self.observer.before_step(optimizer)

    def after_step(self, optimizer: Any) -> None:
        """An optimizer has stepped."""
        if not self._nesting.leave(sys._getframe(2)):
            return
        self._safely(self._stepped, optimizer)
        if self.scaler.is_stepping:
            self.scaler.stepped()
        else:
            self.boundary.serve()
        if self.epochs.told_late:
            self.epochs.told_late = False
            self.boundary.between_epochs()

    def _stepped(self, optimizer: Any) -> None:
        state, draws = self._state, self._draws
        state.batch = draws.batches
        drawn = draws.draws
        self.steps.after(optimizer, samples=draws.take_samples(), has_closure=self._has_closure)
        self._aside.stepped()
        self.epochs.stepped()
        if self.observer.is_open:
            name = self.steps.name_of(optimizer)
            self.observer.after_step(optimizer, name=name, step=state.step, draws=drawn)

    def _left_out(self, optimizer: Any) -> None:
        """A GradScaler has found an overflow, and did not step."""
        self._has_closure = False
        self._before_step(optimizer)
        self._stepped(optimizer)

    # --- gradients that are written to -------------------------------------------------------------------

    def gradients_written(self) -> None:
        """torch itself has written to gradients: they were clipped, or unscaled."""
        self._safely(self.observer.after_writing)

    def clipping(self, parameters: list[Tensor], norm: Tensor, most: Any) -> None:
        """Gradients are clipped to a norm of `most`; `norm` is theirs before it."""
        is_measured = isinstance(most, float) and math.isinf(most)  # and nothing is clipped
        self._safely(self.observer.clipping, parameters, is_measured)
        self._safely(self.steps.clipped, parameters, norm)

    # --- batches and epochs -------------------------------------------------------------------------------

    def before_iterating(self, loader: Any) -> None:
        """A pass over a loader is about to begin."""
        if loader is self.found.train_loader:
            self._safely(self.epochs.before_iterating)
            if self.epochs.ended is not None:
                self.boundary.between_epochs()

    def iterating(self, loader: Any, iterator: Any) -> None:
        """A pass over a loader has begun."""
        self._safely(self._draws.begin, loader, iterator)

    def drawn(self, iterator: Any, batch: Any) -> None:
        """A batch was drawn."""
        self._safely(self._draws.drawn, iterator, batch)
        if self.validation.own.codes and self._draws.elsewhere:
            self.validation.may_begin(within_epoch=self.epochs.ended is None)
        if self.steps.is_idle and torch.is_grad_enabled():
            self.steps.go_on()

    def exhausted(self, iterator: Any) -> None:
        """A loader has no more batches."""
        self._safely(self.epochs.exhausted, iterator)
        if self.epochs.ended is not None:
            self.validation.may_begin()

    # --- validation, logged numbers -----------------------------------------------------------------------

    def judged(self, name: str, result: Tensor, args: Any, reduction: int) -> None:
        """A loss was computed."""
        self._safely(self.validation.judged, name, result, args, reduction)

    def is_no_news(self) -> bool:
        """Say whether a loss that was just computed is of training, as all of them, or computed again."""
        return self._in_backward or self.validation.is_no_news()

    def log(self, values: Mapping[str, Any]) -> None:
        """Take what the person's code logs."""
        if self.deaf:
            return
        kept = dict(values)
        ended = False
        self.logged = True
        if not self._values.count:
            for name in LOSS_NAMES:
                if name in kept:
                    ended = self.steps.log_loss(kept.pop(name))
                    break
        if kept:
            named = {f"{name}_logged" if name in RESERVED else name: value for name, value in kept.items()}
            self._desk.record.note_logged(self._state.step, named)
        if ended:
            self.boundary.serve()

    # --- the end ------------------------------------------------------------------------------------------

    @property
    def spent_s(self) -> float | None:
        """Seconds that the loop has been held up by being followed; None while too few steps tell."""
        return self._aside.spent_s

    def finish(self, *, completed: bool) -> None:
        """The loop is over: send everything on its way.

        Args:
            completed: it came to its own end, and so did the epoch that no loader's end has ended.
        """
        self._scaling.forget()
        self._safely(self.validation.finish)
        self.steps.finish()
        self.epochs.finish(completed=completed)
