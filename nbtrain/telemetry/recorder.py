"""Rows of a run on their way from the training thread to the pump, without a host read in the step.

The training thread appends a row per optimizer step; loss and gradient norms stay on the device. Every few
rows it packs them into one small tensor, which on a GPU is copied to pinned memory behind an event. The pump
takes the packs whose copies have finished. Nobody waits for the device. This module knows nothing of losses,
files or charts.

Staleness: a row is visible to the pump at most `PACK_ROWS` steps or `PACK_SECONDS` plus one step after it
was written.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

# Packing takes some ten operations however many rows there are, each several times slower than in a loop
# of its own, because a training step has used the caches since: packs of 32 cost 15 us a row, of 256 seven.
PACK_ROWS = 256
PACK_SECONDS = 0.2
KEPT_NUMEL = 1 << 20  # numbers of gradients that a pack may hold on to: 4 MB

# A step's loss: the value; or several, whose mean it is; or none, where a followed loop showed none.
Loss = Tensor | Sequence[Tensor]
# A step's gradient norm: the total, on the device or as a number where it is known; or the parts that make it
# up, gradients or 0-d norms of gradients, which are then reduced once for a whole pack; or None where there
# were no gradients.
Norm = float | Tensor | Sequence[Tensor] | None


class Taken(NamedTuple):
    """What a step came to, still on the device.

    Attributes:
        loss: mean loss of the micro-batches, 0-d, detached (see `Loss`).
        norm: gradient norm before clipping (see `Norm`).
        samples: samples consumed; 0 where a followed loop was not seen to draw any.
        skipped: the weights were not updated; a 0-d tensor that is 1.0 where only the device knows.
    """

    loss: Loss
    norm: Norm
    samples: int
    skipped: bool | Tensor = False


@dataclass(frozen=True)
class Rows:
    """A block of rows on the host. All arrays have one entry a step.

    Attributes:
        steps: optimizer steps, 1-based, int64.
        train_loss, grad_norm, lr: float64; NaN where the loop did not measure.
        samples: samples consumed by the step.
        step_time_s: seconds since the step before, pauses and validation left out.
        skipped: bool; the weights were not updated.
    """

    steps: np.ndarray
    train_loss: np.ndarray
    grad_norm: np.ndarray
    lr: np.ndarray
    samples: np.ndarray
    step_time_s: np.ndarray
    skipped: np.ndarray

    def where(self, mask: np.ndarray) -> Rows:
        """Return the rows for which `mask`, (n,) bool, is true."""
        return Rows(**{name: getattr(self, name)[mask] for name in self.__dataclass_fields__})

    @classmethod
    def joined(cls, blocks: Sequence[Rows]) -> Rows:
        """Return one block that holds the rows of several, in their order."""
        if len(blocks) == 1:
            return blocks[0]
        columns = cls.__dataclass_fields__
        return cls(**{name: np.concatenate([getattr(block, name) for block in blocks]) for name in columns})


class Numbers(NamedTuple):
    """Values of some steps that have reached the host, as the training thread sees them.

    Attributes:
        steps: in order. values: (2, steps) floats, loss and gradient norm before clipping.
        skipped: (steps,) bool; the weights were not updated.
    """

    steps: Sequence[int]
    values: np.ndarray
    skipped: np.ndarray

    @property
    def losses(self) -> np.ndarray:
        """The loss of each step."""
        return self.values[0]

    @property
    def norms(self) -> np.ndarray:
        """The gradient norm of each step."""
        return self.values[1]


@dataclass(frozen=True)
class _Pack:
    """Rows under way. `values`: (3, rows), loss, gradient norm and skipped, the last left out where the host
    knows it; `event`: None where nothing is copied.
    """

    steps: Sequence[int]
    rates: Sequence[Any]
    samples: Sequence[int]
    seconds: Sequence[float]
    skipped: Sequence[Any]
    values: Tensor
    event: Any

    def numbers(self) -> Numbers:
        """Return what is on the host by now."""
        values = self.values.cpu().numpy()  # there already on CPU and CUDA; a copy elsewhere
        known = np.array(self.skipped) if len(values) == 2 else values[2] > 0
        return Numbers(self.steps, values[:2], known)

    def arrived(self, *, wait: bool) -> bool:
        if self.event is None or self.event.query():
            return True
        if wait:
            self.event.synchronize()  # device sync: at an epoch's end and after the last step
        return wait


class Recorder:
    """Collect rows in the training thread (`add`, `flush`), hand them out in the pump (`drain`).

    Attributes:
        on_numbers: called in the training thread with each pack that has reached the host; None while nobody
            wants them.
    """

    def __init__(self) -> None:
        self.on_numbers: Callable[[Numbers], object] | None = None
        self._rows: list[tuple[int, Taken, Any, float]] = []
        self._limit = PACK_ROWS  # of the pack that fills
        self._packs: deque[_Pack] = deque()  # for the pump
        self._unsummed: deque[_Pack] = deque()  # for the epoch's means
        self._packed_at = 0.0
        self._sums = _Sums()

    def add(self, step: int, taken: Taken, lr: Any, step_time_s: float, now: float) -> None:
        """Append one step's row.

        Args:
            taken: what the step came to, not read here.
            lr: a number, or a tensor that the optimizer changes in place. now: seconds.
        """
        if isinstance(lr, Tensor):
            lr = lr.detach().clone()
        rows = self._rows
        if not rows:
            self._limit = _rows_at_once(taken.norm)
        rows.append((step, taken, lr, step_time_s))
        if len(rows) >= self._limit or now - self._packed_at > PACK_SECONDS:
            self._packed_at = now
            self.flush()

    def flush(self) -> None:
        """Pack what is there, so that the pump can see it. Called by the training thread only."""
        if not self._rows:
            return
        rows, self._rows = self._rows, []
        steps, taken, rates, seconds = zip(*rows, strict=True)
        losses, norms, samples, skipped = zip(*taken, strict=True)
        loss = _losses(losses, norms)
        columns = [loss, _norms(norms, loss.device).to(loss.dtype)]
        if any(isinstance(one, Tensor) for one in skipped):
            columns.append(_flags(skipped, loss.device).to(loss.dtype))
        values = torch.stack(columns)
        event = None
        if values.device.type == "cuda":
            values = values.to("cpu", non_blocking=True)  # pinned by torch; read only after the event
            event = torch.cuda.Event()
            event.record()
        pack = _Pack(steps, rates, samples, seconds, skipped, values, event)
        self._packs.append(pack)
        self._unsummed.append(pack)
        self._sum_up(wait=False)

    def _sum_up(self, *, wait: bool) -> None:
        """Add the packs that have arrived to the epoch's sums."""
        while self._unsummed and self._unsummed[0].arrived(wait=wait):
            pack = self._unsummed.popleft()
            numbers = pack.numbers()
            self._sums.add(numbers.values, pack.samples)
            if self.on_numbers is not None:
                self.on_numbers(numbers)

    def take_epoch(self) -> dict[str, float]:
        """Return train_loss (mean over samples), grad_norm (mean over steps) and grad_norm_max.

        They cover the time since the last call; NaN where there was no step or no gradient. Called by the
        training thread at an epoch's end: one device sync an epoch.
        """
        self.flush()
        self._sum_up(wait=True)
        sums, self._sums = self._sums, _Sums()
        return sums.means()

    def epoch_sums(self) -> dict[str, float]:
        """Return the epoch's sums so far, for a checkpoint. By the training thread; one device sync."""
        self.flush()
        self._sum_up(wait=True)
        return dict(vars(self._sums))

    def put_epoch_sums(self, sums: dict[str, float]) -> None:
        """Go on with sums that `epoch_sums` returned."""
        vars(self._sums).update(sums)

    def drain(self, *, wait: bool = False) -> Rows | None:
        """Return the rows whose values have reached the host, in one block. Called by the pump.

        Args:
            wait: also wait for copies under way; a device sync, used once when a run has ended.
        """
        ready: list[Rows] = []
        while self._packs and self._packs[0].arrived(wait=wait):
            ready.append(_on_host(self._packs.popleft()))
        return Rows.joined(ready) if ready else None


