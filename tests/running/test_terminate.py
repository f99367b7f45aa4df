"""Who handles SIGTERM, and when; what a process does with it is in tests/train/test_exit.py."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from nbtrain.running import terminate


@pytest.fixture(autouse=True)
def handler_of_before() -> Iterator[None]:
    """Put SIGTERM back to what pytest has."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)
    terminate._before = None


class Living:
    """A run that ends when it is asked to, from another thread."""

    is_over = False

    def end(self, reason: str) -> None:
        self.reason, self.is_over = reason, True
        self.thread = threading.current_thread()


def mine(number: int, frame: Any) -> None:
    told.append(number)


told: list[int] = []


def test_the_handler_is_there_only_while_a_run_lives() -> None:
    """The person's handler is replaced while a run lives, called after ours, and put back afterwards."""
    told.clear()
    signal.signal(signal.SIGTERM, mine)
    run, runs = Living(), []
    runs.append(run)
    terminate.watch(lambda: runs)
    terminate.put_back()
    assert signal.getsignal(signal.SIGTERM) is not mine
    signal.raise_signal(signal.SIGTERM)

    assert run.is_over and "SIGTERM" in run.reason and run.thread is not threading.main_thread()
    assert told == [signal.SIGTERM]
    runs.clear()
    terminate.put_back()
    assert signal.getsignal(signal.SIGTERM) is mine


def test_a_handler_put_in_later_stays() -> None:
    """A handler that the person installs while a run lives is not taken out at the run's end."""
    terminate.watch(lambda: ())
    signal.signal(signal.SIGTERM, mine)
    terminate.put_back()

    assert signal.getsignal(signal.SIGTERM) is mine


def test_who_ignores_the_signal_goes_on_ignoring_it() -> None:
    """A process that ignores SIGTERM is left alone."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    terminate.watch(lambda: ())

    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN


def test_another_thread_asks_the_main_one() -> None:
    """A run that is started in another thread has the main thread listen, where there is a way to ask it."""
    asked: list[Any] = []
    terminate.in_main_thread = asked.append
    thread = threading.Thread(target=terminate.watch, args=(lambda: (),))
    thread.start()
    thread.join()
    terminate.in_main_thread = None
    before = signal.getsignal(signal.SIGTERM)
    (ask,) = asked
    ask()

    assert signal.getsignal(signal.SIGTERM) is not before
