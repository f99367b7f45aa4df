"""What a layer's output, an optimizer's gradients and its update look like, as numbers."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

MOST_WEIGHTS = 1 << 28  # elements copied to measure an update


def activation_of(module: nn.Module, output: Any) -> tuple[float | None, float | None] | None:
    """Return (share of units dead for the whole batch, share of saturated values), None elsewhere."""
    if (
        not isinstance(output, Tensor)
        or not output.is_floating_point()
        or output.dim() < 2
        or not output.numel()
    ):
        return None
    if type(module) is nn.ReLU:
        dead = (output.detach() <= 0).flatten(1).all(0) if output.dim() == 2 else _dead_channels(output)
        return float(dead.float().mean()), None
    if type(module) in (nn.Tanh, nn.Sigmoid):
        value = output.detach().float()
        if type(module) is nn.Sigmoid:
            value = value * 2 - 1
        return None, float((value.abs() > 0.9999).float().mean())
    return None


def _dead_channels(output: Tensor) -> Tensor:
    """Channels that are zero everywhere; the last dimension of sequences, the second of images."""
    at = 1 if output.dim() >= 4 else output.dim() - 1
    others = [one for one in range(output.dim()) if one != at]
    return (output.detach() <= 0).permute(at, *others).flatten(1).all(1)


def is_clear(optimizer: Any) -> bool:
    """Whether none of an optimizer's parameters has a gradient other than zero."""
    gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    return not any(bool(one.detach().to_dense().any()) for one in gradients)


def weights_of(optimizer: Any) -> dict[int, Tensor]:
    """Copies of an optimizer's parameters by id; {} where there are too many."""
    held = [p for group in optimizer.param_groups for p in group["params"]]
    if sum(p.numel() for p in held) > MOST_WEIGHTS:
        return {}
    return {id(p): p.detach().clone() for p in held}


def update_ratio(optimizer: Any, before: dict[int, Tensor]) -> float | None:
    """||update|| / ||weights before|| over all parameters of a step; None without copies."""
    moved = size = 0.0
    with torch.no_grad():
        for group in optimizer.param_groups:
            for p in group["params"]:
                old = before.get(id(p))
                if old is None or not p.is_floating_point():
                    continue
                moved += float((p.detach().float() - old.float()).square().sum())
                size += float(old.float().square().sum())
    return (moved / size) ** 0.5 if size else None


def norm_of(optimizer: Any) -> float:
    """Norm over all gradients of an optimizer's parameters; 0 without any."""
    gradients = [
        p.grad.detach() for group in optimizer.param_groups for p in group["params"] if p.grad is not None
    ]
    norms = [float(torch.linalg.vector_norm(one.to_dense().float())) for one in gradients]
    return math.sqrt(sum(one * one for one in norms))


def resting_layers(module: nn.Module) -> tuple[str, ...]:
    """Classes of the layers that work otherwise in eval mode, when all of them are in it."""
    kinds = nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd
    modal = [one for one in module.modules() if isinstance(one, kinds) and getattr(one, "p", 1) > 0]
    return (
        tuple(dict.fromkeys(type(one).__name__ for one in modal))
        if not any(m.training for m in modal)
        else ()
    )
