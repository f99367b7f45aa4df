"""The objects one run works on, resolved: what the plan promised, ready for the loop."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import nn

from nbtrain.train.accuracy import Hits
from nbtrain.train.batch import Task
from nbtrain.train.evaluate import Judge
from nbtrain.train.options import TrainOptions
from nbtrain.train.precision import Precision
from nbtrain.train.schedule import Schedule


@dataclass
class Work:
    """Model, optimizer, data and how they go together.

    Attributes:
        names: role -> the notebook's name of the object ("model" -> "net"); "" where it has none.
        made: attributes here whose objects nbtrain made itself: its optimizer, the halves of a split.
        hits: judges answers when the task is a classification, else None.
        output_shapes: module path -> shape of its output in the rehearsal.
        chosen: the `nbtrain.train.fast.chosen.Chosen` that steps are taken with, None without `--fast`.
    """

    model: nn.Module
    optimizer: Any
    schedule: Schedule
    train_loader: Iterable[Any]
    val_loader: Iterable[Any] | None
    task: Task
    precision: Precision
    device: torch.device
    options: TrainOptions
    criterion: Any = None
    hits: Hits | None = None
    names: dict[str, str] = field(default_factory=dict)
    made: tuple[str, ...] = ()
    output_shapes: dict[str, str] = field(default_factory=dict)
    chosen: Any = None

    @cached_property
    def judge(self) -> Judge:
        """Validates the model; one a run, for it learns what fits into memory."""
        return Judge(
            self.model, task=self.task, precision=self.precision, device=self.device, hits=self.hits,
            metrics=self.options.metrics,
        )  # fmt: skip

    @property
    def parameters(self) -> list[nn.Parameter]:
        """What is trained, in the model or beside it, and what of the model is frozen."""
        held = [p for group in self.optimizer.param_groups for p in group["params"]]
        return list({id(p): p for p in (*self.model.parameters(), *held)}.values())

    @property
    def scheduler(self) -> Any:
        """The person's scheduler, or None."""
        return self.schedule.scheduler
