"""Batches on their way to the GPU while it still computes the step before.

What it does: a batch is copied from pinned memory on a stream of its own, and the step waits for it on the
device, not on the host. No batch is drawn earlier than without it: the host is ahead of the device anyway, so
order, random draws and the position that checkpoints note stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from nbtrain.train.fast.candidate import SAME, Candidate, Scene, Setting


def unfit(scene: Scene) -> str:
    """CUDA alone."""
    return "" if scene.device.type == "cuda" else "no CUDA"


def change(setting: Setting, scene: Scene) -> Setting:
    """Send the batches of a step ahead."""
    inner, send = setting.arrange, sender(scene.device)

    def arrange(group: Sequence[Any]) -> Sequence[Any]:
        return send(group if inner is None else inner(group))

    return replace(setting, arrange=arrange)


def sender(device: torch.device) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """Return what copies the batches of a step to `device` on a stream of its own."""
    aside = torch.cuda.Stream(device)

    def send(group: Sequence[Any]) -> Sequence[Any]:
        here = torch.cuda.current_stream(device)
        sent: list[Tensor] = []
        with torch.cuda.stream(aside):
            moved = [_sent(batch, device, sent) for batch in group]
        here.wait_stream(aside)
        for tensor in sent:
            tensor.record_stream(here)  # else its memory could be given away while the step still reads it
        return moved

    return send


def _sent(part: Any, device: torch.device, sent: list[Tensor]) -> Any:
    if isinstance(part, Tensor):
        if part.device == device:
            return part
        pinned = part if part.is_pinned() or part.device.type != "cpu" else part.pin_memory()
        sent.append(pinned.to(device, non_blocking=True))
        return sent[-1]
    if isinstance(part, Mapping) and type(part) is dict:
        return {key: _sent(value, device, sent) for key, value in part.items()}
    if type(part) in (tuple, list):
        return type(part)(_sent(value, device, sent) for value in part)
    return part  # moved by the step itself


CANDIDATE = Candidate("prefetch", "pinned prefetching", 15, SAME, unfit, change)
