"""nbtrain.log: numbers that a person's code adds to the run it is part of.

Which run that is, is told by the context of the thread: a run sets it where its loop goes on, and code
    anywhere else adds nothing. Imports no torch, so that a script may call it for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from nbtrain.errors import UsageError

_listener: ContextVar[Callable[[Mapping[str, Any]], None] | None] = ContextVar("nbtrain_log", default=None)


def log(**metrics: Any) -> None:
    """Add numbers to the run that follows this loop: `nbtrain.log(accuracy=0.9, val_loss=loss)`.

    They become columns of `run.history` at the step they were logged at, and of `run.epochs`: the mean over
    an epoch, or the last where the name begins with `val`, `valid`, `test` or `eval`. `loss` is the step's
    training loss where none was seen. Outside of a run nothing happens.

    Args:
        **metrics: numbers, or tensors of one element, which are read later, not in the step.

    Raises:
        UsageError: a value is neither.
    """
    listener = _listener.get()
    if listener is not None:
        listener({name: _checked(name, value) for name, value in metrics.items()})


@contextmanager
def heard(listener: Callable[[Mapping[str, Any]], None]) -> Iterator[None]:
    """Give what is logged in the block, on this thread, to `listener`: name -> number or 0-d tensor."""
    before = _listener.get()
    _listener.set(listener)
    try:
        yield
    finally:
        _listener.set(before)  # not reset(token): a block may be left in another context than it was entered


def _checked(name: str, value: Any) -> Any:
    """Return a number, or a tensor's value as a tensor that later steps do not touch."""
    if isinstance(value, (int, float)):  # bool too: right or wrong, averaged over an epoch
        return float(value)
    if callable(getattr(value, "detach", None)) and getattr(value, "numel", lambda: 0)() == 1:
        return value.detach().reshape(()).clone()
    try:
        return float(value)  # numpy's scalars, Decimal
    except (TypeError, ValueError):
        raise UsageError(
            f"nbtrain.log({name}=...) was given a {type(value).__name__}; it takes numbers and tensors of "
            "one element.",
            suggestion=f"For example nbtrain.log({name}=value.mean()).",
        ) from None
