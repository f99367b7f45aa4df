"""A scheduler's next learning rates, played on copies: the real scheduler and optimizer are never stepped."""

from __future__ import annotations

import copy
import warnings
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data import DataLoader, Dataset

from nbtrain import units
from nbtrain.notebook.describe_optimizer import plain
from nbtrain.notebook.ownership import inner_optimizer
from nbtrain.notebook.wording import attribute, lr_of

_HEAVY = (nn.Module, Tensor, Optimizer, DataLoader, Dataset)


def describe_scheduler(scheduler: Any, name: str = "", steps: int = 200) -> dict[str, Any]:
    """Describe a scheduler with the learning rates of its next `steps` steps, first parameter group.

    Returns:
        `{"name", "class", "now", "lrs": [...], "note"}`. `lrs[0]` is the rate after one more step; shorter
        when the schedule ends, empty when it cannot be told beforehand, and `note` then says why.
    """
    optimizer = inner_optimizer(attribute(scheduler, "optimizer"))
    kind = type(scheduler).__name__
    known = {"name": name, "class": kind, "now": plain(lr_of(optimizer))}
    inner = attribute(scheduler, "scheduler")  # Accelerate's wrapper
    played = inner if callable(attribute(inner, "step")) else scheduler
    if isinstance(played, ReduceLROnPlateau):
        return {
            **known,
            "lrs": [],
            "note": "It follows the validation loss, so its steps are not known beforehand.",
        }
    try:
        lrs, note = _play(played, optimizer, steps)
    except (
        Exception
    ) as error:  # a person's own scheduler may refuse to be copied: the curve is left out, and why
        return {
            **known,
            "lrs": [],
            "note": f"Its next steps cannot be played ahead ({type(error).__name__}).",
        }
    return {**known, "lrs": lrs, "note": note}


def _play(scheduler: Any, optimizer: Any, steps: int) -> tuple[list[float], str]:
    stand_in = _stand_in(optimizer)
    memo: dict[int, Any] = {id(optimizer): stand_in, id(attribute(scheduler, "optimizer")): stand_in}
    for value in _reachable(scheduler):
        if isinstance(value, _HEAVY) and id(value) not in memo:
            memo[id(value)] = value  # a schedule that keeps a model or data set must not copy it
    twin = copy.deepcopy(scheduler, memo)
    lrs: list[float] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the stand-in never steps, and schedulers complain of that
        for _ in range(steps):
            try:
                twin.step()
            except ValueError:  # OneCycleLR raises this at its end
                return lrs, f"The schedule ends in {units.counted(len(lrs), 'step')}."
            lrs.append(plain(lr_of(stand_in)))
    return lrs, ""


class _StandIn(Optimizer):
    """Param groups without parameters: all that a scheduler reads and writes."""

    def __init__(self, groups: list[dict[str, Any]], defaults: dict[str, Any]) -> None:
        # Optimizer.__init__ is left out on purpose: it refuses empty groups and registers hooks nobody needs
        self.param_groups = groups
        self.defaults = defaults
        self.state = {}
        self._opt_called = True

    def step(self, closure: Any = None) -> None:
        """Do nothing."""


def _stand_in(optimizer: Any) -> _StandIn:
    groups = [
        {key: _copied(value) for key, value in group.items() if key != "params"} | {"params": []}
        for group in attribute(optimizer, "param_groups") or []
    ]
    return _StandIn(
        groups, {key: _copied(value) for key, value in (attribute(optimizer, "defaults") or {}).items()}
    )


def _copied(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, Tensor) else value


def _reachable(scheduler: Any) -> list[Any]:
    """List what a scheduler keeps, two levels deep: attributes, items of lists, what callables keep."""
    found: list[Any] = []
    for value in (attribute(scheduler, "__dict__") or {}).values():
        items = value if isinstance(value, (list, tuple)) else [value]
        for item in items:
            found.append(item)
            if not isinstance(item, _HEAVY):
                found += list((attribute(item, "__dict__") or {}).values())
    return found
