"""Whether a checkpoint fits the objects at hand: parameters, optimizer, schedule.

Refuses before anything is changed; what may differ is told instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch

from nbtrain.errors import UsageError
from nbtrain.runs.fingerprint import Difference

_COMPILED = "_orig_mod."  # what torch.compile puts in front of the names
SHOWN = 5  # names in a message; the rest is counted
_SETTINGS = ("weight_decay", "eps", "amsgrad", "nesterov", "dampening", "alpha", "centered", "maximize")
_MOVED_BY_SCHEDULES = ("lr", "betas", "momentum")


def check_fit(work: Any, model_state: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Refuse a checkpoint that cannot be loaded into these objects.

    Raises:
        UsageError: names what is different.
    """
    _check_model(work, model_state)
    _check_optimizer(work, state)


def check_schedule(work: Any, state: Mapping[str, Any], steps: int | None) -> None:
    """Refuse a OneCycleLR whose checkpoint has fewer steps left than the run: it would end with an error.

    Args:
        steps: optimizer steps of the whole run, None where unknown.
    """
    saved = state.get("scheduler") or {}
    if not isinstance(work.scheduler, torch.optim.lr_scheduler.OneCycleLR) or steps is None:
        return
    left = saved.get("total_steps", steps) - saved.get("last_epoch", 0)
    steps -= state["counters"]["step"]
    if left < steps:
        name = work.names.get("scheduler") or "scheduler"
        raise UsageError(
            f"`{name}` (OneCycleLR) has {max(left, 0):,} of its {saved['total_steps']:,} steps left in the "
            f"checkpoint, and the run has {steps:,} to go; it would end there with an error.",
            suggestion="Go on for fewer steps, or start a new run on these weights with a new schedule.",
        )


def optimizer_differences(work: Any, state: Mapping[str, Any]) -> Iterable[Difference]:
    """Return the settings of the optimizer that are others in the notebook; the checkpoint's are used."""
    name = work.names.get("optimizer") or "optimizer"
    scheduled = state.get("scheduler") is not None
    keys = (*_SETTINGS, *(("initial_lr",) if scheduled else _MOVED_BY_SCHEDULES))
    told = set()
    for before, now in zip(state["optimizer"]["param_groups"], work.optimizer.param_groups, strict=True):
        for key in keys:
            one, other = _value(before.get(key)), _value(now.get(key))
            if one is not None and other is not None and one != other and key not in told:
                told.add(key)
                said = "lr" if key == "initial_lr" else key
                text = f"`{name}` has {said}={other} now; the run goes on with {one}, as in the checkpoint."
                yield Difference(f"optimizer.{said}", text, one, other, exact=True)


def named_as_here(model: torch.nn.Module, saved: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a state_dict under the names of this model, where one of the two was compiled."""
    if not any(_COMPILED in name for name in (*saved, *model.state_dict())):
        return saved
    here = {name.replace(_COMPILED, ""): name for name in model.state_dict()}
    return {here.get(plain := name.replace(_COMPILED, ""), plain): value for name, value in saved.items()}


def _check_model(work: Any, saved: Mapping[str, Any]) -> None:
    here, saved = work.model.state_dict(), named_as_here(work.model, saved)
    name = work.names.get("model") or type(work.model).__name__
    missing, extra = [k for k in saved if k not in here], [k for k in here if k not in saved]
    shapes = [
        f"{k}: {tuple(v.shape)} in the checkpoint, {tuple(here[k].shape)} now"
        for k, v in saved.items()
        if isinstance(v, torch.Tensor) and isinstance(here.get(k), torch.Tensor) and v.shape != here[k].shape
    ]
    problems = [
        f"{len(found)} {what}: {_some(found)}"
        for found, what in (
            (missing, "only in the checkpoint"),
            (extra, "only in the model"),
            (shapes, "of another shape"),
        )
        if found
    ]
    if problems:
        raise UsageError(
            f"The checkpoint does not fit the model `{name}` ({'; '.join(problems)}).",
            suggestion="Run the cell that makes the model as it was, then resume.",
        )


def _check_optimizer(work: Any, state: Mapping[str, Any]) -> None:
    name = work.names.get("optimizer") or "optimizer"
    before, now = state.get("fingerprint", {}).get("optimizer"), type(work.optimizer).__name__
    if before is not None and before != now:
        raise UsageError(
            f"The run was trained with {before}, and `{name}` is {now}: its state cannot be taken over.",
            suggestion=f"Make {before} again, then resume; or start anew from the weights: leave resume out.",
        )
    saved = [len(group["params"]) for group in state["optimizer"]["param_groups"]]
    here = [len(group["params"]) for group in work.optimizer.param_groups]
    if saved != here:
        raise UsageError(
            f"`{name}` holds other parameters than in the checkpoint: groups of {_counts(saved)} then, "
            f"{_counts(here)} now.",
            suggestion="Make the optimizer as it was, then resume.",
        )


def _counts(groups: list[int]) -> str:
    return " and ".join(map(str, groups)) + " tensors"


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _value(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value
