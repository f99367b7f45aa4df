"""The loops of `loops/*.py`, run plainly or followed, and what each says of itself while it runs."""

from __future__ import annotations

import linecache
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from nbtrain.running.run import Run
from nbtrain.watch.block import WatchedBlock
from nbtrain.watch.options import WatchOptions
from nbtrain.watch.watching import Watching

HABITS = {
    "missing-zero-grad", "clip-misplaced", "scheduler-before-optimizer-step", "accumulation-unscaled-loss",
    "missing-train-mode", "zero-grad-misplaced",
}  # fmt: skip
LOOPS = sorted((Path(__file__).parent / "loops").glob("*.py"))


@dataclass
class Told:
    """What a loop recorded.

    Attributes:
        steps: (optimizer's name or None, loss, backwards) of each step, in order.
        validations: mean loss of each validation. epochs: how many it ran, None where it does not say.
        rates: of each epoch's last step, None where it does not say. models: what it trained.
    """

    steps: list[tuple[str | None, float, int]] = field(default_factory=list)
    validations: list[float] = field(default_factory=list)
    epochs: int | None = None
    rates: list[float] | None = None
    models: tuple[nn.Module, ...] = ()

    def names(self) -> dict[str, Any]:
        """The functions that a loop calls."""

        def expect(optimizer: str | None, loss: Any, *, backwards: int = 1) -> None:
            value = loss.detach() if isinstance(loss, torch.Tensor) else loss
            self.steps.append((optimizer, float(value), backwards))

        def expect_epochs(count: int) -> None:
            self.epochs = count

        def expect_lrs(rates: list[float]) -> None:
            self.rates = rates

        def trained(*models: nn.Module) -> None:
            self.models = models

        return {
            "expect": expect, "expect_epochs": expect_epochs, "expect_lrs": expect_lrs,
            "expect_validation": self.validations.append, "trained": trained, "__name__": "__main__",
        }  # fmt: skip


@dataclass
class Outcome:
    """What is left when a loop is over: every tensor of its models, and where the generators stand."""

    tensors: list[torch.Tensor]
    generators: tuple[Any, ...]


def seeded() -> None:
    """Put every generator at its start."""
    torch.manual_seed(11)
    np.random.seed(11)
    random.seed(11)


def outcome(told: Told) -> Outcome:
    """Read what is left."""
    tensors = [value.clone() for model in told.models for value in model.state_dict().values()]
    _, keys, *rest = np.random.get_state()
    return Outcome(tensors, (torch.get_rng_state().tolist(), keys.tolist(), rest, random.getstate()))


def code_of(path: Path) -> Any:
    """Compile a loop; its lines can be looked up, as a cell's can."""
    linecache.checkcache(str(path))
    return compile(path.read_text(), str(path), "exec")


def followed_block(folder: Path, **options: Any) -> WatchedBlock:
    """Follow a block as `nbtrain.watch` does, without the reports and pictures at its end."""
    settings = WatchOptions.from_words({"log": "json", "dir": folder, **options})
    return WatchedBlock(Run(Watching(settings, {})))
