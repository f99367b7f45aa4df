"""Targets of a regression far larger than what its model gives: said before the run creeps towards them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from nbtrain.units import number

FAR = 50  # times the outputs (or 1, where those are smaller); for inputs, torch-audit's rule TA301 has it
PAIRWISE = (nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss)


def far_targets(criterion: Any, output: Any, target: Any) -> tuple[str, ...]:
    """Return a warning where a batch's targets are numbers far beyond the untrained model's outputs.

    Adam and its kin move a weight by about the learning rate a step, whatever the loss is: outputs of size 1
    need very many of such steps to reach a price of 100,000. Plain SGD gets gradients of that size. A model
    that was trained before gives outputs of the targets' size and is not accused.

    Args:
        output, target: of one batch, of one shape.
    """
    if not isinstance(criterion, PAIRWISE):
        return ()
    if not isinstance(output, Tensor) or not isinstance(target, Tensor):
        return ()
    if output.shape != target.shape or not target.is_floating_point() or target.numel() < 2:
        return ()
    wanted, given = (float(torch.linalg.vector_norm(one.detach().float())) for one in (target, output))
    size, reach = (norm / target.numel() ** 0.5 for norm in (wanted, given))
    if not size > FAR * max(reach, 1.0):
        return ()
    values = target.detach().float()
    scale = f"{number(float(values.mean()), 2)} ± {number(float(values.std()), 2)}"
    return (
        f"The targets are about {scale}, and the model's outputs about {number(reach, 2)}: Adam gets there "
        "slowly, and gradients are as large as the targets. Standardise them, y = (y - mean) / std with both "
        "from the training data, and undo it on predictions.",
    )
