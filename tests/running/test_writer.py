"""The thread that writes while the training goes on."""

from __future__ import annotations

import threading

import pytest

from nbtrain.running.writer import Writer


def test_the_caller_goes_on_and_takes_the_outcome_later() -> None:
    """Work is done in another thread, the caller is not kept, and what came of it is told once."""
    go_on, where = threading.Event(), []

    def work() -> str:
        assert go_on.wait(60)
        where.append(threading.current_thread())
        return "done"

    writer = Writer("writes")
    writer.begin(work)
    assert writer.busy
    go_on.set()
    outcome = writer.outcome()

    assert (outcome.value, outcome.error) == ("done", None)
    assert where[0] is not threading.current_thread() and where[0].name == "writes"
    assert writer.outcome() is None and not writer.busy


@pytest.mark.parametrize("kind", [OSError, KeyboardInterrupt])
def test_what_it_raises_is_handed_over_and_not_raised(kind: type[BaseException]) -> None:
    """An exception in the thread, of any kind, is part of the outcome."""

    def work() -> None:
        raise kind("the disk")

    writer = Writer("writes")
    writer.begin(work)

    assert isinstance(writer.outcome().error, kind)
    writer.begin(lambda: 3)
    assert writer.outcome().value == 3


def test_a_second_work_before_the_first_was_asked_for_is_refused() -> None:
    """Nothing is lost unseen: who begins anew has taken the outcome before."""
    writer = Writer("writes")
    writer.begin(lambda: 1)

    with pytest.raises(RuntimeError, match="was not taken"):
        writer.begin(lambda: 2)
    assert writer.outcome().value == 1


def test_where_no_thread_is_to_be_had_it_is_done_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that gives no thread costs the pause, not the work."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    writer = Writer("writes")
    writer.begin(lambda: threading.current_thread())

    assert writer.outcome().value is threading.current_thread()
