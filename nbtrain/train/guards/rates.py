"""Learning rates that a cell sets by hand: `optimizer.param_groups[0]["lr"] = 1e-4` is legal, and noted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from nbtrain.running.guards.habits import OFTEN

FEW = 8  # groups that are all looked at in each step; of more, the first in each and the rest now and then


class Rates:
    """The rates as schedulers and `run.set_lr` left them.

    Args:
        optimizer: whose. tell: told (group, rate before, rate now) of each that is another.
    """

    def __init__(self, optimizer: Any, tell: Callable[[int, float, float], None]) -> None:
        self._groups = optimizer.param_groups
        self._tell = tell
        self._in_a_row = 0
        self._was_other = False
        self.note()

    def note(self) -> None:
        """Take the rates as they are now: whoever set them is known."""
        self._rates = [_rate(group["lr"]) for group in self._groups]
        self._values = [group["lr"] for group in self._groups]
        self._lone = len(self._values) == 1 and not isinstance(self._values[0], Tensor)

    def look(self, *, everywhere: bool = False) -> None:
        """Compare; tell what is another. 0.3 us for a group."""
        if self._in_a_row >= OFTEN:  # the optimizer sets its rates itself
            return
        if self._lone and self._groups[0]["lr"] is self._values[0] and len(self._groups) == 1:
            self._in_a_row = 0
            return
        groups = self._groups if everywhere or len(self._groups) <= FEW else self._groups[:1]
        if len(self._groups) != len(self._rates):  # a group was added or taken out, which is seen elsewhere
            self.note()
            return
        other = [at for at, group in enumerate(groups) if _rate(group["lr"]) != self._rates[at]]
        if not other:
            self._in_a_row = 0
            return
        self._in_a_row += 1
        for at in other:
            self._tell(at, _number(self._values[at]), _number(self._groups[at]["lr"]))
        self.note()


def _rate(lr: Any) -> Any:
    """What says whether a rate is the same, without a device sync for those that are tensors."""
    return (id(lr), lr._version) if isinstance(lr, Tensor) else lr


def _number(lr: Any) -> float:
    return float(lr)  # device sync where it is a tensor: by hand, rare
