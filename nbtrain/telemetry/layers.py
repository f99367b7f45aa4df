"""Per-parameter gradient norms and update ratios, sampled now and then at a bounded cost, read without a
sync.

The training thread offers a sample when one is due; the pump takes the newest that has reached the host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

SAMPLE_SECONDS = 1.0  # at most one sample a second
COPY_LIMIT = 16_000_000  # parameters copied to measure an update; the rest shows its gradient norm only


@dataclass(frozen=True)
class LayerSample:
    """One reading. `grad_norms`, `update_ratios`: parameter path -> value;
    a ratio is ||change|| / ||weight||.
    """

    step: int
    grad_norms: dict[str, float]
    update_ratios: dict[str, float]


class LayerSampler:
    """Decide when to sample, and carry samples to the host.

    Args:
        named: (path, parameter) of every trainable parameter, in optimizer order.
    """

    def __init__(self, named: list[tuple[str, Tensor]]) -> None:
        self.names = [name for name, _ in named]
        self._parameters = [parameter for _, parameter in named]
        self._due = 0.0
        self._before: list[Tensor | None] = []
        self._sent: tuple[int, Tensor, Any] | None = None

    def due(self, now: float) -> bool:
        """Say whether the step that is about to update should be sampled; `now` in seconds."""
        return now >= self._due and self._sent is None and bool(self._parameters)

    def before_update(self) -> None:
        """Keep the weights of this step, as many as fit the copy limit."""
        room, self._before = COPY_LIMIT, []
        for parameter in self._parameters:
            fits = parameter.numel() <= room
            self._before.append(parameter.detach().clone() if fits else None)
            room -= parameter.numel() if fits else 0

    def after_update(self, step: int, grad_norms: Tensor, now: float) -> None:
        """Measure the update and send the sample on its way. `grad_norms`: (parameters,), on the device."""
        kept = [
            (old, new.detach())
            for old, new in zip(self._before, self._parameters, strict=True)
            if old is not None
        ]
        ratios = grad_norms.new_full((len(self._parameters),), float("nan"))
        if kept:
            olds = [old for old, _ in kept]
            change = torch.stack(torch._foreach_norm(torch._foreach_sub([new for _, new in kept], olds))).to(
                ratios
            )
            weight = torch.stack(torch._foreach_norm(olds)).to(ratios)
            places = [place for place, old in enumerate(self._before) if old is not None]
            ratios[torch.tensor(places, device=ratios.device)] = change / (weight + 1e-12)
        self._before = []
        values = torch.stack((grad_norms.float(), ratios.float()))
        event = None
        if values.device.type == "cuda":
            values = values.to("cpu", non_blocking=True)
            event = torch.cuda.Event()
            event.record()
        self._due = now + SAMPLE_SECONDS
        self._sent = (step, values, event)

    def take(self) -> LayerSample | None:
        """Return the sample under way once it is on the host, else None. Called by the pump."""
        if self._sent is None or (self._sent[2] is not None and not self._sent[2].query()):
            return None
        step, values, _ = self._sent
        norms, ratios = values.cpu().tolist()  # on the host already, but for devices without events
        self._sent = None
        return LayerSample(
            step, dict(zip(self.names, norms, strict=True)), dict(zip(self.names, ratios, strict=True))
        )
