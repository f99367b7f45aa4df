"""Give a model new weights: each module's own `reset_parameters`, and an optimizer that remembers nothing."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nbtrain.errors import UsageError


def initialise_again(model: nn.Module, optimizer: Any) -> int:
    """Draw new weights in place; parameters stay the same objects. Return how many were drawn.

    Raises:
        UsageError: a module with trainable parameters of its own does not know how; names it. Nothing was
            changed.
    """
    found = []
    for path, module in model.named_modules():
        own = [p for p in module.parameters(recurse=False) if p.requires_grad]
        if not own:
            continue
        if not callable(getattr(module, "reset_parameters", None)):
            raise UsageError(
                f"`{path or type(model).__name__}` ({type(module).__name__}) has weights and no "
                "reset_parameters: it cannot be initialised again from here.",
                suggestion="Make the model again in the notebook, or give the class a reset_parameters().",
            )
        found.append((module, sum(p.numel() for p in own)))
    with torch.no_grad():
        for module, _ in found:
            module.reset_parameters()
    optimizer.state.clear()
    return sum(count for _, count in found)
