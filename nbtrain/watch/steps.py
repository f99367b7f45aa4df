"""Rows of a followed loop: what is measured of a step, and whose step it was."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple
from weakref import ref

import numpy as np
import torch
from torch import Tensor

from nbtrain.running.activity import Desk
from nbtrain.running.control import Stopped
from nbtrain.running.record import Arrived
from nbtrain.running.state import State
from nbtrain.telemetry.recorder import Norm, Recorder, Taken
from nbtrain.watch.found import Found
from nbtrain.watch.layers import Layers
from nbtrain.watch.scaling import Scaling, factor_at_step
from nbtrain.watch.values import Values

NAN = "the loss or a gradient became NaN or infinite; the weights are as they were before it"
KEPT_GRADIENTS = 65_536  # parameters; gradients of smaller models are copied, and their norms taken together


class Row(NamedTuple):
    """One step: what it came to, at what rate, in how many seconds, when, and the code of its optimizer."""

    step: int
    taken: Taken
    lr: Any
    seconds: float
    now: float
    code: int

    def with_loss(self, loss: Tensor) -> Row:
        """Return the row with a loss that was logged."""
        return self._replace(taken=self.taken._replace(loss=[loss]))


class Known:
    """What is known of an optimizer that has stepped: its code, and whether its gradients are small.

    Attributes:
        optimizer: a weak reference. gradients: as many it had when `is_small` was found.
    """

    __slots__ = ("code", "gradients", "is_small", "optimizer")

    def __init__(self, optimizer: Any, code: int) -> None:
        self.optimizer, self.code = ref(optimizer), code
        self.gradients, self.is_small = 0, False


class Steps:
    """Make a row of each step.

    Args:
        desk: of the run. state: its counters. recorder: takes the rows. found: names the optimizers.
        stops_at_nan: end the run before a step that is not finite; waits for the device in each step.
    """

    def __init__(
        self, desk: Desk, state: State, recorder: Recorder, found: Found, *, stops_at_nan: bool
    ) -> None:
        self._desk, self._state, self._recorder, self._found = desk, state, recorder, found
        self._stops_at_nan = stops_at_nan
        self.values, self.scaling, self.layers = Values(), Scaling(), Layers(found)
        self._known: dict[int, Known] = {}  # by the optimizer's id
        self._beside: deque[tuple[int, int, bool]] = deque()  # optimizer, backwards, measured: a row each
        self._norm: Norm = None
        self._lr: Any = 0.0
        self._clipped: tuple[int, Tensor] | None = None  # gradients, their norm before they were clipped
        self._open: Row | None = None  # a row whose loss may still be logged
        self._logged: Any = None  # a loss that was logged before its step
        self.arrived = 0  # the last step that has reached the host
        self._last = time.perf_counter()
        self.is_idle = False  # something else than training has gone on since the last step
        self.divided: set[int] = set()  # codes of the optimizers whose losses a loop divides by their number

    # --- a step -------------------------------------------------------------------------------------------

    def is_new(self, optimizer: Any) -> bool:
        """Say whether an optimizer has not stepped yet."""
        known = self._known.get(id(optimizer))
        return known is None or known.optimizer() is not optimizer

    def name_of(self, optimizer: Any) -> str:
        """Return what an optimizer that has stepped is called."""
        return self._desk.record.optimizers[self._of(optimizer).code]

    def before(self, optimizer: Any, *, has_closure: bool) -> None:
        """Measure what only can be before the update.

        Raises:
            Stopped: something is not finite, and the run is to stop there.
        """
        self._lr = optimizer.param_groups[0].get("lr", math.nan)
        self._norm = None if has_closure else self._norm_of(optimizer)
        if self._stops_at_nan:
            self.refuse_nan(optimizer)
        self.layers.before(optimizer, self._last)

    def refuse_nan(self, optimizer: Any) -> None:
        """End the run when a loss or the gradients of the step to come are not finite.

        Raises:
            Stopped: they are not.
        """
        norm = self._norm
        parts = [*self.values.waiting(optimizer), *([norm] if isinstance(norm, Tensor) else norm or ())]
        if not parts:
            return
        home = parts[0].device
        finite = torch.isfinite(torch.stack([part.norm().to(home, torch.float32) for part in parts])).all()
        if not bool(finite):  # device sync each step: asked for by --on-nan stop
            self._row_of_the_step_not_taken(optimizer)
            self._desk.control.stop("step", reason=NAN, kind="diverged")
            raise Stopped(NAN)

    def after(self, optimizer: Any, *, samples: int, has_closure: bool) -> None:
        """Take a row of the step that was made."""
        if has_closure:
            self._norm = self._norm_of(optimizer)
        state = self._state
        self.layers.after(state.step + 1, self._last)
        now = time.perf_counter()
        seconds = now - self._last
        self._last, self.is_idle = now, False
        state.step += 1
        state.samples += samples
        state.train_s += seconds
        losses, norm = self.values.take(optimizer), self._norm
        code = self._of(optimizer).code
        self._norm = self._clipped = None
        if self._open is not None:
            self._close_row()
        if len(losses) == 1 and self._logged is None:  # what nearly every step has
            self._beside.append((code, 1, True))
            taken = Taken(losses[0], norm, samples)
            self._recorder.add(state.step, taken, self._lr, seconds, now)
            return
        if len(losses) > 1 and self.values.are_divided(optimizer):
            self.divided.add(code)
        row = Row(state.step, Taken(losses, norm, samples), self._lr, seconds, now, code)
        if losses:
            self._emit(row)
        elif self._logged is not None:
            self._emit_logged(row)
        else:
            self._open = row  # it may be logged after the step

    def _row_of_the_step_not_taken(self, optimizer: Any) -> None:
        self._state.step += 1
        taken = Taken(self.values.take(optimizer), self._norm, 0, skipped=True)
        self._emit(Row(self._state.step, taken, self._lr, 0.0, 0.0, self._of(optimizer).code))

    def clipped(self, parameters: list[Tensor], norm: Tensor) -> None:
        """Take the norm that clip_grad_norm_ has found before it clipped."""
        count = sum(p.grad is not None for p in parameters)
        self._clipped = count, norm

    def _norm_of(self, optimizer: Any) -> Norm:
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        gradients = [gradient for p in parameters if (gradient := p.grad) is not None]
        if not gradients or type(gradients[0]) is not Tensor:
            return None  # tensors of other kinds (DTensor) may talk to other processes to be added up
        if self._clipped is not None and self._clipped[0] == len(gradients):
            return self._clipped[1]
        factor = factor_at_step(optimizer)
        if factor is None and not gradients[0].requires_grad and self._is_small(optimizer, gradients):
            return _copied(gradients)
        with torch.no_grad():
            norms = _norms(gradients)
            return norms if factor is None else [norm / factor.to(norm.device) for norm in norms]

    def _is_small(self, optimizer: Any, gradients: list[Tensor]) -> bool:
        known = self._of(optimizer)
        if known.gradients != len(gradients):
            one_kind = len({(one.device, one.dtype, one.layout) for one in gradients}) == 1
            small = one_kind and sum(one.numel() for one in gradients) <= KEPT_GRADIENTS
            known.gradients, known.is_small = len(gradients), small and not gradients[0].is_sparse
        return known.is_small

    def _of(self, optimizer: Any) -> Known:
        known = self._known.get(id(optimizer))
        if known is None or known.optimizer() is not optimizer:
            code = self._code_of(self._found.steps(optimizer))
            known = self._known[id(optimizer)] = Known(optimizer, code)
            self.layers.begin(optimizer)
        return known

    def _code_of(self, name: str) -> int:
        names = self._desk.record.optimizers
        if name not in names:
            names.append(name)
        return names.index(name)

    # --- losses that are logged ---------------------------------------------------------------------------

    def log_loss(self, loss: Any) -> bool:
        """Take a loss that the person's code logs, where none is seen; say whether a step ended with it."""
        loss = loss if isinstance(loss, Tensor) else torch.tensor(loss, dtype=torch.float64)
        if self._open is not None:
            row, self._open = self._open, None
            self._emit(row.with_loss(loss), backwards=0)
            return False
        ended = self._end_logged_step()
        self._logged = loss
        return ended

    def _end_logged_step(self) -> bool:
        """Make a step of a loss that was logged with no optimizer stepping; say whether there was one."""
        if self._logged is None:
            return False
        now = time.perf_counter()
        seconds, self._last = now - self._last, now
        self._state.step += 1
        self._state.train_s += seconds
        self._emit_logged(
            Row(self._state.step, Taken([], None, 0), float("nan"), seconds, now, self._code_of(""))
        )
        return True

    def _emit_logged(self, row: Row) -> None:
        loss, self._logged = self._logged, None
        self._emit(row.with_loss(loss), backwards=0)

    def _close_row(self) -> None:
        if self._open is not None:
            row, self._open = self._open, None
            self._emit(row)

    # --- on their way -------------------------------------------------------------------------------------

    def _emit(self, row: Row, *, backwards: int | None = None) -> None:
        losses = row.taken.loss
        self._beside.append((row.code, len(losses) if backwards is None else backwards, bool(losses)))
        taken = row.taken._replace(loss=losses[0]) if len(losses) == 1 else row.taken
        self._recorder.add(row.step, taken, row.lr, row.seconds, row.now)

    def rest(self) -> None:
        """Note that something else than training goes on: its time is no step's."""
        self.is_idle = True

    def go_on(self) -> None:
        """Training goes on: after a rest the time of the next step begins here."""
        if self.is_idle:
            self.is_idle = False
            self._last = time.perf_counter()

    def flush(self) -> None:
        """Send what there is on its way."""
        self._close_row()
        self._recorder.flush()

    def finish(self) -> None:
        """Send everything on its way; there will be no more."""
        self._end_logged_step()
        self.flush()

    def take(self, *, last: bool) -> Arrived:
        """Return the rows that have reached the host. Called by the pump."""
        rows = self._recorder.drain(wait=last)
        if rows is None:
            return Arrived(sample=self.layers.take())
        self.arrived = int(rows.steps[-1])
        beside = [self._beside.popleft() for _ in range(len(rows.steps))]
        codes, backwards, measured = (np.array(column) for column in zip(*beside, strict=True))
        columns = {"optimizer": codes.astype(float), "backwards": backwards.astype(float)}
        return Arrived(rows, self.layers.take(), columns, measured.astype(bool))


def _copied(gradients: list[Tensor]) -> Sequence[Tensor]:
    """One copy of all gradients, whose norm is taken for many steps together: a third of the time."""
    return (torch._C._nn.flatten_dense_tensors(gradients),)


def _norms(gradients: list[Tensor]) -> Sequence[Tensor]:
    try:
        return torch._foreach_norm(gradients)
    except (RuntimeError, NotImplementedError):  # sparse ones
        dense = [one.coalesce().values() if one.is_sparse else one for one in gradients]
        return torch._foreach_norm(dense)
