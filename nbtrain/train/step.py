"""One optimizer step: forward under autocast, scaled backward, accumulation, unscale, clip, update.

Nothing here reads a value back from the device; loss and gradient norm are handed on as 0-d tensors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from nbtrain.telemetry.layers import LayerSampler
from nbtrain.train.accuracy import Hits
from nbtrain.train.batch import Task, batch_size, to_device
from nbtrain.train.precision import Precision


class Stepper:
    """Everything one step needs, looked up once.

    Args:
        model, optimizer: what is trained. task: how a batch becomes a loss.
        precision: autocast and scaling. device: where batches go.
        clip: largest total gradient norm, or None. hits: accuracy counter, or None.
    """

    def __init__(
        self, model: nn.Module, optimizer: Any, *, task: Task, precision: Precision, device: torch.device,
        clip: float | None = None, hits: Hits | None = None,
    ) -> None:  # fmt: skip
        self.model, self.optimizer, self.task = model, optimizer, task
        self.device, self.clip = device, clip
        self.scaler = precision.scaler()
        self._autocast = precision.autocast if precision.dtype is not None else None
        self._hits = hits
        self.right: Tensor | int = 0  # hits of this epoch, kept on the device
        self.judged: Tensor | int = 0
        held = {id(p) for group in optimizer.param_groups for p in group["params"]}
        named = [(name, p) for name, p in model.named_parameters() if id(p) in held and p.requires_grad]
        own = {id(p) for _, p in named}
        extra = [p for group in optimizer.param_groups for p in group["params"] if id(p) not in own]
        self.parameters = [p for _, p in named] + extra
        self.sampler = LayerSampler(named)
        self._closure_needed = isinstance(optimizer, torch.optim.LBFGS)

    def step(self, group: Sequence[Any], number: int, now: float) -> tuple[Tensor, Tensor | None, int]:
        """Train on a group of micro-batches and update once.

        Args:
            group: the micro-batches of this step, not yet on the device. number: this step's number. now:
            seconds.

        Returns:
            (mean loss of the group, total gradient norm before clipping, samples); the tensors are 0-d, on
            the device.
        """
        self.optimizer.zero_grad(set_to_none=True)
        if self._closure_needed:
            return self._step_with_closure(group)
        loss, samples = self._backward(group)
        if self.scaler is not None:
            self.scaler.unscale_(self.optimizer)
        norm, norms, owners = self._gradient_norm()
        if self.clip is not None and norm is not None:
            torch.nn.utils.clip_grads_with_norm_(owners, self.clip, norm) if _HAS_SPLIT_CLIP else (
                torch.nn.utils.clip_grad_norm_(owners, self.clip)
            )
        sampled = norms is not None and len(owners) == len(self.sampler.names) and self.sampler.due(now)
        if sampled:
            self.sampler.before_update()
        if self.scaler is not None:
            self.scaler.step(self.optimizer)
            self.scaler.update()
        else:
            self.optimizer.step()
        if sampled:
            self.sampler.after_update(number, torch.stack(norms), now)
        return loss, norm, samples

    def _backward(self, group: Sequence[Any]) -> tuple[Tensor, int]:
        """Forward and backward of each micro-batch, the loss divided by their number."""
        parts, total, samples = len(group), None, 0
        for batch in group:
            batch = to_device(batch, self.device)
            if self._autocast is None:
                loss, output, target = self.task.loss(self.model, batch)
            else:
                with self._autocast():
                    loss, output, target = self.task.loss(self.model, batch)
            if parts > 1:
                loss = loss / parts
            (loss if self.scaler is None else self.scaler.scale(loss)).backward()
            seen = loss.detach()
            total = seen if total is None else total + seen
            samples += batch_size(batch)
            if self._hits is not None:
                right, judged = self._hits(output, target)
                self.right = self.right + right
                self.judged = self.judged + judged
        return total, samples

    def _gradient_norm(self) -> tuple[Tensor | None, list[Tensor] | None, list[Tensor]]:
        """Total norm, norms by parameter, and the parameters that have gradients."""
        owners = [p for p in self.parameters if p.grad is not None]
        grads = [p.grad for p in owners]
        if not grads:
            return None, None, owners
        if any(g.is_sparse for g in grads):
            grads = [g.coalesce().values() if g.is_sparse else g for g in grads]
        norms = list(torch._foreach_norm(grads))
        if any(n.device != norms[0].device or n.dtype != norms[0].dtype for n in norms):
            norms = [n.to(norms[0].device, torch.float32) for n in norms]
        return torch.linalg.vector_norm(torch.stack(norms)), norms, owners

    def _step_with_closure(self, group: Sequence[Any]) -> tuple[Tensor, Tensor | None, int]:
        """LBFGS evaluates several times in a step; the first evaluation's loss is the step's."""
        first: list[tuple[Tensor, int]] = []

        def closure() -> Tensor:
            self.optimizer.zero_grad(set_to_none=True)
            seen = self._backward(group)
            if self.clip is not None:
                torch.nn.utils.clip_grad_norm_(self.parameters, self.clip)
            first.append(seen)
            return seen[0]

        self.optimizer.step(closure)
        return first[0][0], self._gradient_norm()[0], first[0][1]

    def take_accuracy(self) -> float:
        """Return this epoch's training accuracy, 0..1, and start counting anew;
        NaN when nothing was judged.
        """
        right, judged = self.right, self.judged
        self.right = self.judged = 0
        judged = float(judged)  # device sync: once an epoch
        return float(right) / judged if judged else math.nan


_HAS_SPLIT_CLIP = hasattr(
    torch.nn.utils, "clip_grads_with_norm_"
)  # torch >= 2.6: clips with the norm just measured
