"""What becomes of gradients between steps: cleared, written by hand, none, zero, in no optimizer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from nbtrain.review.probe.layers import is_clear, norm_of, update_ratio
from nbtrain.review.probe.seen import GradientsSeen


class GradientWatch:
    """Follow the gradients of the optimizers of a cell. `optimizers`: those known so far, by id."""

    def __init__(self) -> None:
        self.optimizers: dict[int, Optimizer] = {}
        self._stepped: set[int] = set()
        self._cleared: set[int] = set()  # gradients were gone at a backward since the last step
        self._reached: set[int] = set()  # a backward has run since the last step
        self._norms: dict[int, float] = {}  # as the last backward, or torch, has left them
        self._written: set[int] = set()  # by the cell itself

    def before_backward(self, values: Iterable[Any]) -> None:
        """A backward is about to run; `values` may hold optimizers that have not stepped."""
        for one in list(values):
            if isinstance(one, Optimizer):
                self.optimizers.setdefault(id(one), one)
        self._cleared |= {key for key, one in self.optimizers.items() if is_clear(one)}
        self._reached |= self.optimizers.keys()

    def written_by_torch(self) -> None:
        """Gradients are what a backward, a clip or a scaler has left."""
        self._norms = {key: norm_of(one) for key, one in self.optimizers.items()}

    def look(self) -> None:
        """Note whose gradients are no longer what torch has left."""
        for key, before in self._norms.items():
            if abs(norm_of(self.optimizers[key]) - before) > 1e-5 * before:
                self._written.add(key)

    def stepped(self, optimizer: Optimizer) -> dict[str, bool]:
        """An optimizer has stepped: return uncleared, cleared and written of that step."""
        key = id(optimizer)
        again = key in self._stepped and key in self._reached
        cleared = again and key in self._cleared
        seen = {
            "uncleared": again and not cleared and not is_clear(optimizer),
            "cleared": cleared,
            "written": key in self._written or key not in self._norms,
        }
        self.optimizers[key] = optimizer
        self._stepped.add(key)
        for noted in (self._cleared, self._reached, self._written):
            noted.discard(key)
        return seen


def gradients_of(
    optimizer: Optimizer, name: str, models: Iterable[nn.Module], before: Mapping[int, Tensor]
) -> GradientsSeen:
    """Return the gradients of a step that was just taken.

    Args:
        models: whose parameters have names. before: the parameters before the step, by id.
    """
    names = {id(p): path for module in models for path, p in module.named_parameters()}
    held = [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]
    none, zero = [], []
    for at, p in enumerate(held):
        called = names.get(id(p), f"parameter {at}")
        if p.grad is None:
            none.append(called)
        elif not bool(p.grad.detach().to_dense().any()):
            zero.append(called)
    ratio = update_ratio(optimizer, dict(before))
    return GradientsSeen(name, norm_of(optimizer), len(held), tuple(none), tuple(zero), ratio)


def left_out(models: Iterable[nn.Module], optimizers: Iterable[Optimizer]) -> tuple[str, ...]:
    """Return the names of trainable parameters with gradients that are in none of the optimizers."""
    held = {id(p) for one in optimizers for group in one.param_groups for p in group["params"]}
    found = {
        id(p): path
        for module in models
        for path, p in module.named_parameters()
        if p.grad is not None and p.requires_grad and id(p) not in held and bool(p.grad.to_dense().any())
    }
    return tuple(found.values())
