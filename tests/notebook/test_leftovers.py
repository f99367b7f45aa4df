"""Letting go of a failed call's memory: every holder, chained exceptions, and what is the person's own."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from nbtrain.notebook.leftovers import free, let_go

MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module", autouse=True)
def little_to_search() -> None:
    """Keep what earlier tests imported out of the searches for garbage that each test here makes."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def nothing_held() -> Iterator[None]:
    """Begin and end with no last exception of this process."""
    gc.collect()
    free()
    yield
    free()


def failed(*, chained: bool = False) -> tuple[BaseException, weakref.ref[torch.Tensor]]:
    """Fail with a megabyte in a local variable; the exception as a shell would catch it."""

    def inner() -> None:
        batch = torch.zeros(MEGABYTE // 4)
        refs.append(weakref.ref(batch))
        raise ValueError("no memory for this")

    refs: list[Any] = []
    try:
        if not chained:
            inner()
        try:
            inner()
        except ValueError as error:
            raise KeyError("above it") from error
    except Exception as error:
        return error, refs[0]
    raise AssertionError


def hold(error: BaseException) -> None:
    """As Python's own display of an uncaught exception does."""
    sys.last_exc = sys.last_value = error
    sys.last_type, sys.last_traceback = type(error), error.__traceback__


@pytest.mark.parametrize("chained", [False, True])
def test_a_failed_calls_tensors_come_back(chained: bool) -> None:
    """What only the last traceback holds is gone afterwards, also through chained ones, and is counted."""
    error, batch = failed(chained=chained)
    hold(error)
    del error
    assert batch() is not None

    freed = free()

    assert batch() is None
    assert (freed.tensors, freed.tensor_bytes, freed.had_traceback) == (1, MEGABYTE, True)
    assert str(freed) == "Let go of 1 tensor, 1.0 MiB. %debug has nothing to look at any more."
    assert not hasattr(sys, "last_traceback") and not hasattr(sys, "last_exc")


def test_a_group_of_exceptions_is_let_go_whole() -> None:
    """The members of an ExceptionGroup hold frames too."""
    if sys.version_info < (3, 11):
        pytest.skip("there are no exception groups before 3.11")
    (one, first), (other, second) = failed(), failed(chained=True)
    group = ExceptionGroup("two", [one, other])  # noqa: F821 - newer than the oldest Python that is targeted
    del one, other
    assert let_go([group])

    gc.collect()
    assert first() is None and second() is None


def test_what_your_variables_hold_stays() -> None:
    """A tensor that a variable holds beside the traceback is not counted and not touched."""
    error, batch = failed()
    hold(error)
    del error
    mine = batch()
    freed = free()

    assert batch() is mine and freed.tensors == 0 and freed.tensor_bytes == 0
    assert freed.had_traceback


def test_nothing_to_let_go_of_is_said() -> None:
    """Without a failure nothing happens, and that is what is said."""
    freed = free()

    assert not freed.had_traceback
    assert str(freed) == "No failed cell is held: nothing to let go of."


def test_views_are_counted_once() -> None:
    """Tensors that share memory are counted once; memory that another one still uses is not counted."""

    def fail() -> None:
        base = torch.zeros(MEGABYTE // 4)
        halves = base[: MEGABYTE // 8], base[MEGABYTE // 8 :]
        shared = keep[0][1:]
        raise ValueError(len(halves) + len(shared))

    keep = [torch.zeros(MEGABYTE)]
    try:
        fail()
    except ValueError as error:
        hold(error)
    freed = free()

    assert (freed.tensors, freed.tensor_bytes) == (4, MEGABYTE)


def test_a_frame_that_still_runs_is_left_alone() -> None:
    """Called while an exception is handled, it clears what is over and leaves the running function whole."""
    mine = torch.ones(3)
    try:
        raise ValueError
    except ValueError as error:
        hold(error)
        free()
    assert mine.sum() == 3


def test_a_lazy_model_in_memory_does_no_harm() -> None:
    """Parameters that have no values yet are passed over."""
    lazy = torch.nn.LazyLinear(3)

    assert isinstance(free().tensor_bytes, int)
    assert "Uninitialized" in type(lazy.weight).__name__
