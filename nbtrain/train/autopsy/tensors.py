"""What tensors hold: are they finite, between which values, and where are the bad ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nbtrain import units

SHOWN = 3  # places named; the rest is counted
COLUMNS = 4096  # in a matrix up to this wide a place is a sample and a feature


@dataclass(frozen=True)
class Contents:
    """The values of a tensor.

    Attributes:
        shape, dtype: as text. low, high: of the finite values, None where there are none.
        nan, inf, zero: how many; size: of how many.
    """

    shape: tuple[int, ...]
    dtype: str
    low: float | None
    high: float | None
    nan: int
    inf: int
    zero: int
    size: int

    @property
    def finite(self) -> bool:
        """True without a NaN or an infinite value."""
        return not self.nan and not self.inf

    def text(self) -> str:
        """`(64, 10) float32 from -3.1 to 4.2, 2 of 640 NaN`."""
        said = f"{tuple(self.shape)} {self.dtype}"
        if self.low is not None:
            said += f" from {units.number(self.low)} to {units.number(self.high)}"
        for count, what in ((self.nan, "NaN"), (self.inf, "infinite")):
            if count:
                said += f", {count:,} of {self.size:,} {what}"
        return said


def contents(tensor: Tensor) -> Contents:
    """Look at a tensor; one device sync for each number."""
    values = _values(tensor)
    finite = values[torch.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.numel() else (None, None)
    return Contents(
        tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."), low, high,
        nan=int(torch.isnan(values).sum()), inf=int(torch.isinf(values).sum()),
        zero=int((values == 0).sum()), size=values.numel(),
    )  # fmt: skip


def kind_of_bad(thing: Any) -> str:
    """Return "nan" or "inf" when a tensor holds such a value (NaN first), else ""."""
    if not isinstance(thing, Tensor) or not _is_float(thing) or not thing.numel():
        return ""
    try:
        values = _values(thing)
        if bool(torch.isfinite(values).all()):
            return ""
        return "nan" if bool(torch.isnan(values).any()) else "inf"
    except (RuntimeError, NotImplementedError):  # meta, quantised, nested: nobody can look into them
        return ""


def _is_float(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _values(tensor: Tensor) -> Tensor:
    values = tensor.detach()
    if values.layout is not torch.strided:
        values = values.coalesce().values() if values.is_sparse else values.values()
    if values.is_complex():
        values = torch.view_as_real(values)
    exact = (
        values.is_floating_point() and values.element_size() > 1
    )  # neither flags nor whole numbers nor fp8
    return values if exact else values.double()


def tensors_in(thing: Any, depth: int = 4) -> Iterator[Tensor]:
    """Yield the tensors in nested tuples, lists and mappings, and in plain attributes of other objects."""
    if isinstance(thing, Tensor):
        yield thing
    elif depth <= 0:
        return
    elif isinstance(thing, Mapping):
        for part in thing.values():
            yield from tensors_in(part, depth - 1)
    elif isinstance(thing, (tuple, list)):
        for part in thing:
            yield from tensors_in(part, depth - 1)


def named_tensors(batch: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    """Yield (name, tensor) of a batch: `input`, `target`, `batch['tokens']`, `batch.x`."""
    if isinstance(batch, Tensor):
        yield name, batch
    elif isinstance(batch, Mapping):
        for key, part in batch.items():
            yield from named_tensors(part, f"{name}[{key!r}]")
    elif isinstance(batch, (tuple, list)):
        fields = getattr(batch, "_fields", None)
        names = fields or _roles(len(batch))
        for role, part in zip(names, batch, strict=True):
            yield from named_tensors(part, role)
    else:
        for key, part in vars(batch).items() if hasattr(batch, "__dict__") else ():
            if isinstance(part, (Tensor, Mapping)):
                yield from named_tensors(part, f"{name}.{key}")


def _roles(count: int) -> list[str]:
    if count == 1:
        return ["input"]
    if count == 2:
        return ["input", "target"]
    return [*(f"input {place}" for place in range(1, count)), "target"]


def bad_places(tensor: Tensor) -> str:
    """Say where the bad values of a batch's tensor are: `feature 3 of sample 17 (2 values NaN)`."""
    values = _values(tensor)
    if values.dim() > tensor.dim():  # complex
        values = values.sum(-1)
    bad = ~torch.isfinite(values)
    places = bad.nonzero()
    counts = contents(tensor)
    how_many = [f"{n:,} {what}" for n, what in ((counts.nan, "NaN"), (counts.inf, "infinite")) if n]
    said = f"{' and '.join(how_many)} of {counts.size:,} values"
    if not len(places) or not places.shape[1]:
        return said
    shown = [_place(place.tolist(), tensor) for place in places[:SHOWN]]
    more = f" and {len(places) - SHOWN:,} more" if len(places) > SHOWN else ""
    said += f": {'; '.join(shown)}{more}"
    if tensor.dim() == 2 and tensor.shape[1] <= COLUMNS and len(places) > 1:
        columns = places[:, 1].unique()
        if len(columns) == 1:
            said += f" (all in feature {int(columns[0])})"
    return said


def _place(place: list[int], tensor: Tensor) -> str:
    if len(place) == 1:
        return f"sample {place[0]}"
    if len(place) == 2 and tensor.shape[1] <= COLUMNS:
        return f"feature {place[1]} of sample {place[0]}"
    return f"sample {place[0]} at {tuple(place[1:])}"
