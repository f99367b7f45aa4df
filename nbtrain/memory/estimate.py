"""The memory that a training step will need, before it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import nn

from nbtrain import units
from nbtrain.errors import UsageError
from nbtrain.memory.device import GIB, LEFT_FREE, Term, capacity_of, terms_beside
from nbtrain.memory.growth import Growth
from nbtrain.memory.savings import Saving, savings_of
from nbtrain.memory.setup import Asked, samples_of
from nbtrain.memory.steps import Traced
from nbtrain.memory.tracing import CannotEstimate, find_peak

PRECISIONS = {"32": None, "bf16": torch.bfloat16, "16": torch.float16}
MOST_PAIRS = 6


@dataclass(frozen=True)
class Pair:
    """A micro-batch and how many of them make a step of the same samples. `peak`: bytes with it."""

    batch: int
    accumulate: int
    peak: int
    fits: bool | None


@dataclass(frozen=True)
class MemoryEstimate:
    """What two optimizer steps hold at their highest moment.

    Attributes:
        asked: the set-up. found: the trace. basis: "traced" on tensors without memory, or "measured" on
            real steps. why: not traced because. samples: in a micro-batch; 0 where that is not known.
        capacity: bytes the device has, None where unknown.
    """

    asked: Asked = field(repr=False)
    found: Traced
    basis: str
    why: str
    samples: int
    capacity: int | None

    @property
    def peak_bytes(self) -> int:
        """Bytes of all tensors alive at the highest moment."""
        return self.found.peak

    @property
    def breakdown(self) -> dict[str, int]:
        """Bytes at that moment: parameters, gradients, optimizer, activations, temporaries, batch."""
        return dict(self.found.kinds)

    @property
    def phases(self) -> dict[str, int]:
        """Bytes at the highest moment of forward, backward and update."""
        return {phase: self.found.of(phase) for phase in self.found.phases}

    @property
    def beside(self) -> tuple[Term, ...]:
        """What the device takes beside the tensors."""
        return terms_beside(self.asked.device, self.peak_bytes)

    @property
    def total_bytes(self) -> int:
        """Tensors, and what the device takes beside them."""
        return self._total(self.peak_bytes)

    @property
    def fits(self) -> bool | None:
        """Whether it fits with a tenth of the device to spare; None where its memory is not known."""
        return self._fits(self.peak_bytes)

    @cached_property
    def largest_batch(self) -> int | None:
        """The most samples in a micro-batch that still fit; None where that cannot be told, 0 for none."""
        if not self.samples or self.capacity is None:
            return None
        room = (1 - LEFT_FREE) * self.capacity
        fixed = self._total(0)
        each = (self._total(1 << 40) - fixed) / (1 << 40)
        return self._growth.largest((room - fixed) / each)

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """Micro-batches and accumulations that make the same step: the batch halved and halved again."""
        found: list[Pair] = []
        size, times = self.samples, self.asked.accumulate
        while size >= 1 and len(found) < MOST_PAIRS:
            peak = self._growth.peak(size, times) if found else self.peak_bytes
            found.append(Pair(size, times, peak, self._fits(peak)))
            if size % 2:
                break
            size, times = size // 2, times * 2
        return tuple(found)

    @cached_property
    def _growth(self) -> Growth:
        return Growth(self.asked, self.found, self.samples)

    @cached_property
    def savings(self) -> tuple[Saving, ...]:
        """What else would lower the peak, the largest saving first."""
        return tuple(savings_of(self.asked, self.found))

    def _total(self, tensors: int) -> int:
        return tensors + sum(term.n_bytes for term in terms_beside(self.asked.device, tensors))

    def _fits(self, tensors: int) -> bool | None:
        return None if self.capacity is None else self._total(tensors) <= (1 - LEFT_FREE) * self.capacity

    def __str__(self) -> str:
        return f"{units.size(self.total_bytes)} at the peak, in the {self.found.phase} phase"

    def report(self) -> Any:
        """Return it with the answers: does it fit, how large a batch would, what would need less."""
        from nbtrain.memory.report import memory_report

        return memory_report(self)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; see `nbtrain.memory.report`."""
        return self.report().to_dict()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self.report()._repr_mimebundle_(include, exclude)


