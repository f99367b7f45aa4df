"""What remains of a run's objects once it is over: they are the person's, so the run holds them no longer.

While it trains a run holds its `Work`. Afterwards deleting `model` in the notebook must free its memory,
though the kernel remembers the run with its numbers: `Remembered` keeps weak references.
"""

from __future__ import annotations

import sys
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

from torch import nn

from nbtrain.train.work import Work

ROLES = ("optimizer", "scheduler", "train_loader", "val_loader", "criterion")

# What nbtrain itself made for a model (its optimizer, the halves of a split) lives as long as the model.
_made_for: WeakKeyDictionary[nn.Module, dict[str, Any]] = WeakKeyDictionary()


class Remembered:
    """The objects of a run that is over, each as long as it lives somewhere else; None from then on.

    A model that nobody else holds, as in `nbtrain.train(Net(), loader)`, is held here: it is the result.

    Attributes:
        model, optimizer, scheduler, train_loader, val_loader, criterion: as in `Work`, or None.
        names, output_shapes, options, device, precision: as in `Work`.
    """

    def __init__(self, work: Work) -> None:
        self._model: Callable[[], Any] = weakref.ref(work.model)
        self._kept: nn.Module | None = None
        self._others = {role: _weak(getattr(work, role)) for role in ROLES}
        self.names, self.output_shapes = work.names, work.output_shapes
        self.options, self.device, self.precision = work.options, work.device, work.precision
        if work.made:
            _made_for[work.model] = {role: getattr(work, role) for role in work.made}

    def keep_if_alone(self, model: nn.Module) -> None:
        """Hold on to the model when the caller's reference is the last one.

        Asked a few times: a view that is looking at the model just now is not somebody who holds it.
        """
        for _ in range(3):
            if sys.getrefcount(model) <= _ALONE:
                self._kept = model
                return
            time.sleep(0.002)

    @property
    def holds_model(self) -> bool:
        """True when the model lives only because of this run."""
        return self._kept is not None

    @property
    def model(self) -> Any:
        """The model, None once nobody holds it any more."""
        return self._model()

    @property
    def parameters(self) -> list[nn.Parameter]:
        """The model's parameters; none once it is gone."""
        model = self.model
        return [] if model is None else list(model.parameters())

    def __getattr__(self, name: str) -> Any:
        others = self.__dict__.get("_others", {})
        if name not in others:
            raise AttributeError(f"a run's objects have no {name!r}")
        return others[name]()


def forget(holder: Any) -> None:
    """Have a run's activity hold its objects no longer; its `objects` and `plan` then say what remains."""
    kept, model = Remembered(holder.objects), holder.objects.model
    rehearsal = replace(holder.plan.rehearsal, task=None, criterion=None, hits=None, batch=None)
    holder.objects, holder.plan = kept, replace(holder.plan, work=kept, rehearsal=rehearsal)
    kept.keep_if_alone(model)


def _weak(thing: Any) -> Callable[[], Any]:
    try:
        return weakref.ref(thing)
    except TypeError:  # None, and lists of batches, which know no weak references
        return lambda: None


def _references_of_one() -> int:
    """What sys.getrefcount says of an object held by one caller's variable, asked as `keep_if_alone` asks."""

    def asked(thing: Any) -> int:
        return sys.getrefcount(thing)

    thing = nn.Module()
    return asked(thing)


_ALONE = _references_of_one()
