"""The newest state of a run known to be good: what it can go back to when a step spoils weights or optimizer.

That is the newest checkpoint on disk, which is finite by promise; until there is one, a copy in the host's
memory, taken before the first step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from nbtrain.runs.plain import tensor_bytes
from nbtrain.train.work import Work

LIMIT_BYTES = 1024**3  # a larger model is not copied: the first checkpoint has to do


class LastGood:
    """Keep a way back.

    Args:
        store: the run's checkpoints, read only. scaler: the GradScaler, or None.
        settle: returns once nothing is being written there.
    """

    def __init__(
        self, store: Any, scaler: Any = None, settle: Callable[[], None] = lambda: None
    ) -> None:
        self._store, self._scaler, self._settle = store, scaler, settle
        self._copy: tuple[Any, Any, Any] | None = None
        self._step = 0

    def take(self, work: Work, step: int) -> None:
        """Copy weights, optimizer and scaler to the host, unless they are large or refuse: a device sync."""
        try:
            model, optimizer = work.model.state_dict(), work.optimizer.state_dict()
            if tensor_bytes(model) + tensor_bytes(optimizer) > LIMIT_BYTES:
                return
            scaler = self._scaler.state_dict() if self._scaler is not None else None
            self._copy, self._step = (_on_host(model), _on_host(optimizer), scaler), step
        except Exception:  # a state_dict of the person's own, no memory: then there is only the disk
            self._copy = None

    def let_go(self) -> None:
        """Forget the copy; from here on the checkpoints are what there is."""
        self._copy = None

    def restore(self, work: Work) -> str:
        """Put weights, buffers, the optimizer's memory and the scaler back; return what they are now.

        The learning rate, the schedule and the place in the data stay where they are: the run goes on from
        here with the weights of then.

        Returns:
            "the checkpoint of step 120" or "the weights it began with"; "" when there is nothing to go back
            to, and nothing was changed.
        """
        self._settle()
        found = self._store.load_latest() if self._store is not None else None
        if found is not None:
            name = f"the checkpoint of step {found.info.step:,}"
            model, optimizer, scaler = found.model_state, found.state["optimizer"], found.state.get("scaler")
        elif self._copy is not None:
            name = "the weights it began with" if not self._step else f"the weights of step {self._step:,}"
            model, optimizer, scaler = self._copy
        else:
            return ""
        work.model.load_state_dict(model)
        _load_memory(work.optimizer, optimizer)
        if self._scaler is not None and scaler is not None:
            self._scaler.load_state_dict(scaler)
        return name


def _load_memory(optimizer: Any, saved: dict[str, Any]) -> None:
    """Give an optimizer its earlier memory (momentum and the like), and leave its settings as they are."""
    now, groups = optimizer.state_dict(), getattr(optimizer, "param_groups", None)
    optimizer.load_state_dict({**_on_host(saved), "param_groups": now["param_groups"]})
    if not isinstance(optimizer, torch.optim.Optimizer):
        return
    optimizer.param_groups = groups  # the very ones, as the loop and a notebook may hold them
    order = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    numbers = [number for group in now["param_groups"] for number in group["params"]]
    for number, parameter in zip(numbers, order, strict=True):
        held = optimizer.state.get(parameter, {})
        for key, value in saved["state"].get(number, {}).items():
            if isinstance(value, torch.Tensor) and value.dtype != held[key].dtype:
                held[key] = value.to(held[key].device)  # torch casts to the dtype of the weights


def _on_host(thing: Any) -> Any:
    """Copy nested tensors to the host; what is no tensor is kept as it is."""
    if isinstance(thing, torch.Tensor):
        return thing.detach().to("cpu", copy=True)
    if isinstance(thing, dict):
        return {key: _on_host(value) for key, value in thing.items()}
    if isinstance(thing, (tuple, list)):
        return type(thing)(_on_host(part) for part in thing)
    return thing