def estimate_memory(
    model: nn.Module, batch: Any, *, optimizer: Any = None, loss: Any = None, device: Any = None,
    memory_gib: float | None = None, **steps: Any,
) -> MemoryEstimate:  # fmt: skip
    """Estimate the memory of a training step; nothing is computed, copied or changed.

    Two steps go through stand-ins of the objects that have sizes and no memory. Where a model cannot be
    followed so, real steps of a copy of it are measured instead: where values decide what it does, with the
    batch itself if memory and time allow, else with two small ones from which the rest follows.

    Args:
        model: on any device, also on `meta`.
        batch: one batch as the loader gives it: (inputs..., targets), a mapping, a tensor.
        optimizer: an optimizer over the model, a class, a function of parameters, or a name of torch.optim;
            None: AdamW.
        loss: criterion (output, target), or None: the model's own, or cross-entropy or mean squared error by
            the target's type.
        device: where it would train, "cuda" also on a machine without; None: where the model is.
        memory_gib: of that device; None asks it.
        **steps: precision ("32"; "bf16" or "16" for autocast), accumulate (1): micro-batches a step.

    Returns:
        The estimate; `.peak_bytes`, `.breakdown`, `.fits`, `.largest_batch`, `.pairs`, `.savings`. In a
        notebook it shows as a report.

    Raises:
        UsageError: a batch without tensors, a precision, device or optimizer that is none, or a model that
            fails on the batch.
    """
    if not isinstance(model, nn.Module):
        raise UsageError(f"model is a {type(model).__name__}; a torch.nn.Module is wanted.")
    asked = Asked(
        model, batch, loss,
        torch.optim.AdamW if optimizer is None else optimizer,
        _device(device, model), *_steps(**steps),
    )  # fmt: skip
    capacity = capacity_of(asked.device) if memory_gib is None else round(memory_gib * GIB)
    try:
        found, basis, why = find_peak(asked)
    except CannotEstimate as error:
        raise UsageError(
            f"The memory cannot be estimated: {error}.",
            suggestion="Pass a batch as the loader gives it, and the loss: "
            "nbtrain.estimate_memory(model, batch, loss=criterion).",
        ) from None
    return MemoryEstimate(asked, found, basis, why, samples_of(batch), capacity)


def _steps(**steps: Any) -> tuple[torch.dtype | None, int]:
    unknown = steps.keys() - {"precision", "accumulate"}
    if unknown:
        raise UsageError(
            f"estimate_memory has no option `{min(unknown)}`.",
            suggestion="Its options: optimizer, loss, device, memory_gib, precision, accumulate.",
        )
    return _dtype(steps.get("precision", "32")), _whole(steps.get("accumulate", 1))


def _dtype(precision: str) -> torch.dtype | None:
    if precision not in PRECISIONS:
        raise UsageError(f"precision is {precision!r}; allowed are {', '.join(PRECISIONS)}.")
    return PRECISIONS[precision]


def _device(device: Any, model: nn.Module) -> torch.device:
    if device is None:
        found = next((p.device for p in model.parameters()), torch.device("cpu"))
        return torch.device("cpu") if found.type == "meta" else found
    try:
        return torch.device(device)
    except RuntimeError:
        raise UsageError(f"device is {device!r}; examples: cpu, cuda, cuda:1, mps.") from None


def _whole(accumulate: Any) -> int:
    if not isinstance(accumulate, int) or accumulate < 1:
        raise UsageError(f"accumulate is {accumulate!r}; a whole number from 1 on is wanted.")
    return accumulate
