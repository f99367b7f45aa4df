"""Rows of a run on their way from the training thread to the pump, without a host read in the step.

The training thread appends a row per optimizer step; loss and gradient norm stay device scalars. Every few
rows it packs
them into one small tensor, which on a GPU is copied to pinned memory behind an event. The pump takes the
packs whose
copies have finished. Nobody waits for the device. This module knows nothing of losses, files or charts.

Staleness: a row is visible to the pump at most `PACK_ROWS` steps or `PACK_SECONDS` plus one step after it
was written.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

PACK_ROWS = 16
PACK_SECONDS = 0.2


@dataclass(frozen=True)
class Rows:
    """A block of rows on the host. All arrays have one entry a step.

    Attributes:
        steps: optimizer steps, 1-based, int64.
        train_loss, grad_norm, lr: float64; NaN where the loop did not measure.
        samples: samples consumed by the step.
        step_time_s: seconds since the step before, pauses and validation left out.
    """

    steps: np.ndarray
    train_loss: np.ndarray
    grad_norm: np.ndarray
    lr: np.ndarray
    samples: np.ndarray
    step_time_s: np.ndarray


class Recorder:
    """Collect rows in the training thread (`add`, `flush`), hand them out in the pump (`drain`)."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, torch.Tensor, torch.Tensor | None, Any, int, float]] = []
        self._packs: deque[tuple[list[Any], torch.Tensor, Any]] = deque()
        self._packed_at = 0.0
        self._epoch: torch.Tensor | None = None  # on the device: loss x samples, norms, largest norm
        self._epoch_steps = self._epoch_samples = 0

    def add(
        self,
        step: int,
        loss: torch.Tensor,
        norm: torch.Tensor | None,
        lr: Any,
        samples: int,
        step_time_s: float,
        now: float,
    ) -> None:
        """Append one step's row. `loss`, `norm`: 0-d tensors on the device, not read here."""
        rows = self._rows
        rows.append((step, loss, norm, lr, samples, step_time_s))
        if len(rows) >= PACK_ROWS or now - self._packed_at > PACK_SECONDS:
            self._packed_at = now
            self.flush()

    def flush(self) -> None:
        """Pack what is there, so that the pump can see it. Called by the training thread only."""
        if not self._rows:
            return
        rows, self._rows = self._rows, []
        losses = torch.stack([row[1].detach() for row in rows]).float()
        if rows[0][2] is None:
            values = losses.unsqueeze(0)
        else:
            norms = torch.stack([row[2] for row in rows]).to(losses.device, torch.float32)
            values = torch.stack((losses, norms))
        self._sum_up(rows, values)
        event = None
        if values.device.type == "cuda":
            values = values.to("cpu", non_blocking=True)  # pinned by torch; read only after the event
            event = torch.cuda.Event()
            event.record()
        self._packs.append((rows, values, event))

    def _sum_up(self, rows: list[Any], values: torch.Tensor) -> None:
        """Add a pack to the epoch's sums, on the device."""
        samples = [row[4] for row in rows]
        if min(samples) == max(samples):
            loss = values[0].sum() * samples[0]
        else:  # a smaller last batch: weigh each loss by its samples
            loss = torch.stack([value * n for value, n in zip(values[0], samples, strict=True)]).sum()
        norms = values[1] if len(values) > 1 else torch.full_like(values[0], float("nan"))
        sums = torch.stack((loss, norms.sum(), norms.max()))
        if self._epoch is not None:
            sums = torch.stack(
                (sums[0] + self._epoch[0], sums[1] + self._epoch[1], torch.maximum(sums[2], self._epoch[2]))
            )
        self._epoch = sums
        self._epoch_steps += len(rows)
        self._epoch_samples += sum(samples)

    def take_epoch(self) -> dict[str, float]:
        """Return train_loss (mean over samples), grad_norm (mean over steps) and grad_norm_max since the
        last call.

        Called by the training thread at an epoch's end: one device sync an epoch.
        """
        self.flush()
        if self._epoch is None:
            return {}
        loss, norm, largest = self._epoch.tolist()  # device sync: once an epoch
        steps, samples = self._epoch_steps, self._epoch_samples
        self._epoch, self._epoch_steps, self._epoch_samples = None, 0, 0
        return {"train_loss": loss / samples, "grad_norm": norm / steps, "grad_norm_max": largest}

    def drain(self, *, wait: bool = False) -> list[Rows]:
        """Return the rows whose values have reached the host, oldest first. Called by the pump.

        Args:
            wait: also wait for copies under way; a device sync, used once when a run has ended.
        """
        ready: list[Rows] = []
        while self._packs:
            rows, values, event = self._packs[0]
            if event is not None and not event.query():
                if not wait:
                    break
                event.synchronize()  # device sync: only after the last step
            self._packs.popleft()
            ready.append(_on_host(rows, values))
        return ready


def _on_host(rows: list[Any], values: torch.Tensor) -> Rows:
    host = values.cpu().numpy().astype(np.float64)  # already on the host for CPU and CUDA; a copy elsewhere
    n = len(rows)
    return Rows(
        steps=np.fromiter((row[0] for row in rows), np.int64, n),
        train_loss=host[0],
        grad_norm=host[1] if len(host) > 1 else np.full(n, np.nan),
        lr=np.fromiter((float(row[3]) for row in rows), np.float64, n),
        samples=np.fromiter((row[4] for row in rows), np.int64, n),
        step_time_s=np.fromiter((row[5] for row in rows), np.float64, n),
    )
