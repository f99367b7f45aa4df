"""Replay a step that was left out, under hooks, and put everything back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nbtrain.notebook.rng import preserved_rng
from nbtrain.train.autopsy.backward import BackwardWatch
from nbtrain.train.autopsy.calls import Calls
from nbtrain.train.autopsy.modules import Places
from nbtrain.train.autopsy.tensors import kind_of_bad, named_tensors
from nbtrain.train.autopsy.verdict import (
    REMEDIES,
    Autopsy,
    Course,
    Known,
    backward_verdict,
    forward_verdict,
)
from nbtrain.train.batch import Task, to_device
from nbtrain.train.out_of_memory import is_out_of_memory
from nbtrain.train.untouched import untouched


@dataclass(frozen=True)
class Scene:
    """A step as it was taken.

    Attributes:
        model, task, criterion: as in `nbtrain.train.work.Work`. device: where batches go.
        group: its micro-batches, as the loader gave them. first_batch, epoch: where they stand.
        autocast: makes the forward's context, or None. scaler: a GradScaler, or None.
        rewind: puts the random generators where they were before the step, or None where that is not known.
    """

    model: nn.Module
    task: Task
    criterion: Any
    device: torch.device
    group: Sequence[Any]
    first_batch: int = 1
    epoch: int = 1
    autocast: Callable[[], AbstractContextManager[Any]] | None = None
    scaler: Any = None
    rewind: Callable[[], None] | None = None


def examine(scene: Scene, course: Course) -> Autopsy:
    """Return where the first number of a step that is not finite came from.

    The model is where it was before the step, for the step was left out. Gradients, buffers, modes, counters
    and generators are as before when this returns. It needs the memory of one step once more; where that is
    not to be had it says so instead.
    """
    try:
        with preserved_rng(), _uncompiled():
            for place, batch in enumerate(scene.group):
                found = _Replay(scene, course, batch, scene.first_batch + place).run()
                if found is not None:
                    return found
    except Exception as error:
        if is_out_of_memory(error):
            return Autopsy(
                "not-examined", "There is not enough memory to replay the step and see where it began.",
                recommended="look at the batch and the last losses; a smaller batch leaves room for a replay",
            )  # fmt: skip
        return Autopsy(
            "not-examined", f"The replay of the step failed: {type(error).__name__}: {error}",
            recommended=REMEDIES["unknown"],
        )  # fmt: skip
    return Autopsy(
        "unknown", "Replayed, the step was finite: what happened there depends on chance.",
        evidence=course.grown(), recommended=REMEDIES["unknown"],
    )  # fmt: skip


def _uncompiled() -> AbstractContextManager[Any]:
    """Have compiled models run as they are written, where calls are seen; for all threads, a step long."""
    stance = getattr(torch.compiler, "set_stance", None)  # torch 2.6
    return stance("force_eager") if stance is not None else nullcontext()


class _Replay:
    """One micro-batch of the step, forward and backward."""

    def __init__(self, scene: Scene, course: Course, batch: Any, number: int) -> None:
        self._scene, self._course = scene, course
        self._batch = to_device(batch, scene.device)
        self._number = number

    def run(self) -> Autopsy | None:
        """Return what was found; None when everything was finite."""
        with untouched(self._scene.model):
            loss, calls, known = self._forward(keep_all=False)
            if kind := kind_of_bad(loss):
                return forward_verdict(loss, kind, calls.maker(loss), known, self._course)
            del loss, calls
        with untouched(self._scene.model):
            return self._look_at_backward()

    def _look_at_backward(self) -> Autopsy | None:
        loss, calls, known = self._forward(keep_all=True)
        watch = BackwardWatch(calls.of_node)
        with watch.over(loss):
            scaler = self._scene.scaler
            (loss if scaler is None else scaler.scale(loss)).backward()
        bad = self._bad_gradient()
        if not bad:
            return None
        if watch.origin is None:
            what = f"The gradient of `{bad}` is not finite, made of finite ones: their sum overflows."
            return Autopsy("unknown", what, self._course.grown(), REMEDIES["learning-rate"], "backward", bad)
        del loss
        in_float32 = self._scene.autocast is not None and self._finite_without_autocast()
        return backward_verdict(watch.origin, known, self._course, in_float32=in_float32)

    def _bad_gradient(self) -> str:
        named = self._scene.model.named_parameters()
        return next((name for name, p in named if kind_of_bad(p.grad)), "")

    def _forward(self, *, keep_all: bool) -> tuple[Tensor, Calls, Known]:
        scene = self._scene
        roots = {"model": scene.model}
        if isinstance(scene.criterion, nn.Module):
            roots["loss"] = scene.criterion
        places = Places(roots, lambda *seen: calls.note_module(*seen))
        calls = Calls(lambda: places.now, keep_all=keep_all)
        if scene.rewind is not None:
            scene.rewind()
        context = scene.autocast if scene.autocast is not None else nullcontext
        with places.followed(), calls, context(), torch.enable_grad():
            loss, _, _ = scene.task.loss(scene.model, self._batch)
        return loss, calls, self._known(places)

    def _finite_without_autocast(self) -> bool:
        scene = self._scene
        for parameter in scene.model.parameters():
            parameter.grad = None
        if scene.rewind is not None:
            scene.rewind()
        with torch.enable_grad():
            loss, _, _ = scene.task.loss(scene.model, self._batch)
        loss.backward()
        return not self._bad_gradient()

    def _known(self, places: Places) -> Known:
        scene = self._scene
        criterion = scene.criterion
        weights = [*scene.model.named_parameters(), *scene.model.named_buffers()]
        if isinstance(criterion, nn.Module):
            weights += [(f"loss.{name}", one) for name, one in criterion.named_parameters()]
            weights += [(f"loss.{name}", one) for name, one in criterion.named_buffers()]
        name = "" if criterion is None else getattr(criterion, "__name__", "")
        return Known(
            list(named_tensors(self._batch, "batch")), weights, places.kinds,
            loss=f"`{name}`" if name else "",
            batch_name=f"batch {self._number:,} of epoch {scene.epoch:,}",
        )  # fmt: skip
