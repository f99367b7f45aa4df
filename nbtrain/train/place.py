"""Move what is trained to a device, the optimizer's state along with it."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


def move_to(device: torch.device, model: nn.Module, optimizer: Any, criterion: Any) -> None:
    """Move model, optimizer state and a criterion's weights in place; parameters stay the same objects."""
    if any(p.device != device for p in model.parameters()):
        model.to(device)
        held = {p: group for group in optimizer.param_groups for p in group["params"]}
        for parameter, state in optimizer.state.items():
            group = held.get(parameter, {})
            # Adam keeps `step` on the CPU on purpose unless capturable or fused
            stays = set() if group.get("fused") or group.get("capturable") else {"step"}
            for key, value in state.items():
                if key not in stays:
                    state[key] = _moved(value, device)
    if isinstance(criterion, nn.Module):
        criterion.to(device)


def _moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, list):  # LBFGS keeps its past directions in lists
        return [_moved(part, device) for part in value]
    return value
