"""What the loop tells, and to whom. A callback overrides what it wants; what nobody overrides costs nothing.

The order in a run is in the pseudocode of `nbtrain.train.loop.fit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbtrain.telemetry.recorder import Numbers

HOOKS = (
    "on_start", "on_skipped", "on_step", "on_numbers", "on_cut", "on_judging", "on_evaluation",
    "on_empty_evaluation", "on_epoch", "on_end",
)  # fmt: skip


class Callback:
    """Something that happens at points of a run, in the training thread. Every hook is a no-op here."""

    def on_start(self, work: Any, state: Any) -> None:
        """Before the first batch."""

    def on_skipped(self, work: Any, state: Any, group: Sequence[Any]) -> None:
        """After an optimizer step that was not taken because a gradient was not finite, before `on_step`.

        On the CPU only: what a GPU left out is known when its rows have reached the host, in `on_numbers`.
        `group`: the step's batches.
        """

    def on_step(self, work: Any, state: Any) -> None:
        """After each optimizer step, at its boundary."""

    def on_numbers(self, work: Any, state: Any, numbers: Numbers) -> None:
        """When values of some steps have reached the host, at most 256 steps or 0.2 s after them."""

    def on_cut(self, work: Any, state: Any) -> None:
        """After the last of the steps asked for, where a run with more steps would go on in the epoch."""

    def on_judging(self, work: Any, state: Any) -> None:
        """Before a validation, which a stop may break off."""

    def on_evaluation(self, work: Any, state: Any, values: dict[str, float]) -> None:
        """After a validation; `values` holds val_loss, val_acc and the metrics."""

    def on_empty_evaluation(self, work: Any, state: Any) -> None:
        """After a validation whose loader gave no batch."""

    def on_epoch(self, work: Any, state: Any, row: dict[str, float]) -> None:
        """After an epoch and its validation; `row` is the epoch's line of metrics.json."""

    def on_end(self, work: Any, state: Any) -> None:
        """After the last step, however the run ended, unless an exception ended it."""

    def state_dict(self) -> dict[str, Any]:
        """Return what it has to know again when the run is resumed, as plain data."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take what `state_dict` returned."""


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
        self._all = list(callbacks)

    def tell(self, hook: str, *details: Any) -> None:
        """Call one hook of everybody who listens, in the order given."""
        for listener in self._of[hook]:
            listener(*details)

    def state_dict(self) -> dict[str, Any]:
        """Return the states of all that have one, by class name."""
        return {type(c).__name__: state for c in self._all if (state := c.state_dict())}

    def load_state_dict(self, states: dict[str, Any]) -> None:
        """Give each callback the state of its class."""
        for callback in self._all:
            if (state := states.get(type(callback).__name__)) is not None:
                callback.load_state_dict(state)
