"""What a checkpoint holds beside the weights, and how a run is put back to it.

    {"optimizer", "scheduler", "scaler"}    their state_dicts
    {"counters", "best", "judged"}          where the run stands and what was measured
    {"epoch"}                               the epoch's sums so far, so that its row comes out the same
    {"feed", "rng"}                         the position in the data, every random generator
    {"modes", "attributes"}                 train or eval of each module, what modules count in attributes
    {"criterion"}                           the loss's own weights and buffers, where it has some
    {"callbacks"}                           what early stopping has seen
    {"fingerprint"}                         machine, libraries, data: what exactness rests on
    {"clean"}                               False where an exception inside a step led to the save

All of it is plain data, loadable with `weights_only=True`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from nbtrain.running.state import State
from nbtrain.runs.fingerprint import machine
from nbtrain.runs.generators import find_generators, put_states, states_of
from nbtrain.runs.rng import capture_rng, restore_rng
from nbtrain.telemetry.recorder import Recorder
from nbtrain.train.attributes import Attributes
from nbtrain.train.data import batches_of, samples_of
from nbtrain.train.events import Callbacks
from nbtrain.train.feed import Feed
from nbtrain.train.fit_check import named_as_here
from nbtrain.train.step import Stepper
from nbtrain.train.work import Work

FORMAT = 2
_COUNTERS = (
    "step", "epoch", "batch", "samples", "tokens", "train_s", "paused_s", "wait_s", "first_wait_s",
)  # fmt: skip


@dataclass
class Parts:
    """The parts of a run that have a state, beside model, optimizer and scheduler, which are in `work`."""

    work: Work
    state: State
    stepper: Stepper
    recorder: Recorder
    feed: Feed
    callbacks: Callbacks
    fingerprint: dict[str, Any] = field(default_factory=dict)  # taken once, in the training thread

    def __post_init__(self) -> None:
        self.attributes = {"model": Attributes(self.work.model), "criterion": Attributes(self.work.criterion)}


def capture(parts: Parts, *, clean: bool = True) -> dict[str, Any]:
    """Return everything but the weights, as of this step; tensors are the living ones, not copies."""
    work, state, scaler = parts.work, parts.state, parts.stepper.scaler
    scheduler, tally = work.scheduler, parts.stepper.tally
    parts.fingerprint = parts.fingerprint or fingerprint(work)
    return {
        "format": FORMAT,
        "optimizer": work.optimizer.state_dict(),
        "scheduler": scheduler.state_dict() if hasattr(scheduler, "state_dict") else None,
        "scaler": scaler.state_dict() if scaler is not None else None,
        "counters": {
            **{name: getattr(state, name) for name in _COUNTERS},
            "elapsed_s": time.monotonic() - state.started,
        },
        "best": {
            "val_loss": state.best_val_loss,
            "step": state.best_val_step,
            "epoch": state.best_val_epoch,
        },
        "judged": {"step": state.judged_step, "values": dict(state.judged or {})},
        "epoch": {
            "in": state.in_epoch,
            "row": dict(state.row) if state.row else None,
            "from": list(state.epoch_from),
            "time_s": state.epoch_time_s,
            "sums": parts.recorder.epoch_sums(),
            "hits": list(tally.counts()) if tally is not None else None,
        },
        "feed": parts.feed.state_dict(state.epoch, state.batch, within=state.in_epoch),
        "validation": states_of(find_generators(work.val_loader)),
        "rng": capture_rng(),
        "modes": {name: module.training for name, module in work.model.named_modules()},
        "attributes": {role: one.state_dict() for role, one in parts.attributes.items()},
        "criterion": criterion.state_dict() if isinstance(criterion := work.criterion, nn.Module) else None,
        "callbacks": parts.callbacks.state_dict(),
        "seed": work.options.seed,
        "fingerprint": parts.fingerprint,
        "clean": clean,
        "saved_at": time.time(),
    }


def fingerprint(work: Work) -> dict[str, Any]:
    """Return what the exactness of a resumed run rests on."""
    loader, options = work.train_loader, work.options
    sampler = getattr(loader, "sampler", None)
    return {
        **machine(work.device),
        "precision": work.precision.name,
        "accumulate": options.accumulate,
        "clip": options.clip or 0.0,
        "loader": type(loader).__name__,
        "sampler": type(sampler).__name__ if sampler is not None else None,
        "batch_size": getattr(loader, "batch_size", None),
        "drop_last": getattr(loader, "drop_last", None),
        "batches": batches_of(loader),
        "samples": samples_of(loader),
        "optimizer": type(work.optimizer).__name__,
        "scheduler": type(work.scheduler).__name__ if work.scheduler is not None else "none",
        **(work.chosen.marks if work.chosen is not None else {"fast": []}),
        "parameters": [[name, list(p.shape), str(p.dtype)] for name, p in work.model.named_parameters()],
    }


def put_back(parts: Parts, model_state: Mapping[str, Any], saved: Mapping[str, Any]) -> None:
    """Put model, optimizer, scheduler, counters, sums and callbacks back; generators and data are `rewind`'s.

    Everything was compared before (`nbtrain.train.resume`): what is loaded here fits.
    """
    work, state = parts.work, parts.state
    work.model.load_state_dict(named_as_here(work.model, model_state))
    if isinstance(work.criterion, nn.Module) and saved.get("criterion"):
        work.criterion.load_state_dict(saved["criterion"])
    for role, state_of_role in saved.get("attributes", {}).items():
        parts.attributes[role].load_state_dict(state_of_role)
    for name, module in work.model.named_modules():
        module.training = saved.get("modes", {}).get(name, module.training)
    _load_optimizer(work.optimizer, _as_made(work.optimizer, saved))
    kind = type(work.scheduler).__name__
    same = saved.get("fingerprint", {}).get("scheduler", kind) == kind
    if work.scheduler is not None and saved["scheduler"] is not None and same:
        work.scheduler.load_state_dict(saved["scheduler"])
    if parts.stepper.scaler is not None and saved["scaler"] is not None:
        parts.stepper.scaler.load_state_dict(saved["scaler"])
    counters, best = saved["counters"], saved["best"]
    for name in _COUNTERS:
        setattr(state, name, counters.get(name, getattr(state, name)))
    state.started = time.monotonic() - counters.get("elapsed_s", 0.0)
    state.best_val_loss, state.best_val_step = best["val_loss"], best["step"]
    state.best_val_epoch = best.get("epoch", 0)
    if judged := saved.get("judged"):
        state.judged_step, state.judged = judged["step"], judged["values"] or None
    if epoch := saved.get("epoch"):
        state.in_epoch, state.row = epoch["in"], epoch["row"]
        state.epoch_from = tuple(epoch["from"])
        state.epoch_began = time.monotonic() - epoch["time_s"], state.paused_s
        parts.recorder.put_epoch_sums(epoch["sums"])
        if parts.stepper.tally is not None and epoch["hits"] is not None:
            parts.stepper.tally.put_counts(*epoch["hits"])
    parts.callbacks.load_state_dict(saved.get("callbacks", {}))


def rewind(parts: Parts, saved: Mapping[str, Any], go_on: Callable[[], bool]) -> list[str]:
    """Find the position in the data again and put every random generator back, in the training thread.

    Args:
        go_on: asked while data is read again; False breaks it off.

    Returns:
        What could not be put back, as sentences.
    """
    if "feed" not in saved:
        return restore_rng(saved["rng"])
    missing = parts.feed.rewind(saved["feed"], saved["rng"], go_on)
    lost = put_states(find_generators(parts.work.val_loader), saved["validation"])
    return missing + [f"The validation data carries no generator at `{way}` any more." for way in lost]


def _as_made(optimizer: Any, saved: Mapping[str, Any]) -> Any:
    """The saved optimizer, fused only where the person's is: `--fast` fuses it for a run, not for good."""
    if "fused" not in saved.get("fingerprint", {}).get("fast", ()):
        return saved["optimizer"]
    groups = [
        {**group, "fused": here.get("fused")}
        for group, here in zip(saved["optimizer"]["param_groups"], optimizer.param_groups, strict=True)
    ]
    return {**saved["optimizer"], "param_groups": groups}


def _load_optimizer(optimizer: Any, saved: Mapping[str, Any]) -> None:
    """Load an optimizer's state with the dtypes it was saved with.

    torch casts state to the dtype of its parameter: float32 moments of bfloat16 weights would be rounded.
    """
    optimizer.load_state_dict(saved)
    if not hasattr(optimizer, "state"):
        return
    order = [p for group in optimizer.param_groups for p in group["params"]]
    numbers = [number for group in saved["param_groups"] for number in group["params"]]
    for number, parameter in zip(numbers, order, strict=True):
        held = optimizer.state.get(parameter, {})
        for key, value in saved["state"].get(number, {}).items():
            loaded = held.get(key)
            tensors = isinstance(value, torch.Tensor) and isinstance(loaded, torch.Tensor)
            if tensors and value.dtype != loaded.dtype:
                held[key] = value.to(loaded.device)
