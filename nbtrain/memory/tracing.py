"""How a peak is found: by a trace of stand-ins; where that cannot be, by two small real steps and a line.

Stand-ins cannot follow a model whose way depends on values, and show nothing of what a kernel keeps in a
form of its own (oneDNN's LSTM on a CPU, cuDNN's on a GPU). There two small batches go through a copy of the
model, and the rest follows from how memory grows with the batch, which is linear.
"""

from __future__ import annotations

import contextlib
import copy
import gc
import io
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from nbtrain.errors import UsageError
from nbtrain.memory.loss import task_of
from nbtrain.memory.setup import Asked, Fake, fake_of, optimizer_of, resized, samples_of
from nbtrain.memory.steps import How, Traced, Unused, told, trace_steps
from nbtrain.memory.storages import CUDA_ROUND, Storage, StorageTracker, same_way
from nbtrain.notebook.rng import preserved_rng
from nbtrain.notebook.stand_in import NoStandIn
from nbtrain.train.rehearsal import in_one_line

SMALL = (2, 4)  # samples of the two real steps
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
    why = _opaque(asked.model)
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
    return _measured(asked, samples or samples_of(asked.batch)), MEASURED, why


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


def _measured(asked: Asked, samples: int) -> Traced:
    """From two small real steps: the size of each allocation along a line in the batch."""
    if samples < 1 or samples_of(asked.batch) < 1:
        raise CannotEstimate("the batch cannot be cut into smaller ones")
    few, more = (_real(asked, count) for count in SMALL)
    if not same_way(few, more):
        raise CannotEstimate(f"batches of {SMALL[0]} and {SMALL[1]} take different ways through the model")
    share = (samples - SMALL[0]) / (SMALL[1] - SMALL[0])
    for one, larger in zip(few, more, strict=True):
        one.size = max(0, round(one.size + share * (larger.size - one.size)))
    return told(few)


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
