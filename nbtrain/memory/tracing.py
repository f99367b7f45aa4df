"""How a peak is found: by a trace of stand-ins; where that cannot be, by small real steps.

Stand-ins show nothing of what a kernel keeps in a form of its own (oneDNN's LSTM on a CPU, cuDNN's on a GPU).
There two small batches go through a copy of the model, and the rest follows from how memory grows with the
batch, which is linear. Nor can they follow a model whose way or shapes depend on values: a few samples are no
measure of what many do there, so that the batch itself is measured where memory and time allow.
"""

from __future__ import annotations

import contextlib
import copy
import gc
import io
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from nbtrain.errors import UsageError
from nbtrain.memory.device import free_on
from nbtrain.memory.loss import task_of
from nbtrain.memory.setup import Asked, Fake, fake_of, optimizer_of, resized, samples_of
from nbtrain.memory.steps import How, Traced, Unused, told, trace_steps
from nbtrain.memory.storages import CUDA_ROUND, Storage, StorageTracker, same_way
from nbtrain.notebook.rng import preserved_rng
from nbtrain.notebook.stand_in import NoStandIn
from nbtrain.train.rehearsal import in_one_line

SMALL = (2, 4)  # samples of the two real steps
MOST_SHARE, MOST_CPU_S = 0.5, 30.0  # of the free memory; CPU seconds of all real steps of one estimate
TRACED, MEASURED = "traced", "measured"


class CannotEstimate(Exception):
    """Neither way gave a number; the message says why, in a clause."""


def find_peak(asked: Asked, samples: int | None = None) -> tuple[Traced, str, str]:
    """Return what two steps hold, how that was found, and why not by a trace ("" where it was).

    Args:
        samples: in a micro-batch; None as the batch at hand.

    Raises:
        CannotEstimate: the model fails on its batch; says how.
    """
    why = opaque = _opaque(asked.model)
    if not why:
        try:
            try:
                return _traced(fake_of(asked, samples), asked), TRACED, ""
            except Unused:
                return _traced(fake_of(asked, samples), asked, made_up=False), TRACED, ""
        except UsageError:
            raise
        except NoStandIn as error:
            why = str(error)
        except Exception as error:
            why = _in_words(error)
    return _measured(asked, samples or samples_of(asked.batch), by_values=not opaque), MEASURED, why


def _opaque(model: nn.Module) -> str:
    """Say which layers keep memory that stand-ins do not show; "" where there are none."""
    for module in model.modules():
        if isinstance(module, nn.LSTM) and torch.backends.mkldnn.is_available():
            return "the kernel of nn.LSTM keeps a workspace of its own"
        if isinstance(module, nn.RNNBase) and torch.cuda.is_available():
            return f"the kernel of nn.{type(module).__name__} keeps a workspace of its own"
    return ""


def _in_words(error: Exception) -> str:
    name = type(error).__name__
    if name in ("DataDependentOutputException", "GuardOnDataDependentSymNode"):
        return "a value decides what the model does"
    if name == "DynamicOutputShapeException":
        return "a shape depends on values"
    return f"stand-ins do not go through it ({in_one_line(error)})"


def _traced(fake: Fake, asked: Asked, *, made_up: bool = True) -> Traced:
    made_up = made_up and not isinstance(fake.optimizer, torch.optim.LBFGS)
    with _quiet():
        storages = trace_steps(
            fake.model, fake.optimizer, [fake.batch] * asked.accumulate, task=fake.task,
            tracker=StorageTracker(round_to=_rounding(asked), answers=True),
            how=How(_autocast(asked), fake.mode, made_up),
        )  # fmt: skip
    return told(storages)


def _autocast(asked: Asked) -> Any:
    return asked.autocast if asked.dtype is not None else None


def _rounding(asked: Asked) -> int:
    return CUDA_ROUND if asked.device.type == "cuda" else 1


def _measured(asked: Asked, samples: int, *, by_values: bool) -> Traced:
    """From two small real steps: each allocation's size along a line in the batch; or from the batch itself.

    Args:
        by_values: what the model does depends on values.
    """
    if samples < 1 or samples_of(asked.batch) < 1:
        raise CannotEstimate("the batch cannot be cut into smaller ones")
    few, more = (_tried(asked, size)[0] for size in SMALL)
    same, failed = same_way(few, more), None
    if by_values or not same:
        most = told(more).peak * max(1, samples / SMALL[1])  # as though all of it grew
        free = free_on(_home(asked.model))
        takes_s = asked.trials.spent_s + _tried(asked, SMALL[1])[1] * samples / SMALL[1]
        if (free is None or most < MOST_SHARE * free) and takes_s < MOST_CPU_S:
            try:
                return replace(told(_tried(asked, samples)[0]), measured=(samples,))
            except CannotEstimate as error:  # no memory after all; small ones went through
                failed = error
    if not same:
        raise failed or CannotEstimate(
            f"batches of {SMALL[0]} and {SMALL[1]} take different ways through the model, and one of "
            f"{samples} is too large to be tried"
        )
    share = (samples - SMALL[0]) / (SMALL[1] - SMALL[0])
    for one, larger in zip(few, more, strict=True):
        one.size = max(0, round(one.size + share * (larger.size - one.size)))
    return replace(told(few), measured=SMALL)


def _home(model: nn.Module) -> torch.device:
    return next((p.device for p in model.parameters()), torch.device("cpu"))


def _tried(asked: Asked, samples: int) -> tuple[list[Storage], float]:
    """What two real steps allocated, the caller's to change, and the CPU seconds they took; taken once."""
    trials, key = asked.trials, (asked.accumulate, asked.dtype, samples)
    if key not in trials.runs:
        began = time.process_time()  # a machine that is busy elsewhere counts less
        ran: list[Storage] | CannotEstimate
        try:
            ran = _real(asked, samples)
        except CannotEstimate as error:
            ran = error
        took_s = time.process_time() - began
        trials.spent_s += took_s
        trials.runs[key] = ran, took_s
    ran, took_s = trials.runs[key]
    if isinstance(ran, CannotEstimate):
        raise ran
    return [copy.copy(one) for one in ran], took_s


def _real(asked: Asked, samples: int) -> list[Storage]:
    """Two steps of a copy of the model with a small batch."""
    with preserved_rng(), _quiet():
        try:
            model = copy.deepcopy(asked.model)
            batch = resized(asked.batch, samples)
            task = task_of(model, asked.criterion, batch)
            pairs = zip(asked.model.parameters(), model.parameters(), strict=True)
            optimizer = optimizer_of(asked, {id(theirs): ours for theirs, ours in pairs})
            return trace_steps(
                model, optimizer, [batch] * asked.accumulate, task=task,
                tracker=StorageTracker(round_to=_rounding(asked)),
                how=How(_autocast(asked)),
            )  # fmt: skip
        except UsageError:
            raise
        except Exception as error:
            raise CannotEstimate(f"the model fails on a batch of {samples}: {in_one_line(error)}") from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without prints and warnings, and with cycles collected at no odd moment: lives end where they end."""
    collects = gc.isenabled()
    gc.disable()
    try:
        with _silent():
            yield
    finally:
        if collects:
            gc.enable()


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