class _Sums:
    """Sums of an epoch, in float64, added up row after row: the same whatever the packs.

    Left out are losses that are not finite (a batch of ignored targets, a step that was not taken), and norms
    that are not finite (steps that were not taken); when all are so, the mean is NaN.
    """

    def __init__(self) -> None:
        self.loss = self.norm = 0.0
        self.norm_max = -math.inf
        self.norms = self.samples = 0

    def add(self, values: np.ndarray, samples: Sequence[int]) -> None:
        loss, norm = values.astype(np.float64)
        finite, counted = np.isfinite(norm), np.isfinite(loss)
        weights = np.asarray(samples)[counted]
        self.loss = _added(self.loss, loss[counted] * weights)  # a smaller last batch weighs less
        self.samples += int(weights.sum())
        if finite.any():
            self.norm = _added(self.norm, norm[finite])
            self.norm_max = max(self.norm_max, float(norm[finite].max()))
            self.norms += int(finite.sum())

    def means(self) -> dict[str, float]:
        return {
            "train_loss": self.loss / self.samples if self.samples else math.nan,
            "grad_norm": self.norm / self.norms if self.norms else math.nan,
            "grad_norm_max": self.norm_max if self.norms else math.nan,
        }


def _added(total: float, values: np.ndarray) -> float:
    """Add values to a total one after the other; the sums of numpy depend on how many there are."""
    for value in values.tolist():
        total += value
    return total


