"""Optimizer and learning-rate schedule of a configuration."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from nbtrain.config.resolved import Configuration, betas_for, warmup_for
from nbtrain.errors import UsageError

CLASSES = {
    "adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "sgd": torch.optim.SGD, "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam, "adamax": torch.optim.Adamax, "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad, "adadelta": torch.optim.Adadelta,
}  # fmt: skip
WITH_BETAS = ("adamw", "adam", "nadam", "radam", "adamax")
WITH_MOMENTUM = ("sgd", "rmsprop")


class Warmup:
    """The factor of the learning rate at each step: up in a line, then along a cosine, a line, or level.

    Args:
        warmup: steps until the full rate. total: steps of the run. shape: cosine, linear or constant.
    """

    def __init__(self, warmup: int, total: int, shape: str) -> None:
        self.warmup, self.total, self.shape = warmup, total, shape

    def __call__(self, step: int) -> float:
        """Return the factor at an optimizer step, counted from 0."""
        if step < self.warmup:
            return (step + 1) / (self.warmup + 1)
        if self.shape == "constant":
            return 1.0
        done = min(1.0, (step - self.warmup) / max(1, self.total - self.warmup))
        return 0.5 * (1 + math.cos(math.pi * done)) if self.shape == "cosine" else 1.0 - done


def make_optimizer(configuration: Configuration, model: nn.Module) -> tuple[Any, Configuration]:
    """Return the optimizer, and the configuration with the betas it was given."""
    kind = configuration.values["optimizer"]
    trained = [p for p in model.parameters() if p.requires_grad]
    arguments: dict[str, Any] = {
        "lr": configuration.values["learning_rate"], "weight_decay": configuration.values["weight_decay"],
    }  # fmt: skip
    if kind in WITH_BETAS:
        if "betas" not in configuration.values:
            betas = betas_for(sum(p.numel() for p in trained))
            configuration = configuration.with_values("default", betas=betas)
        arguments["betas"] = tuple(configuration.values["betas"])
    if kind in WITH_MOMENTUM and "momentum" in configuration.values:
        arguments["momentum"] = configuration.values["momentum"]
    return CLASSES[kind](trained, **arguments), configuration


def make_schedule(
    configuration: Configuration, optimizer: Any, steps: int | None
) -> tuple[Any, Configuration]:
    """Return the schedule, None for a constant rate, and the configuration with its warmup.

    Raises:
        UsageError: the rate is to fall until the end, and where that is is not known.
    """
    shape = configuration.values["lr_schedule"]
    if "warmup_steps" not in configuration.values:
        configuration = configuration.with_values("default", warmup_steps=warmup_for(steps))
    warmup = configuration.values["warmup_steps"]
    if steps is None and shape != "constant":
        raise UsageError(
            f"The schedule {shape} falls until the last step, and the data has no length to count the "
            f"steps by.",
            suggestion="Say how many: `total_steps`, or take `lr_schedule: constant`.",
        )
    if steps is not None and warmup >= steps and warmup:
        raise UsageError(
            f"warmup_steps is {warmup:,}, and the run has {steps:,} steps: the full rate would never be "
            f"reached.",
            suggestion=f"The usual is a tenth: warmup_steps: {warmup_for(steps)}.",
        )
    if shape == "constant" and not warmup:
        return None, configuration
    return LambdaLR(optimizer, Warmup(warmup, steps or warmup, shape)), configuration
