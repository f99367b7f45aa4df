"""What is heard while a probed cell runs: the listener that torch's seams, hooks and schedulers tell.

    forward     outermost modules with parameters: training, quiet (no gradient), samples, output, trainable,
                resting (classes of dropout and normalisation layers in eval mode, when all of them are)
    loss        a kernel of torch's losses, see losses.py
    backward    value, whole (a loss as it came), table, see losses.py; within (called by an optimizer's step)
    optim-step  lr of each group, uncleared (gradients of the step before were still there), cleared,
                written (the gradients are not what the last backward and torch have left, or may not be)
    clip        norm, most, gradients (there were some)
    batch, zero-grad, sched-step (of), scale, unscale, overflow

After two steps of an optimizer the next batch, forward or backward ends the cell. Values are read from
the device at once: nothing here is in a hurry.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from nbtrain.review.probe.gradients import GradientWatch, gradients_of, left_out
from nbtrain.review.probe.layers import activation_of, resting_layers, weights_of
from nbtrain.review.probe.losses import backward_of, loss_of
from nbtrain.review.probe.seen import GradientsSeen, Happening, LayerSeen
from nbtrain.running.control import Stopped
from nbtrain.train.untouched import TimeIsUp
from nbtrain.watch.people import frames

STEPS = 2
MOST_EVENTS = 4_000


class ScalerEars:
    """The part of `Ears` that the seams of GradScaler tell."""

    def __init__(self, ears: Ears) -> None:
        self._ears = ears

    def scaled(self, scaler: Any, outputs: Any, result: Any) -> None:
        """A loss was multiplied by the scale."""
        if isinstance(result, Tensor) and self._ears.last_loss is outputs:
            self._ears.last_loss = result
        if scaler.is_enabled():  # one that is switched off multiplies by nothing
            self._ears.note("scale", scaler)

    @contextmanager
    def steps(self, optimizer: Any) -> Iterator[None]:
        """A scaler steps an optimizer in the block, or leaves the step out."""
        taken = self._ears.taken.get(id(optimizer), 0)
        yield
        if self._ears.taken.get(id(optimizer), 0) == taken:
            self._ears.note("overflow", optimizer)

    def before_unscaling(self, optimizer: Any) -> None:
        """Gradients are about to be divided by the scale."""
        self._ears.watch.look()
        self._ears.note("unscale", optimizer)

    def updated(self) -> None:
        """The scale was updated."""


class Ears:
    """Hear one cell.

    Args:
        filename: under which the cell is compiled. variables: the cell's globals.
        until: `time.perf_counter()` at which it has had its time.
    """

    def __init__(self, filename: str, variables: dict[str, Any], until: float) -> None:
        self.filename, self.variables, self.until = filename, variables, until
        self.events: list[Happening] = []
        self.layers: list[LayerSeen] = []
        self.gradients: list[GradientsSeen] = []
        self.runs: dict[int, tuple[nn.Module, int | None, Any, Any]] = {}  # of the first training forward
        self.target: Tensor | None = None  # of the first training loss
        self.steps = 0
        self.batch_s = 0.0
        self.batch_size: int | None = None  # of the last loader that was iterated
        self.scaler = ScalerEars(self)
        self.deaf = False
        self.most_steps = STEPS
        self.taken: dict[int, int] = {}  # id of an optimizer -> its steps
        self.watch = GradientWatch()
        self._before: dict[int, dict[str, Tensor]] = {}
        self._depth = self._in_step = self._scheduling = 0
        self._in_backward = False
        self.last_loss: Tensor | None = None
        self._model_names: dict[int, str] = {}
        self._outputs: Tensor | None = None
        self._asked_at = 0.0

    # --- what every event does ----------------------------------------------------------------------------

    def _line(self) -> int | None:
        return next((f.f_lineno for f in frames() if f.f_code.co_filename == self.filename), None)

    def note(self, kind: str, subject: Any = None, **data: Any) -> None:
        if len(self.events) < MOST_EVENTS:
            name = self.name_of(subject) if subject is not None else ""
            self.events.append(Happening(kind, self._line(), name, self.steps, data))

    def name_of(self, subject: Any) -> str:
        """Return the name under which the cell holds an object, else its class."""
        found = next((name for name, value in self.variables.items() if value is subject), None)
        return found or type(subject).__name__

    @property
    def is_done(self) -> bool:
        """Whether an optimizer has taken all its steps."""
        return any(taken >= self.most_steps for taken in self.taken.values())

    def _go_on(self) -> None:
        """Something new begins: end the cell if it has done enough, or taken too long."""
        if self.is_done:
            raise Stopped("two steps were seen")
        if time.perf_counter() > self.until:
            raise TimeIsUp

    # --- batches ------------------------------------------------------------------------------------------

    def before_iterating(self, loader: Any) -> None:
        """A loader is about to be iterated: in this process, workers would outlive the probe."""
        self._go_on()
        held = vars(loader)
        held.update(num_workers=0, persistent_workers=False, prefetch_factor=None, timeout=0)
        self._asked_at = time.perf_counter()

    def iterating(self, loader: Any, iterator: Any) -> None:
        """Its iterator was made; making it counts as waiting."""
        self.batch_s += time.perf_counter() - self._asked_at
        sampler = getattr(loader, "batch_sampler", None)
        self.batch_size = getattr(loader, "batch_size", None) or getattr(sampler, "batch_size", None)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The cell waits for a batch in the block."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.batch_s += time.perf_counter() - began

    def drawn(self, iterator: Any, batch: Any) -> None:
        """A batch was drawn."""
        self.note("batch")
        self._go_on()

    def exhausted(self, iterator: Any) -> None:
        """A loader is at its end."""

    # --- forward ------------------------------------------------------------------------------------------

    def entering(self, module: nn.Module) -> None:
        """A module is about to run."""
        if self._depth == 0 and not self._in_backward:
            self._go_on()
            for path, part in module.named_modules():
                self._model_names.setdefault(id(part), path)
        self._depth += 1

    def left(self, module: nn.Module, args: Any, keywords: Any, output: Any) -> None:
        """A module has run."""
        self._depth -= 1
        if self._in_backward:
            return
        trains = torch.is_grad_enabled()
        if self._depth > 0:
            if trains and self.steps == 0 and len(self.layers) < 500:
                seen = activation_of(module, output)
                if seen is not None:
                    path = self._model_names.get(id(module), "")
                    self.layers.append(LayerSeen(path, type(module).__name__, *seen))
            return
        if not any(True for _ in module.parameters()):
            return
        inputs = [one for one in (*args, *keywords.values()) if isinstance(one, Tensor) and one.dim()]
        samples = inputs[0].size(0) if inputs else None
        shape = tuple(output.shape) if isinstance(output, Tensor) else None
        self.note(
            "forward", module, training=module.training, quiet=not trains, samples=samples, output=shape,
            trainable=any(p.requires_grad for p in module.parameters()), resting=resting_layers(module),
        )  # fmt: skip
        if trains:
            if isinstance(output, Tensor):
                self._outputs = output.detach()
            if id(module) not in self.runs and len(self.runs) < 4:
                self.runs[id(module)] = module, self._line(), _kept(args), _kept(keywords)

    # --- losses and backward ------------------------------------------------------------------------------

    def is_no_news(self) -> bool:
        """Whether a loss that was just computed says nothing: one computed again within a backward."""
        return self._in_backward

    def judged(self, name: str, result: Tensor, args: Any, reduction: int) -> None:
        """A loss was computed by one of torch's kernels."""
        data = loss_of(name, result, args, reduction)
        self.note("loss", **data)
        if result.requires_grad:
            self.last_loss = result
            if self.target is None and len(args) > 1 and isinstance(args[1], Tensor):
                self.target = args[1].detach().clone()

    def backward(self, original: Any, outputs: Any, args: Any, keywords: Any) -> Any:
        """Run a backward and note what it is of."""
        if self._in_backward:
            return original(outputs, *args, **keywords)
        self._go_on()
        self.watch.before_backward(self.variables.values())
        data = backward_of(outputs[0], self._outputs)
        whole = self.last_loss is not None and outputs[0] is self.last_loss
        self.note("backward", whole=whole, within=self._in_step > 0, **data)
        self._in_backward = True
        try:
            return original(outputs, *args, **keywords)
        finally:
            self._in_backward = False
            self.watch.written_by_torch()

    # --- gradients ----------------------------------------------------------------------------------------

    def cleared(self, subject: Any) -> None:
        """zero_grad was called on an optimizer or a module."""
        if not self._in_step:
            self.note("zero-grad", subject)

    def clipping(self, parameters: list[Tensor], norm: Tensor, most: Any) -> None:
        """Gradients are clipped to a norm of `most`."""
        self.watch.look()
        some = any(one.grad is not None for one in parameters)
        self.note("clip", norm=float(norm), most=float(most), gradients=some)

    def gradients_written(self) -> None:
        """torch itself has written to gradients: what they are now is not the cell's doing."""
        self.watch.written_by_torch()

    # --- steps --------------------------------------------------------------------------------------------

    def before_step(self, optimizer: Any, args: Any, keywords: Any) -> None:
        """An optimizer is about to step."""
        self._in_step += 1
        if self._in_step > 1:
            return
        if self.taken.get(id(optimizer), 0) >= self.most_steps:
            self._in_step -= 1
            raise Stopped("two steps were seen")
        self.watch.look()
        if id(optimizer) not in self.taken:
            self._before[id(optimizer)] = weights_of(optimizer)

    def after_step(self, optimizer: Any) -> None:
        """It has stepped."""
        self._in_step -= 1
        if self._in_step:
            return
        key = id(optimizer)
        if key in self._before:
            before, name = self._before.pop(key), self.name_of(optimizer)
            self.gradients.append(gradients_of(optimizer, name, self._models, before))
        rates = tuple(float(group["lr"]) for group in optimizer.param_groups if "lr" in group)
        self.note("optim-step", optimizer, lr=rates, **self.watch.stepped(optimizer))
        self.taken[key] = self.taken.get(key, 0) + 1
        self.steps += 1

    @property
    def _models(self) -> list[nn.Module]:
        return [module for module, *_ in self.runs.values()]

    def finish(self) -> None:
        """The cell is over: look which parameters had gradients and are in no optimizer."""
        known = [one for one in self.variables.values() if isinstance(one, torch.optim.Optimizer)]
        left = left_out(self._models, [*known, *self.watch.optimizers.values()])
        self.gradients = [replace(one, elsewhere=left) for one in self.gradients]

    # --- schedulers ---------------------------------------------------------------------------------------

    @contextmanager
    def scheduling(self, scheduler: Any) -> Iterator[None]:
        """A scheduler steps in the block; schedulers that step others count once."""
        if not self._scheduling:
            self.note("sched-step", scheduler, of=self.name_of(getattr(scheduler, "optimizer", None)))
        self._scheduling += 1
        try:
            yield
        finally:
            self._scheduling -= 1


def _kept(value: Any) -> Any:
    """A copy of what a model was given: a later line of the cell may write into it."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: _kept(one) for key, one in value.items()}
    if type(value) in (tuple, list):
        return type(value)(_kept(one) for one in value)
    return value
