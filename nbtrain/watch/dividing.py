"""What a loss was divided by before backward was called on it: `loss / 4`, where four batches make a step.

Read from the loss's own graph; a number that lies in the host's memory, so nobody waits for a device.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def divisor_of(value: Tensor, *, is_scaled: bool = False) -> float:
    """Return the divisor of a loss, 1.0 where the last operation on it was no division by a number.

    Args:
        is_scaled: a GradScaler has multiplied it since.
    """
    node: Any = getattr(value, "grad_fn", None)
    if is_scaled and node is not None:
        node = next((inner for inner, _ in node.next_functions), None)
    name = type(node).__name__
    if name == "DivBackward0":
        return _number(node) or 1.0
    if name == "MulBackward0":
        return 1 / (_number(node) or 1.0)
    return 1.0


def _number(node: Any) -> float:
    """The number an operation was done with, 0.0 where it was no number."""
    try:
        other = node._saved_other
    except RuntimeError:  # written to since
        return 0.0
    is_number = isinstance(other, Tensor) and other.dim() == 0 and other.device.type == "cpu"
    if not is_number or other.requires_grad or other.is_complex() or other.dtype == torch.bool:
        return 0.0
    return float(other)
