"""How long an optimizer takes to update, timed on parameters of ours: the person's are never updated."""

from __future__ import annotations

import inspect
import time
from typing import Any

import torch

from nbtrain.notebook.ownership import inner_optimizer
from nbtrain.notebook.rng import preserved_rng
from nbtrain.notebook.wording import attribute

MOST_VALUES = 4_000_000  # 64 MB with gradients and two moments; the time of more is taken in proportion
TIMES = 4  # the first makes the state and does not count


def time_update(optimizer: Any) -> tuple[float, ...]:
    """Return seconds of an update, a few times; nothing where it cannot be tried.

    A twin of the optimizer with the same settings updates tensors of the same shapes. Only torch's own
    optimizers are made again: another class may do anything when it is made. LBFGS calls the model itself.
    """
    inner = inner_optimizer(optimizer)
    kind = type(inner)
    if not kind.__module__.startswith("torch.optim.") or isinstance(inner, torch.optim.LBFGS):
        return ()
    groups, share = _groups(inner)
    if not groups:
        return ()
    try:
        with preserved_rng():
            known = inspect.signature(kind).parameters
            settings = {key: value for key, value in inner.defaults.items() if key in known}
            return tuple(took / share for took in _times(kind(groups, **settings)))
    except Exception:  # settings that only fit the real parameters, no memory: the update is guessed instead
        return ()


def _groups(inner: Any) -> tuple[list[dict[str, Any]], float]:
    """(groups with tensors of ours, the share of the person's values that they hold)."""
    groups: list[dict[str, Any]] = []
    taken = total = 0
    for group in attribute(inner, "param_groups") or ():
        mine: list[torch.Tensor] = []
        for parameter in group["params"]:
            if not parameter.requires_grad or parameter.is_sparse:
                continue
            total += parameter.numel()
            if taken < MOST_VALUES:
                taken += parameter.numel()
                mine.append(torch.zeros_like(parameter, requires_grad=True))
                mine[-1].grad = torch.full_like(parameter, 1e-3, requires_grad=False)
        if mine:
            groups.append({**{key: value for key, value in group.items() if key != "params"}, "params": mine})
    return groups, taken / total if total else 1.0


def _times(twin: torch.optim.Optimizer) -> list[float]:
    device = twin.param_groups[0]["params"][0].device
    times = []
    for _ in range(TIMES):
        began = time.perf_counter()
        twin.step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)  # device sync: before the run, to time an update
        times.append(time.perf_counter() - began)
    return times[1:]
