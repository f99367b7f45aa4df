"""What the first steps of a followed loop looked like: one cycle a step, from the optimizer's step before."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_CELL = re.compile(r"<ipython-input-.*>|\d+\.py")


@dataclass(frozen=True)
class Place:
    """A line of the person's code."""

    file: str
    line: int

    def __str__(self) -> str:
        name = Path(self.file).name
        return f"line {self.line} of a cell" if _CELL.fullmatch(name) else f"{name}:{self.line}"


@dataclass
class Cycle:
    """One step of an optimizer and what came before it, since its step before.

    Attributes:
        optimizer: its name. step: the step's number. place: where it was made.
        backwards: where backward was called. whole: how many of the values were a loss as it came, undivided.
        draws: batches that the feeding loader gave.
        cleared: its gradients were emptied at some time in the cycle, or there were none.
        leftovers: norms of the gradients that each backward found, 0-d; 0 where they had been emptied by
            hand.
        written: norms of the gradients, 0-d, before and after what the person's code has done to them between
            the last of several backwards and the step.
        emptied: norm of the gradients at the step, 0-d, where a backward has reached them and something was
            done to them since.
        clipped: where gradients were clipped between backward and step.
        clipped_early: the same after the step before, with no backward since.
        scheduled: the place of the step, where a scheduler of the optimizer moved between backward and step.
        in_eval: the model was in eval mode at the backward, and that makes a difference.
        alone: no other optimizer has stepped.
    """

    optimizer: str = ""
    step: int = 0
    place: Place = Place("", 0)
    backwards: list[Place] = field(default_factory=list)
    whole: int = 0
    draws: int = 0
    cleared: bool = False
    leftovers: list[Tensor] = field(default_factory=list)
    written: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    emptied: Tensor | None = None
    clipped: Place | None = None
    clipped_early: Place | None = None
    scheduled: Place | None = None
    in_eval: bool = False
    alone: bool = True
