"""One optimizer step: forward under autocast, scaled backward, accumulation, unscale, clip, update.

Nothing here reads a value back from the device; loss and gradient norms are handed on as 0-d tensors.
(torch's own GradScaler looks at its overflow flag once a step, as it does in a bare loop.) A step whose
gradients are not finite is left out (`nbtrain.train.finite`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from nbtrain.telemetry.layers import LayerSampler
from nbtrain.telemetry.recorder import Norm, Taken
from nbtrain.train.accuracy import Hits, Tally
from nbtrain.train.batch import Task, batch_size, check_loss, to_device
from nbtrain.train.buffers import Buffers
from nbtrain.train.finite import Guard, all_finite, found_by, values_of
from nbtrain.train.lbfgs import BeforeStep
from nbtrain.train.precision import Precision

KEPT_GRADIENTS = 65_536  # parameters; gradients of smaller models are kept, and their norms taken together


class Stepper:
    """Everything one step needs, looked up once.

    Args:
        model, optimizer: what is trained. task: how a batch becomes a loss.
        precision: autocast and scaling. device: where batches go.
        clip: largest total gradient norm, or None. hits: judges batches for accuracy, or None.

    Attributes:
        guard: leaves steps out whose gradients are not finite, and all that follow until it is released.
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
        self._closure_needed = isinstance(optimizer, torch.optim.LBFGS)
        self._checked = False
        drops = getattr(type(optimizer), "zero_grad", None) is torch.optim.Optimizer.zero_grad
        small = sum(p.numel() for p in self.parameters) <= KEPT_GRADIENTS
        self._keepable = drops and small and clip is None and not self._fleeting
        self._keeps = False  # until a step has shown that the optimizer does not write into gradients

    def step(self, group: Sequence[Any], number: int, now: float) -> Taken:
        """Train on a group of micro-batches and update once.

        Args:
            group: the micro-batches of this step, not yet on the device.
            number: this step's number. now: seconds.
        """
        self.optimizer.zero_grad(set_to_none=True)
        if self._buffers is not None:
            self._buffers.keep()
        if self._closure_needed:
            return self._step_with_closure(group)
        loss, samples = self._backward(group)
        if self.scaler is not None:
            self.scaler.unscale_(self.optimizer)
        gradients = values_of([p.grad for p in self.parameters])
        sampled = self.sampler.due(now)
        norm, total, parts = gradients, None, ()
        if sampled or not self._keeps:
            norm, total, parts = self._measure(gradients, sampled)
        if self.scaler is None:
            left_out = self.guard.look(gradients, total)
        else:
            left_out = found_by(self.scaler, self.optimizer, loss.device)
        if sampled:
            versions = [gradient._version for gradient in gradients]
            self.sampler.before_update()
        self._update(left_out, loss)
        if sampled:
            owners = [p for p in self.parameters if p.grad is not None]
            dense = all(p.grad is gradient for p, gradient in zip(owners, gradients, strict=True))
            unwritten = versions == [gradient._version for gradient in gradients]
            self._keeps = self._keepable and dense and unwritten
            self.sampler.after_update(number, dict(zip(owners, parts, strict=True)), now)
        return Taken(loss, norm, samples, left_out)

    def _measure(
        self, gradients: list[Tensor], sampled: bool
    ) -> tuple[Norm, Tensor | None, Sequence[Tensor]]:
        """Clip; return the norm for the record, the total where it is known, the norm of each gradient."""
        parts: Sequence[Tensor] = ()
        if sampled or self.clip is None:
            parts = torch._foreach_norm(gradients) if gradients else ()
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

    def _backward(self, group: Sequence[Any], *, judge: bool = True) -> tuple[Tensor, int]:
        """Forward and backward of each micro-batch, the loss divided by their number."""
        parts, total, samples = len(group), None, 0
        for batch in group:
            batch = to_device(batch, self.device)
            if self._autocast is None:
                loss, output, target = self.task.loss(self.model, batch)
            else:
                with self._autocast():
                    loss, output, target = self.task.loss(self.model, batch)
            if not self._checked:  # the first of the run: data that can be read only once was not rehearsed
                check_loss(loss)
                self._checked = True
            if parts > 1:
                loss = loss / parts
            (loss if self.scaler is None else self.scaler.scale(loss)).backward()
            seen = loss.detach().clone() if self._fleeting else loss.detach()
            total = seen if total is None else total + seen
            samples += batch_size(batch)
            if judge and self.tally is not None:
                self.tally.add(output, target)
        return total, samples

    def _step_with_closure(self, group: Sequence[Any]) -> Taken:
        """LBFGS evaluates several times in a step; the first evaluation's loss is the step's.

        It reads each loss itself, so it costs nothing more to look whether all went well.
        """
        first: list[tuple[Tensor, int]] = []
        before, sound = BeforeStep(self.optimizer), []

        def closure() -> Tensor:
            self.optimizer.zero_grad(set_to_none=True)
            seen = self._backward(group, judge=not first)
            if not sound:  # later ones may lie where a line search looks and turns back
                sound.append(all_finite(values_of([p.grad for p in self.parameters])))  # device sync
            if self.clip is not None:
                torch.nn.utils.clip_grad_norm_(self.parameters, self.clip)
            first.append(seen)
            return seen[0]

        self.optimizer.step(closure)
        left_out = not (sound[0] and all_finite(self.parameters))  # device sync
        if left_out:
            before.put_back()
            if self._buffers is not None:
                self._buffers.put_back()
        gradients = values_of([p.grad for p in self.parameters])
        return Taken(first[0][0], torch._foreach_norm(gradients) if gradients else (), first[0][1], left_out)

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
