"""What the loop tells, and to whom. A callback overrides what it wants; what nobody overrides costs nothing.

The order in a run is in the pseudocode of `nbtrain.train.loop.fit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

HOOKS = ("on_start", "on_step", "on_evaluation", "on_empty_evaluation", "on_epoch", "on_end")


class Callback:
    """Something that happens at points of a run, in the training thread. Every hook is a no-op here."""

    def on_start(self, work: Any, state: Any) -> None:
        """Before the first batch."""

    def on_step(self, work: Any, state: Any) -> None:
        """After each optimizer step, at its boundary."""

    def on_evaluation(self, work: Any, state: Any, values: dict[str, float]) -> None:
        """After a validation; `values` holds val_loss, val_acc and the metrics."""

    def on_empty_evaluation(self, work: Any, state: Any) -> None:
        """After a validation whose loader gave no batch."""

    def on_epoch(self, work: Any, state: Any, row: dict[str, float]) -> None:
        """After an epoch and its validation; `row` is the epoch's line of metrics.json."""

    def on_end(self, work: Any, state: Any) -> None:
        """After the last step, however the run ended, unless an exception ended it."""


class Callbacks:
    """Call the callbacks that override a hook; the overriders are found once."""

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        self._of = {
            hook: [
                getattr(c, hook) for c in callbacks if getattr(type(c), hook) is not getattr(Callback, hook)
            ]
            for hook in HOOKS
        }
        self.each_step = bool(self._of["on_step"])

    def tell(self, hook: str, *details: Any) -> None:
        """Call one hook of everybody who listens, in the order given."""
        for listener in self._of[hook]:
            listener(*details)
