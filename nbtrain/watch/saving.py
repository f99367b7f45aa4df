"""Checkpoints of a followed loop: the models, optimizers and schedulers found in the cell's names.

The loop pauses for a copy of them; a thread of their own brings it to the disk.
"""

from __future__ import annotations

import time
from typing import Any

import torch

from nbtrain.running.activity import Desk
from nbtrain.running.saver import Saver, Snapshot
from nbtrain.running.state import State
from nbtrain.runs.plain import for_torch
from nbtrain.runs.rng import capture_rng
from nbtrain.watch.found import Found


class Saving:
    """Save every N steps, and when asked to, at step boundaries, in the training thread.

    `model.pt` holds the state_dict of the model, or name -> state_dict where there are several.

    Args:
        desk: of the run. found: what takes part. state: the counters.
        every: optimizer steps between saves, or None. keep: periodic ones kept.
    """

    def __init__(self, desk: Desk, found: Found, state: State, *, every: int | None, keep: int) -> None:
        self._desk, self._found, self._state = desk, found, state
        self._every = every
        self._saver = Saver(
            desk.folder.checkpoints, keep=keep, on_trouble=desk.trouble, goes_on="The loop",
            on_saved=lambda info: desk.log(f"checkpoint of step {info.step}"),
        )  # fmt: skip
        self._saved_step = 0

    def when_due(self) -> None:
        """Save at every N-th step."""
        if self._every and self._state.step % self._every == 0:
            self.save()

    def save(self, *, wait: bool = False) -> None:
        """Have a checkpoint of this step written, once a step, and only of finite weights.

        Args:
            wait: return when it is on the disk; else a copy is written beside the loop.
        """
        state, found, began = self._state, self._found, time.monotonic()
        self.settle()
        if state.step in (0, self._saved_step):
            return
        phase, state.phase = state.phase, "saving"
        try:
            with self._saver.said(state.step):
                found.look()
                models = found.models
                if not models:
                    self._desk.trouble(
                        "no checkpoint: no name of the notebook holds the model that is trained"
                    )
                    return
                if not _finite(list(models.values())):
                    self._desk.trouble(
                        f"no checkpoint at step {state.step:,}: the weights hold NaN or infinite values"
                    )
                    return
                data = {
                    "model": for_torch(_states(models), "model_state"),
                    "state": for_torch(self._rest(), "state"),
                }
                snapshot = Snapshot(state.step, state.epoch, data, self._metrics())
                self._note(self._saver.write([snapshot], began, wait=wait))
        finally:
            state.phase = phase

    def settle(self) -> None:
        """Wait until nothing is being written."""
        self._note(self._saver.settle())

    def _note(self, done: list[Snapshot] | None) -> None:
        for snapshot in done or ():
            self._saved_step = snapshot.step

    def _metrics(self) -> dict[str, float]:
        state = self._state
        return {"val_loss": state.best_val_loss} if state.best_val_step == state.step else {}

    def _rest(self) -> dict[str, Any]:
        found, state = self._found, self._state
        schedulers = {name: one for name, one in found.schedulers.items() if hasattr(one, "state_dict")}
        return {
            "optimizer": _states(found.optimizers),
            "scheduler": _states(schedulers) if schedulers else None,
            "names": {"models": list(found.models), "optimizers": list(found.optimizers)},
            "counters": {name: getattr(state, name) for name in ("step", "epoch", "batch", "samples")},
            "rng": capture_rng(),
            "saved_at": time.time(),
        }


def _states(things: dict[str, Any]) -> Any:
    """Return the state_dict of the only one, or name -> state_dict."""
    states = {name: thing.state_dict() for name, thing in things.items()}
    return next(iter(states.values())) if len(states) == 1 else states


def _finite(models: list[torch.nn.Module]) -> bool:
    """Say whether every floating weight is finite: one device sync a checkpoint."""
    weights = [
        p.detach() for model in models for p in model.parameters() if p.is_floating_point() and p.numel()
    ]
    if not weights:
        return True
    norms = torch._foreach_norm(weights, float("inf"))
    return bool(torch.isfinite(torch.stack([n.float().to(norms[0].device) for n in norms])).all())
