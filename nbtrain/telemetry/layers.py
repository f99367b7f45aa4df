"""Per-parameter gradient norms and update ratios, sampled now and then at a bounded cost, without a sync.

The training thread offers a sample when one is due; the pump takes the newest that has reached the host. The
two share one slot, `_sent`: the trainer fills it only while it is empty, the pump alone empties it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

SAMPLE_SECONDS = 1.0  # at most one sample a second
SAMPLE_SHARE = 0.02  # of the time; on a CPU a sample of a large model costs a good part of a step
COPY_LIMIT = 16_000_000  # parameters copied to measure an update; the rest shows its gradient norm only


@dataclass(frozen=True)
class LayerSample:
    """One reading of the layers.

    Attributes:
        step: the step whose gradients and update these are.
        grad_norms, update_ratios: parameter path -> value; a ratio is ||change|| / ||weight||. NaN where a
            parameter had no gradient, or was not copied.
    """

    step: int
    grad_norms: dict[str, float]
    update_ratios: dict[str, float]


class LayerSampler:
    """Decide when to sample, and carry samples to the host.

    Args:
        named: (path, parameter) of every trainable parameter.
    """

    def __init__(self, named: list[tuple[str, Tensor]]) -> None:
        self.names = [name for name, _ in named]
        self._parameters = [parameter for _, parameter in named]
        self._due = 0.0
        self._before: list[Tensor | None] = []
        self._cost_s = 0.0
        self._sent: tuple[int, Tensor, Any] | None = None

    def due(self, now: float) -> bool:
        """Say whether the step that is about to update should be sampled; `now` in seconds."""
        return now >= self._due and self._sent is None and bool(self._parameters)

    def before_update(self) -> None:
        """Keep the weights of this step, as many as fit the copy limit."""
        began = time.perf_counter()
        room, self._before = COPY_LIMIT, []
        for parameter in self._parameters:
            fits = parameter.numel() <= room
            self._before.append(parameter.detach().clone() if fits else None)
            room -= parameter.numel() if fits else 0
        self._cost_s = time.perf_counter() - began

    def after_update(self, step: int, grad_norms: Mapping[Tensor, Tensor], now: float) -> None:
        """Measure the update and send the sample on its way.

        Args:
            grad_norms: parameter -> norm of its gradient, 0-d; parameters without a gradient are absent.
            now: seconds.
        """
        began = time.perf_counter()
        home = self._parameters[0].device
        absent = torch.full((), float("nan"), device=home)  # a fill, where torch.tensor would wait for a copy
        norms = [grad_norms.get(parameter, absent) for parameter in self._parameters]
        ratios = [absent] * len(norms)
        kept = [place for place, old in enumerate(self._before) if old is not None]
        if kept:
            olds = [self._before[place] for place in kept]
            news = [self._parameters[place].detach() for place in kept]
            change = torch._foreach_norm(torch._foreach_sub(news, olds))
            weight = torch._foreach_norm(olds)
            for place, moved, size in zip(kept, change, weight, strict=True):
                ratios[place] = moved.float() / (size.float() + 1e-12)
        self._before = []
        values = torch.stack([value.to(home, torch.float32) for value in (*norms, *ratios)]).view(2, -1)
        event = None
        if values.device.type == "cuda":
            values = values.to("cpu", non_blocking=True)  # pinned by torch; read only after the event
            event = torch.cuda.Event()
            event.record()
        self._cost_s += time.perf_counter() - began
        self._due = now + max(SAMPLE_SECONDS, self._cost_s / SAMPLE_SHARE)
        self._sent = (step, values, event)

    def take(self) -> LayerSample | None:
        """Return the sample under way once it is on the host, else None. Called by the pump."""
        sent = self._sent
        if sent is None or (sent[2] is not None and not sent[2].query()):
            return None
        step, values, _ = sent
        norms, ratios = values.cpu().tolist()  # on the host already, but for devices without events
        self._sent = None
        return LayerSample(
            step, dict(zip(self.names, norms, strict=True)), dict(zip(self.names, ratios, strict=True))
        )
