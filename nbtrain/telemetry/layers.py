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


class Stretch:
    """A piece of work and how long it takes: on the host, and on a GPU between two events in its stream."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._began, self._start = time.perf_counter(), self._event()
        self.host_s = 0.0
        self._stop: Any = None

    def end(self) -> None:
        """Note the end; on a GPU it comes later than this call."""
        self._stop = self._event()
        self.host_s = time.perf_counter() - self._began

    def is_over(self) -> bool:
        """Say whether the device has come to the end, without waiting for it."""
        return self._stop is None or self._stop.query()

    def seconds(self) -> float:
        """Return the longer of the two times; for a stretch that is over."""
        if self._start is None or self._stop is None:
            return self.host_s
        return max(self.host_s, self._start.elapsed_time(self._stop) / 1e3)

    def _event(self) -> Any:
        if self._device.type != "cuda":
            return None
        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self._device))
        return event


class LayerSampler:
    """Decide when to sample, and carry samples to the host.

    Args:
        named: (path, parameter) of every trainable parameter.

    Attributes:
        spent_s: seconds that samples have taken so far. norms_s: what taking the gradient norms of a step
            took at the last sample, a clipping between included; None before.
    """

    def __init__(self, named: list[tuple[str, Tensor]]) -> None:
        self.names = [name for name, _ in named]
        self._parameters = [parameter for _, parameter in named]
        self.spent_s = 0.0
        self.norms_s: float | None = None
        self._due = 0.0
        self._before: list[Tensor | None] = []
        self._looking: Stretch | None = None
        self._copying: Stretch | None = None
        self._on_device_s = 0.0
        self._sent: tuple[int, Tensor, list[Stretch]] | None = None

    def due(self, now: float) -> bool:
        """Say whether the step that is about to update should be sampled; `now` in seconds.

        From a yes to `before_update` the gradient norms are taken, which is timed.
        """
        is_due = now >= self._due and self._sent is None and bool(self._parameters)
        if is_due:
            self._looking = Stretch(self._parameters[0].device)
        return is_due

    def before_update(self) -> None:
        """Keep the weights of this step, as many as fit the copy limit."""
        if self._looking is not None:
            self._looking.end()
        self._copying = Stretch(self._parameters[0].device)
        room, self._before = COPY_LIMIT, []
        for parameter in self._parameters:
            fits = parameter.numel() <= room
            self._before.append(parameter.detach().clone() if fits else None)
            room -= parameter.numel() if fits else 0
        self._copying.end()

    def after_update(self, step: int, grad_norms: Mapping[Tensor, Tensor], now: float) -> None:
        """Measure the update and send the sample on its way.

        Args:
            grad_norms: parameter -> norm of its gradient, 0-d; parameters without a gradient are absent.
            now: seconds.
        """
        home = self._parameters[0].device
        measuring = Stretch(home)
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
        if values.device.type == "cuda":
            values = values.to("cpu", non_blocking=True)  # pinned by torch; read only after the event
        measuring.end()
        copying, looking, self._looking = self._copying, self._looking, None
        cost = max(copying.host_s + measuring.host_s, self._on_device_s)
        self._due = now + max(SAMPLE_SECONDS, cost / SAMPLE_SHARE)
        self._sent = (step, values, [copying, measuring, *([looking] if looking is not None else [])])

    def take(self) -> LayerSample | None:
        """Return the sample under way once it is on the host, else None. Called by the pump."""
        sent = self._sent
        if sent is None or not all(stretch.is_over() for stretch in sent[2]):
            return None
        step, values, (copying, measuring, *looking) = sent
        self._on_device_s = copying.seconds() + measuring.seconds()
        self.spent_s += self._on_device_s
        self.norms_s = looking[0].seconds() if looking else self.norms_s
        norms, ratios = values.cpu().tolist()  # on the host already, but for devices without events
        self._sent = None
        return LayerSample(
            step, dict(zip(self.names, norms, strict=True)), dict(zip(self.names, ratios, strict=True))
        )
