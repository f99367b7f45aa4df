"""The start bar asks once, starts once, and shows a refusal."""

from __future__ import annotations

from recording import from_page

from nbtrain.errors import UsageError
from nbtrain.widgets.confirm import StartBar


def test_a_click_starts_once() -> None:
    """The callable is called by the first click only, and what it returns is shown."""
    calls: list[int] = []

    def start() -> str:
        calls.append(1)
        return "Running as digits-1."

    bar = StartBar(start, "Is this right?")
    from_page(bar, {"type": "start"})
    from_page(bar, {"type": "start"})

    assert calls == [1]
    assert (bar.question, bar.phase, bar.note) == ("Is this right?", "started", "Running as digits-1.")


def test_a_refusal_is_shown_and_the_button_stays() -> None:
    """What starting raises is shown in the bar; a second click tries again."""
    answers = iter([UsageError("A run trains this model."), None])

    def start() -> None:
        if (problem := next(answers)) is not None:
            raise problem

    bar = StartBar(start, "Is this right?")
    from_page(bar, {"type": "start"})
    assert (bar.phase, bar.note) == ("refused", "A run trains this model.")
    from_page(bar, {"type": "start"})

    assert (bar.phase, bar.note) == ("started", "Started.")


def test_a_retired_bar_starts_nothing() -> None:
    """Once the run was started another way, a click that was still under way does nothing."""
    bar = StartBar(lambda: 1 / 0, "Is this right?")
    bar.retire("Started by %train --yes.")
    from_page(bar, {"type": "start"})

    assert bar.phase == "closed"
