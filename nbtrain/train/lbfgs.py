"""Weights and memory of LBFGS as they were before a step, which moves the weights several times."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class BeforeStep:
    """A copy to go back to. One copy of the weights and two of its vectors, beside the hundred it keeps.

    Args:
        optimizer: a torch.optim.LBFGS.
    """

    def __init__(self, optimizer: torch.optim.LBFGS) -> None:
        self._optimizer = optimizer
        self._weights = [(p, p.detach().clone()) for group in optimizer.param_groups for p in group["params"]]
        self._state = {
            parameter: {name: _copied(value) for name, value in state.items()}
            for parameter, state in optimizer.state.items()
        }

    def put_back(self) -> None:
        """Give weights and state their former values."""
        with torch.no_grad():
            for parameter, weights in self._weights:
                parameter.copy_(weights)
        self._optimizer.state.clear()
        self._optimizer.state.update(self._state)


def _copied(value: Any) -> Any:
    """Vectors are overwritten in place, lists only grow and shrink: the vectors in them stay as they are."""
    if isinstance(value, Tensor):
        return value.clone()
    return list(value) if isinstance(value, list) else value
