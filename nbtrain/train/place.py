"""Move what is trained to a device, the optimizer's state along with it."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


def move_to(device: torch.device, model: nn.Module, optimizer: Any, criterion: Any) -> None:
    """Move model, optimizer state and a criterion's weights in place; parameters stay the same objects."""
    if any(p.device != device for p in model.parameters()):
        model.to(device)
        for state in optimizer.state.values():
            for key, value in state.items():
                # Adam keeps `step` on the CPU on purpose unless capturable or fused
                if isinstance(value, torch.Tensor) and key != "step":
                    state[key] = value.to(device)
    if isinstance(criterion, nn.Module):
        criterion.to(device)