def _rows_at_once(norm: Norm) -> int:
    """Rows of a pack whose steps hand on gradients like these."""
    if norm is None or isinstance(norm, (float, Tensor)):
        return PACK_ROWS
    return max(1, min(PACK_ROWS, KEPT_NUMEL // max(sum(part.numel() for part in norm), 1)))


def _losses(losses: Sequence[Loss], norms: Sequence[Norm]) -> Tensor:
    """Losses of a pack's steps, (rows,): float32, or float64 where theirs are, or are means of ours."""
    if all(isinstance(loss, Tensor) for loss in losses):
        kinds = {(loss.device, loss.dtype) for loss in losses}
        if len(kinds) == 1:
            values = torch.stack([*losses])
            return values if values.dtype == torch.float64 else values.float()
    counts = [1 if isinstance(loss, Tensor) else len(loss) for loss in losses]
    seen = [value for loss in losses for value in ([loss] if isinstance(loss, Tensor) else loss)]
    home = next((one.device for one in (*seen, *_tensors_of(norms))), torch.device("cpu"))
    exact = torch.float32 if home.type == "mps" else torch.float64
    if not seen:
        return torch.full((len(losses),), math.nan, dtype=exact, device=home)
    values = torch.stack([value.to(home, exact, non_blocking=True) for value in seen])
    return torch.stack([part.mean() for part in values.split(counts)])  # of none: NaN


def _tensors_of(norms: Sequence[Norm]) -> Iterator[Tensor]:
    for norm in norms:
        if not isinstance(norm, float):
            yield from (norm,) if isinstance(norm, Tensor) else norm or ()


def _norms(norms: Sequence[Norm], device: torch.device) -> Tensor:
    """Total gradient norms of a pack's steps, (rows,) float32 on `device`, from whatever form each has.

    Gradients and their norms come to the same bits, in packs of any length.
    """
    if all(isinstance(norm, float) for norm in norms):
        return torch.tensor(norms, dtype=torch.float32, device=device)
    if _of_one_form(norms):
        parts = torch.stack(_scalars([part for norm in norms for part in norm])).float()
        return torch.linalg.vector_norm(parts.view(len(norms), -1), dim=1).to(device)
    if all(isinstance(norm, Tensor) for norm in norms) and len({norm.device for norm in norms}) == 1:
        return torch.stack([*norms]).to(device, torch.float32)
    return torch.stack([_total(norm, device) for norm in norms])


def _flags(flags: Sequence[Any], device: torch.device) -> Tensor:
    """Skipped or not, (rows,) float32 on `device`, without a copy from the host."""
    known = [
        flag if isinstance(flag, Tensor) else torch.full((), float(flag), device=device) for flag in flags
    ]
    return torch.stack([flag.to(device, torch.float32) for flag in known])


def _of_one_form(norms: Sequence[Norm]) -> bool:
    """Say whether all are parts, as many each, on one device."""
    first = norms[0]
    if first is None or isinstance(first, (float, Tensor)) or not first:
        return False
    if any(norm is None or isinstance(norm, (float, Tensor)) or len(norm) != len(first) for norm in norms):
        return False
    return len({(part.device, part.dtype) for part in first}) == 1


def _total(norm: Norm, device: torch.device) -> Tensor:
    if isinstance(norm, Tensor):
        return norm.to(device, torch.float32)
    if isinstance(norm, float):
        return torch.full((), norm, device=device)
    if not norm:
        return torch.full((), math.nan, device=device)
    parts = [part.to(device, torch.float32) for part in _scalars(norm)]
    return torch.linalg.vector_norm(torch.stack(parts))


def _scalars(parts: Sequence[Tensor]) -> Sequence[Tensor]:
    """The norms of parts that are gradients; parts that are norms already stay as they are."""
    return torch._foreach_norm(parts) if any(part.dim() for part in parts) else parts


def _on_host(pack: _Pack) -> Rows:
    numbers = pack.numbers()
    host = numbers.values.astype(np.float64)
    return Rows(
        steps=np.array(pack.steps, np.int64),
        train_loss=host[0],
        grad_norm=host[1],
        lr=np.array([float(value) for value in pack.rates]),  # a tensor's value was copied with its row
        samples=np.array(pack.samples, np.int64),
        step_time_s=np.array(pack.seconds),
        skipped=numbers.skipped,
    )
