"""One optimizer step: forward under autocast, scaled backward, accumulation, unscale, clip, update.

Nothing here reads a value back from the device; loss and gradient norms are handed on as 0-d tensors.
(torch's own GradScaler looks at its overflow flag once a step, as it does in a bare loop.)
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
from nbtrain.train.precision import Precision

KEPT_GRADIENTS = 65_536  # parameters; gradients of smaller models are kept, and their norms taken together


class Stepper:
    """Everything one step needs, looked up once.

    Args:
        model, optimizer: what is trained. task: how a batch becomes a loss.
        precision: autocast and scaling. device: where batches go.
        clip: largest total gradient norm, or None. hits: judges batches for accuracy, or None.
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
        self._closure_needed = isinstance(optimizer, torch.optim.LBFGS)
        self._checked = False
        drops = getattr(type(optimizer), "zero_grad", None) is torch.optim.Optimizer.zero_grad
        small = sum(p.numel() for p in self.parameters) <= KEPT_GRADIENTS
        self._keepable = drops and small and not self._fleeting
        self._keeps = False  # until a step has shown that the optimizer does not write into gradients

    def step(self, group: Sequence[Any], number: int, now: float) -> Taken:
        """Train on a group of micro-batches and update once.

        Args:
            group: the micro-batches of this step, not yet on the device.
            number: this step's number. now: seconds.
        """
        self.optimizer.zero_grad(set_to_none=True)
        if self._closure_needed:
            return self._step_with_closure(group)
        loss, samples = self._backward(group)
        if self.scaler is not None:
            self.scaler.unscale_(self.optimizer)
        sampled = self.sampler.due(now)
        gradients = self._gradients() if sampled or self.clip is None else []
        norm: Norm = gradients if self._keeps and not sampled else _norms(gradients)
        norms = norm
        if self.clip is not None:
            norm = torch.nn.utils.clip_grad_norm_(self.parameters, self.clip)
        if sampled:
            versions = [gradient._version for gradient in gradients]
            self.sampler.before_update()
        self._update()
        if sampled:
            self._keeps = self._keepable and versions == [gradient._version for gradient in gradients]
            owners = [p for p in self.parameters if p.grad is not None]
            self.sampler.after_update(number, dict(zip(owners, norms, strict=True)), now)
        return Taken(loss, norm, samples)

    def _update(self) -> None:
        if self.scaler is None:
            self.optimizer.step()
        else:
            self.scaler.step(self.optimizer)
            self.scaler.update()

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

    def _gradients(self) -> list[Tensor]:
        gradients = [gradient for p in self.parameters if (gradient := p.grad) is not None]
        if any(gradient.is_sparse for gradient in gradients):
            return [g.coalesce().values() if g.is_sparse else g for g in gradients]
        return gradients

    def _step_with_closure(self, group: Sequence[Any]) -> Taken:
        """LBFGS evaluates several times in a step; the first evaluation's loss is the step's."""
        first: list[tuple[Tensor, int]] = []

        def closure() -> Tensor:
            self.optimizer.zero_grad(set_to_none=True)
            seen = self._backward(group, judge=not first)
            if self.clip is not None:
                torch.nn.utils.clip_grad_norm_(self.parameters, self.clip)
            first.append(seen)
            return seen[0]

        self.optimizer.step(closure)
        return Taken(first[0][0], _norms(self._gradients()), first[0][1])

    def take_accuracy(self) -> float | None:
        """Return the training accuracy since the last call, 0..1; None where there is none to be had."""
        if self.tally is None:
            return None
        accuracy = self.tally.take()
        return None if accuracy != accuracy else accuracy


def _norms(gradients: list[Tensor]) -> Sequence[Tensor]:
    return torch._foreach_norm(gradients) if gradients else ()


def is_compiled(model: nn.Module) -> bool:
    """Say whether torch.compile works on the model or a part of it."""
    return any(
        hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None) is not None
        for module in model.modules()
    )
