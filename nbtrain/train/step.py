"""One optimizer step: forward under autocast, scaled backward, accumulation, unscale, clip, update.

Nothing here reads a value back from the device; loss and gradient norms are handed on as 0-d tensors.
(torch's own GradScaler looks at its overflow flag once a step, as it does in a bare loop.) A step whose
gradients are not finite is left out (`nbtrain.train.finite`); one that does not fit into memory is taken
again in pieces (`nbtrain.train.memory`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from nbtrain.running.host_reads import Probe
from nbtrain.telemetry.layers import LayerSampler
from nbtrain.telemetry.recorder import Norm, Taken
from nbtrain.train.accuracy import Hits, Tally
from nbtrain.train.batch import Task, batch_size, check_loss, to_device
from nbtrain.train.buffers import Buffers
from nbtrain.train.finite import Guard, all_finite, found_by, host_norm, values_of
from nbtrain.train.lbfgs import BeforeStep
from nbtrain.train.memory import Change, Pieces, Shortage, shortage_of, update_anew
from nbtrain.train.moment import Moments
from nbtrain.train.out_of_memory import give_memory_back, is_out_of_memory
from nbtrain.train.pieces import Piece
from nbtrain.train.precision import Precision
from nbtrain.train.recent import Recent

SMALL = 65_536  # parameters; smaller models' gradients are laid end to end, and their norm taken at once


class Stepper:
    """Everything one step needs, looked up once.

    Args:
        model, optimizer: what is trained. task: how a batch becomes a loss.
        precision: autocast and scaling. device: where batches go.
        clip: largest total gradient norm, or None. hits: judges batches for accuracy, or None.

    Attributes:
        guard: leaves steps out whose gradients are not finite, and all that follow until it is released.
        pieces: how many samples fit into memory at a time. on_change: told when that has changed.
        go_back: puts weights and optimizer back to the last good state and says which that is, or "".
        newest, moment: batches of the newest step, and the random generators at its beginning.
        recent: batches of steps of which it is not known yet whether they were left out.
        probe: looks into one step when that is wished for.
    """

    def __init__(
        self, model: nn.Module, optimizer: Any, *, task: Task, precision: Precision, device: torch.device,
        clip: float | None = None, hits: Hits | None = None,
    ) -> None:  # fmt: skip
        self.model, self.optimizer, self.task = model, optimizer, task
        self.device, self.clip = device, clip
        self.scaler = precision.scaler()
        self._fleeting = is_compiled(model)  # its outputs may lie in memory that the next step fills again
        self.tally = Tally(hits, at_once=self._fleeting) if hits is not None else None
        self._autocast = precision.autocast if precision.dtype is not None else None
        held = [p for group in optimizer.param_groups for p in group["params"]]
        ids = {id(p) for p in held}
        named = [(name, p) for name, p in model.named_parameters() if id(p) in ids and p.requires_grad]
        own = {id(p) for _, p in named}
        # in the model's order, as a clip_grad_norm_(model.parameters()) by hand adds them up
        self.parameters = [p for _, p in named] + [p for p in held if id(p) not in own]
        self.sampler = LayerSampler(named)
        self.guard, buffers = Guard(optimizer, self.parameters, hold=True), Buffers(model)
        self._buffers = buffers if len(buffers) else None
        self.pieces = Pieces("A training step", model, lambda batch: self._loss(batch)[0])
        self.pieces.counted = task.means.counted if task.means is not None else None
        self.on_change: Callable[[Change], None] = lambda change: None
        self.go_back: Callable[[], str] = lambda: ""
        self._moments, self.recent = Moments(device), Recent()
        self.moment = self._moments.now()
        self.newest: Sequence[Any] = ()
        self.probe = Probe(device.type)
        self._at = ""
        self._closure_needed = isinstance(optimizer, torch.optim.LBFGS)
        self._checked = False
        self._small = self.guard.on_host and sum(p.numel() for p in self.parameters) <= SMALL

    def step(self, group: Sequence[Any], number: int, now: float) -> Taken:
        """Train on a group of micro-batches and update once.

        Args:
            group: the micro-batches of this step, not yet on the device.
            number: this step's number. now: seconds.
        """
        if self._buffers is not None:
            self._buffers.keep()
        self.newest, self.moment = group, self._moments.now()
        mark = self.tally.mark() if self.tally is not None else ()
        if not self.guard.on_host or self.scaler is not None:
            self.recent.keep(number, group, self.moment)
        again = False
        while True:
            try:
                if self.probe.wanted:
                    with self.probe.look():
                        return self._take(self.pieces.cut(group), number, now)
                return self._take(self.pieces.cut(group), number, now)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                shortage = shortage_of(error, self._at)
            # behind the handler, where nothing holds the tensors of the failed step any more
            self._clear_away(mark)
            self._make_room(group, shortage, again=again)
            again = True

    def bound_gradients(self, norm: float) -> None:
        """Clip from now on: at this total norm, or at the one before when that is smaller."""
        self.clip = min(self.clip or norm, norm)

    def _take(self, pieces: Sequence[Piece], number: int, now: float) -> Taken:
        self.optimizer.zero_grad(set_to_none=True)
        if self._closure_needed:
            return self._step_with_closure(pieces)
        loss, samples = self._backward(pieces)
        if self.scaler is not None:
            self.scaler.unscale_(self.optimizer)
        gradients = values_of([p.grad for p in self.parameters])
        sampled = self.sampler.due(now)
        norm, total, parts = self._measure(gradients, sampled)
        if self.scaler is None:
            left_out = self.guard.look(gradients, total)
        else:
            left_out = found_by(self.scaler, self.optimizer, loss.device)
        if sampled:
            self.sampler.before_update()
        self._at = "update"
        self._update(left_out, loss)
        if sampled:
            owners = [p for p in self.parameters if p.grad is not None]
            self.sampler.after_update(number, dict(zip(owners, parts, strict=True)), now)
        return Taken(loss, norm, samples, left_out)

    def _measure(
        self, gradients: list[Tensor], sampled: bool
    ) -> tuple[Norm, float | Tensor | None, Sequence[Tensor]]:
        """Clip; return the norm for the record, the total where it is known, the norm of each gradient."""
        parts: Sequence[Tensor] = ()
        total = host_norm(gradients) if self._small and self.clip is None else None
        if sampled or (self.clip is None and total is None):
            parts = torch._foreach_norm(gradients) if gradients else ()
        if total is not None:
            return total, total, parts
        if self.clip is not None:
            total = torch.nn.utils.clip_grad_norm_(self.parameters, self.clip)
            return total, total, parts
        if not parts or not self.guard.on_host:
            return parts, None, parts
        return parts, torch.linalg.vector_norm(torch.stack(parts)), parts

    def _update(self, left_out: bool | Tensor, loss: Tensor) -> None:
        if self.scaler is None:
            self.guard.update(left_out)
            if self._buffers is not None:
                self._buffers.put_back(left_out)
            return
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self._buffers is None:
            return
        # gradients overflow in fp16 after a healthy forward too, whose statistics a loop by hand keeps
        self._buffers.put_back(left_out * ~torch.isfinite(loss))

    def _loss(self, batch: Any) -> tuple[Tensor, Any, Any]:
        batch = to_device(batch, self.device)
        if self._autocast is None:
            return self.task.loss(self.model, batch)
        with self._autocast():
            return self.task.loss(self.model, batch)

    def _backward(self, pieces: Sequence[Piece], *, judge: bool = True) -> tuple[Tensor, int]:
        """Forward and backward of each piece, the loss divided so that the step's is the mean."""
        total, samples = None, 0
        for batch, divisor in pieces:
            self._at = "forward"
            loss, output, target = self._loss(batch)
            if not self._checked:  # the first of the run: data that can be read only once was not rehearsed
                check_loss(loss)
                self._checked = True
            if divisor != 1:
                loss = loss / divisor
            self._at = "backward"
            (loss if self.scaler is None else self.scaler.scale(loss)).backward()
            seen = loss.detach().clone() if self._fleeting else loss.detach()
            total = seen if total is None else total + seen
            samples += batch_size(batch)
            if judge and self.tally is not None:
                self.tally.add(output, target)
        return total, samples

    def _step_with_closure(self, pieces: Sequence[Piece]) -> Taken:
        """LBFGS evaluates several times in a step; the first evaluation's loss is the step's.

        It reads each loss itself, so it costs nothing more to look whether all went well.
        """
        first: list[tuple[Tensor, int]] = []
        before, sound = BeforeStep(self.optimizer), []

        def closure() -> Tensor:
            self.optimizer.zero_grad(set_to_none=True)
            seen = self._backward(pieces, judge=not first)
            if not sound:  # later ones may lie where a line search looks and turns back
                sound.append(all_finite(values_of([p.grad for p in self.parameters])))  # device sync
            if self.clip is not None:
                torch.nn.utils.clip_grad_norm_(self.parameters, self.clip)
            first.append(seen)
            return seen[0]

        try:
            self.optimizer.step(closure)
        except BaseException:  # the weights have moved by then, in search of a good step
            before.put_back()
            raise
        left_out = not (sound[0] and all_finite(self.parameters))  # device sync
        if left_out:
            before.put_back()
            if self._buffers is not None:
                self._buffers.put_back()
        gradients = values_of([p.grad for p in self.parameters])
        return Taken(first[0][0], torch._foreach_norm(gradients) if gradients else (), first[0][1], left_out)

    def _clear_away(self, mark: tuple[Any, ...]) -> None:
        """Make everything but the weights what it was before the step."""
        self.optimizer.zero_grad(set_to_none=True)
        if self.scaler is not None:  # else it refuses to unscale a second time; there is no public way
            getattr(self.scaler, "_per_optimizer_states", {}).pop(id(self.optimizer), None)
        if self._buffers is not None:
            self._buffers.put_back()
        self.moment.rewind()
        if self.tally is not None:
            self.tally.back_to(mark)
        give_memory_back()

    def _make_room(self, group: Sequence[Any], shortage: Shortage, *, again: bool) -> None:
        """Have the step need less, or raise OutOfMemory.

        An update that was broken off has moved some weights and not others, and half of the optimizer's
        memory: there the way is back, not on.
        """
        if shortage.at == "update":
            self.on_change(update_anew(self.optimizer, shortage, self.go_back, again=again))
        else:
            self.on_change(self.pieces.halve(group, shortage))

    @property
    def norms_each_step(self) -> bool:
        """True when each step takes gradient norms for the record alone; clipping and small models do not."""
        return self.clip is None and not self._small

    def take_accuracy(self) -> float | None:
        """Return the training accuracy since the last call, 0..1; None where there is none to be had."""
        if self.tally is None:
            return None
        accuracy = self.tally.take()
        return None if accuracy != accuracy else accuracy


def is_compiled(model: nn.Module) -> bool:
    """Say whether torch.compile works on the model or a part of it."""
    return any(
        hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None) is not None
        for module in model.modules()
    )
