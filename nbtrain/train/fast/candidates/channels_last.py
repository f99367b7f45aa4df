"""Weights of convolutions with their channels last in memory.

What it does: convolutions run without turning their input and output around, on GPUs with tensor cores and on
CPUs. The parameters stay the same objects with the same values; only the order in memory changes, also that
of the optimizer's state, and comes back when the run ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from nbtrain.train.fast.candidate import ROUNDING, Candidate, Scene

_CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


def unfit(scene: Scene) -> str:
    """Only where there are convolutions over images whose weights lie in the usual order."""
    weights = list(_weights(scene.model))
    if not weights:
        return "no 2-d convolutions"
    if all(w.is_contiguous(memory_format=torch.channels_last) for w in weights):
        return "on already"
    own = all(w.is_contiguous() and w.untyped_storage().nbytes() == w.nbytes for w in weights)
    return "" if own else "the weights lie in an order, or in memory, of your own"


def switch_on(scene: Scene) -> Callable[[], None]:
    """Order the weights anew; return what puts them back where they lay."""
    places = [(weight, weight.data) for weight in _weights(scene.model)]
    for weight, _ in places:
        weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    _order_what_follows(scene, torch.channels_last)

    def back() -> None:
        for weight, place in places:
            weight.data = place.copy_(weight.data)
        _order_what_follows(scene, torch.contiguous_format)

    return back


def _weights(model: nn.Module) -> Iterator[nn.Parameter]:
    found = (module.weight for module in model.modules() if isinstance(module, _CONVOLUTIONS))
    yield from {id(weight): weight for weight in found}.values()


def _order_what_follows(scene: Scene, form: torch.memory_format) -> None:
    """Gradients and moments in the order of their weights."""
    for weight in _weights(scene.model):
        if weight.grad is not None:
            weight.grad = weight.grad.contiguous(memory_format=form)
        state = getattr(scene.optimizer, "state", {}).get(weight, {})
        for key, value in state.items():
            # fused optimizers walk through weights and moments side by side
            if isinstance(value, Tensor) and value.shape == weight.shape:
                state[key] = value.contiguous(memory_format=form)


CANDIDATE = Candidate(
    "channels-last", "channels_last convolutions", 20, ROUNDING, unfit, switch_on=switch_on
)
