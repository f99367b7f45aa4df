"""A GradScaler's calls in a followed loop: what it scales, the steps it makes, those it leaves out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nbtrain.running.record import Record
from nbtrain.watch.aside import Aside
from nbtrain.watch.boundary import Boundary
from nbtrain.watch.observer import Observer
from nbtrain.watch.steps import Steps


class ScalerSteps:
    """Follow the GradScalers of a loop.

    Args:
        record: is told that there is one. steps, boundary, observer, aside: of the follower.
        made: takes a step that the scaler has left out, as the others are taken.
        stops_at_nan: refuse a step that is not finite before the scaler leaves it out.

    Attributes:
        is_stepping: a scaler is within its `step`.
    """

    def __init__(
        self, record: Record, steps: Steps, boundary: Boundary, observer: Observer, aside: Aside, *,
        made: Any, stops_at_nan: bool,
    ) -> None:  # fmt: skip
        self._record, self._steps, self._boundary, self._observer = record, steps, boundary, observer
        self._aside, self._made, self._stops_at_nan = aside, made, stops_at_nan
        self._scaling = steps.scaling
        self.is_stepping = False

    def scaled(self, scaler: Any, outputs: Any, result: Any) -> None:
        """A GradScaler has scaled a value."""
        if not self._scaling.used and scaler.is_enabled():
            self._record.is_scaled()
        self._aside.do(self._scaling.scaled, scaler, outputs, result)

    @contextmanager
    def steps(self, optimizer: Any) -> Iterator[None]:
        """A GradScaler steps an optimizer, or finds an overflow and does not: that counts as well."""
        if self._stops_at_nan:
            self._steps.refuse_nan(optimizer)
        self.is_stepping, self._scaling.was_stepped = True, False
        try:
            yield
        finally:
            self.is_stepping = False
        if not self._scaling.was_stepped:
            self._aside.do(self._made, optimizer)
            self._boundary.due = True

    def stepped(self) -> None:
        """An optimizer has stepped within a scaler's `step`: the boundary waits for its update."""
        self._scaling.was_stepped = self._boundary.due = True

    def before_unscaling(self, optimizer: Any) -> None:
        """A GradScaler is about to divide an optimizer's gradients by its factor."""
        self._aside.do(self._observer.before_writing, optimizer)

    def updated(self) -> None:
        """A GradScaler was updated: a step within it is whole."""
        if self._boundary.due:
            self._boundary.serve()
