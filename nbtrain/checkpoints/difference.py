"""Two checkpoints side by side, and a checkpoint against a model."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

PREFIXES = (
    "module.",
    "_orig_mod.",
    "model.",
    "net.",
    "network.",
    "backbone.",
    "base_model.model.",
    "_forward_module.",
)


@dataclass(frozen=True)
class Moved:
    """How one tensor moved. `ratio`: ||new - old|| / ||old||, NaN where the old one is all zero."""

    name: str
    numel: int
    ratio: float
    largest: float


@dataclass(frozen=True)
class Difference:
    """Two sets of weights by name.

    Attributes:
        moved: tensors of both that differ, most first. same: how many are equal to the bit.
        only_first, only_second: names in one. shapes: name -> the two shapes, where they differ.
    """

    moved: tuple[Moved, ...]
    same: int
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    shapes: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]


def difference(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> Difference:
    """Compare two sets of weights, tensor by tensor."""
    moved, same, shapes = [], 0, {}
    for name in first:
        if name not in second:
            continue
        old, new = first[name], second[name]
        if old.shape != new.shape:
            shapes[name] = tuple(old.shape), tuple(new.shape)
        elif old.dtype == new.dtype and torch.equal(old, new):
            same += 1
        else:
            moved.append(_moved(name, old, new))
    return Difference(
        tuple(sorted(moved, key=lambda one: -one.ratio if one.ratio == one.ratio else 0.0)), same,
        tuple(name for name in first if name not in second),
        tuple(name for name in second if name not in first), shapes,
    )  # fmt: skip


def _moved(name: str, old: Tensor, new: Tensor) -> Moved:
    before, after = (
        one.detach().to(torch.complex128 if one.is_complex() else torch.float64) for one in (old, new)
    )
    change = after - before
    size = float(torch.linalg.vector_norm(before))
    norm = float(torch.linalg.vector_norm(change))
    return Moved(
        name,
        old.numel(),
        norm / size if size else float("nan"),
        float(change.abs().max()) if old.numel() else 0.0,
    )


@dataclass(frozen=True)
class Fit:
    """Weights against a model.

    Attributes:
        missing: names the model has and the weights lack. unexpected: the other way round.
        shapes: name -> (in the weights, in the model) where they differ. prefix: what stands before the
            names, "" for nothing; with it taken off (or put on, "+...") more names fit. nearest: missing -> a
            likely name among the unexpected.
    """

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    shapes: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]
    prefix: str = ""
    nearest: Mapping[str, str] = ()  # type: ignore[assignment]

    @property
    def fits(self) -> bool:
        """Whether load_state_dict takes them as they are."""
        return not (self.missing or self.unexpected or self.shapes or self.prefix)


def fit_of(weights: Mapping[str, Tensor], model: torch.nn.Module) -> Fit:
    """Compare weights with what a model expects."""
    wanted = {
        name: tuple(value.shape) for name, value in model.state_dict().items() if isinstance(value, Tensor)
    }
    prefix = _prefix(weights, wanted)
    called = {renamed(name, prefix): value for name, value in weights.items()}
    missing = tuple(name for name in wanted if name not in called)
    unexpected = tuple(name for name in called if name not in wanted)
    shapes = {
        name: (tuple(value.shape), wanted[name])
        for name, value in called.items()
        if name in wanted and tuple(value.shape) != wanted[name]
    }
    nearest = {}
    for name in missing[:50]:
        found = difflib.get_close_matches(name, unexpected, n=1, cutoff=0.75)
        if found:
            nearest[name] = found[0]
    return Fit(missing, unexpected, shapes, prefix, nearest)


def _prefix(weights: Mapping[str, Tensor], wanted: Mapping[str, object]) -> str:
    """The prefix that, taken off or put on, makes the most names fit."""
    best, most = "", sum(name in wanted for name in weights)
    for prefix in PREFIXES:
        for candidate in (prefix, f"+{prefix}"):
            found = sum(renamed(name, candidate) in wanted for name in weights)
            if found > most:
                best, most = candidate, found
    return best


def renamed(name: str, prefix: str) -> str:
    """Return a name with a prefix taken off, or put on for "+prefix"."""
    if prefix.startswith("+"):
        return prefix[1:] + name
    return name.removeprefix(prefix) if prefix else name
