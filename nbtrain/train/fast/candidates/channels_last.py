"""Weights of convolutions with their channels last in memory.

What it does: convolutions run without turning their input and output around, on GPUs with tensor cores and on
CPUs. The parameters stay the same objects with the same values; only the order in memory changes, also that
of the optimizer's state, and comes back when the run ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

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
    weights = list(_weights(scene.model))
    places = [(weight, weight.data) for weight in weights]
    moments = list(_moments(scene.optimizer, weights))
    for weight in weights:
        weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    for state, key, value in moments:
        state[key] = value.contiguous(memory_format=torch.channels_last)

    def back() -> None:
        for weight, place in places:
            weight.data = place.copy_(weight.data)
        for state, key, value in moments:
            if key in state:  # else it was emptied, or loaded anew
                state[key] = value.copy_(state[key])
        for state, key, value in _moments(scene.optimizer, weights):
            state[key] = value.contiguous()

    return back


def _weights(model: nn.Module) -> Iterator[nn.Parameter]:
    found = (module.weight for module in model.modules() if isinstance(module, _CONVOLUTIONS))
    yield from {id(weight): weight for weight in found}.values()


def _moments(optimizer: Any, weights: list[nn.Parameter]) -> Iterator[tuple[dict[str, Any], str, Tensor]]:
    """What an optimizer remembers of each weight, in its form: fused ones walk through both side by side."""
    for weight in weights:
        state = getattr(optimizer, "state", {}).get(weight, {})
        for key, value in list(state.items()):
            if isinstance(value, Tensor) and value.shape == weight.shape:
                yield state, key, value


CANDIDATE = Candidate(
    "channels-last", "channels_last convolutions", 20, ROUNDING, unfit, switch_on=switch_on
)
