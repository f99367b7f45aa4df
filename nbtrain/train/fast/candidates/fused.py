"""The optimizer's update in one pass over weights, gradients and moments.

What it does: torch's own Adam, AdamW, SGD and Adagrad have an implementation in one kernel. The optimizer
stays the person's object: `fused` is switched in its param_groups and defaults, as its constructor would have
it, and back when the run ends. Wrappers, subclasses and a `foreach` that was set by hand are left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from nbtrain.train.fast.candidate import ROUNDING, Candidate, Scene

_KINDS = (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD, torch.optim.Adagrad)
# what the constructors of these classes set for a fused one, and `step` reads
_ATTRIBUTES = ("_step_supports_amp_scaling", "_need_device_dtype_check_for_fused")
_ABSENT = object()


def unfit(scene: Scene) -> str:
    """Only where torch would have made it fused when asked to."""
    optimizer = scene.optimizer
    if type(optimizer) not in _KINDS or "fused" not in optimizer.defaults:
        return f"no fused {type(optimizer).__name__}"
    groups = optimizer.param_groups
    if all(group.get("fused") for group in groups):
        return "on already"
    for name in ("foreach", "differentiable", "capturable"):
        if any(group.get(name) for group in groups):
            return f"you set {name}"
    if any(group.get("foreach") is False for group in groups):
        return "you set foreach=False"
    kinds = {(p.device.type, p.is_floating_point()) for group in groups for p in group["params"]}
    if kinds - {("cpu", True), ("cuda", True)}:
        return "not for weights like these"
    return _refused(optimizer, scene.device)


def _refused(optimizer: Any, device: torch.device) -> str:
    """Ask torch itself, with a weight of ours: older versions have it for some classes and devices."""
    try:
        weight = torch.ones(1, device=device, requires_grad=True)
        weight.grad = torch.ones_like(weight)
        type(optimizer)([weight], lr=1e-3, fused=True).step()
    except Exception as error:
        return str(error).partition("\n")[0] or type(error).__name__
    return ""


def switch_on(scene: Scene) -> Callable[[], None]:
    """Have the optimizer update fused; return what has it as before."""
    optimizer = scene.optimizer
    holders = [*optimizer.param_groups, optimizer.defaults]
    before = [holder.get("fused", _ABSENT) for holder in holders]
    attributes = [vars(optimizer).get(name, _ABSENT) for name in _ATTRIBUTES]
    for holder in holders:
        holder["fused"] = True
    for name in _ATTRIBUTES:
        setattr(optimizer, name, True)
    _place_steps(optimizer, beside_weights=True)

    def back() -> None:
        for holder, value in zip(holders, before, strict=True):
            _give_back(holder, "fused", value)
        for name, value in zip(_ATTRIBUTES, attributes, strict=True):
            _give_back(vars(optimizer), name, value)
        _place_steps(optimizer, beside_weights=False)

    return back


def _place_steps(optimizer: Any, *, beside_weights: bool) -> None:
    """Put the counts of steps where the update looks for them: beside the weights, or else on the host.

    On a CPU both are the same place and nothing is done.
    """
    for weight, state in optimizer.state.items():
        count = state.get("step") if isinstance(state, dict) else None
        if isinstance(count, Tensor) and isinstance(weight, Tensor) and weight.device.type != "cpu":
            place = weight.device if beside_weights else torch.device("cpu")
            state["step"] = count.to(place)  # device sync on the way back: once, when the run has ended


def _give_back(holder: dict[str, Any], name: str, value: Any) -> None:
    if value is _ABSENT:
        holder.pop(name, None)
    else:
        holder[name] = value


CANDIDATE = Candidate("fused", "fused optimizer", 40, ROUNDING, unfit, switch_on=switch_on)
