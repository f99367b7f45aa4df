"""How a search looks in a notebook: a board that is drawn anew while it runs, then its picture and report."""

from __future__ import annotations

import time
import weakref
from functools import partial
from typing import Any

from IPython import get_ipython
from IPython.display import display

from nbtrain.errors import UsageError
from nbtrain.magics.place import Place
from nbtrain.magics.surroundings import in_colab, nobody_here
from nbtrain.report.figures import draw

LEAST_S = 2.0  # between two drawings of the board, at least
SHARE = 20  # and this many times what drawing it took: at most a twentieth of the kernel's time
WIDTH = 900  # of the picture, in the page's pixels
POLL_S = 0.2
QUESTION = "Searching. A trial that is stopped is taken up again by --resume."


def show_search(search: Any, *, wait: bool = False) -> None:
    """Show a search in this cell as this place allows; start it where it has not begun."""
    if str(search.status) == "planned":
        search.start()
    if search.is_over:
        show_still(search)
    elif nobody_here(get_ipython()):
        _wait_with_lines(search)
    elif in_colab():
        _wait_with_board(search)
    else:
        SearchView(search)
        if wait:
            search.wait()


class SearchView:
    """A search's place in a cell: board and Stop button, then picture and report. Holds no search."""

    def __init__(self, search: Any) -> None:
        from nbtrain.widgets.confirm import StartBar

        self._board = Place(_live(search))
        asked = weakref.ref(search)
        self._bar = StartBar(
            partial(_stop, asked),
            QUESTION,
            label="Stop the search",
            icon="stop",
            busy="Stopping at the next step…",
        )
        shown = self._bar._repr_mimebundle_()
        data, metadata = shown if isinstance(shown, tuple) else (shown or {}, {})
        self._question = Place({**data, "text/plain": QUESTION}, metadata)
        self._report = Place({"text/plain": ""})
        self._bar.places = partial(_places, weakref.WeakMethod(self._contents), asked)
        self._due = time.monotonic() + LEAST_S
        search.watchers.append(self)

    def update(self, search: Any) -> None:
        """Draw the board anew when it is time; put picture and report in its place at the end."""
        if str(search.status) in ("planned", "running"):
            began = time.monotonic()
            if began >= self._due:
                self._board.fill(_live(search))
                self._due = time.monotonic() + max(LEAST_S, SHARE * (time.monotonic() - began))
            return
        self._bar.retire(f"The search is over ({search.status}).")
        self._question.fill({"text/plain": ""})
        self._board.fill(*picture(search))
        self._report.fill(_after(search))

    def _contents(self, search: Any) -> list[dict[str, Any]]:
        """What the places show now, for a page that has missed it."""
        if str(search.status) in ("planned", "running"):
            return [self._board.as_output(_live(search))]
        return [
            self._board.as_output(*picture(search)), self._question.as_output({"text/plain": ""}),
            self._report.as_output(_after(search)),
        ]  # fmt: skip


def picture(search: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return data and metadata of the picture that stays in every kind of saved notebook."""
    figure = search.figure()
    metadata = {"image/png": {"width": WIDTH, "alt": figure.alt}}
    return {"image/png": draw(figure), "text/plain": figure.alt}, metadata


def show_still(search: Any) -> None:
    """Show a search as picture and report, as it stands."""
    data, metadata = picture(search)
    display(data, metadata=metadata, raw=True)
    display(_after(search), raw=True)


def _live(search: Any) -> dict[str, Any]:
    return search.report()._repr_mimebundle_()


def _after(search: Any) -> dict[str, Any]:
    return search.report(figures=False)._repr_mimebundle_()


def _places(contents: Any, asked: weakref.ref[Any]) -> list[dict[str, Any]]:
    shown, search = contents(), asked()
    return [] if shown is None or search is None else shown(search)


def _stop(asked: weakref.ref[Any]) -> str:
    search = asked()
    if search is None or search.is_over:
        raise UsageError("This search is over.")
    search.stop()
    return "Stopping at the next step."


def _wait_with_lines(search: Any) -> None:
    """Block until it is over, printing a line a trial. An interrupt stops it; a second one raises."""
    print(f"Searching in {search.dir}; the cell waits until it is over.")
    told: set[int] = set()

    def look() -> None:
        lines = search.lines(told)
        told.update(lines)
        for line in lines.values():
            print(line)

    _until_over(search, look)
    show_still(search)


def _wait_with_board(search: Any) -> None:
    """Block until it is over with its board drawn from the main thread, where threads' updates do not
    show.
    """
    board = Place(_live(search))
    due = [time.monotonic() + LEAST_S]

    def look() -> None:
        if time.monotonic() >= due[0]:
            began = time.monotonic()
            board.fill(_live(search))
            due[0] = time.monotonic() + max(LEAST_S, SHARE * (time.monotonic() - began))

    _until_over(search, look)
    board.fill(*picture(search))
    display(_after(search), raw=True)


def _until_over(search: Any, look: Any) -> None:
    asked = False
    while not search.is_over:
        try:
            look()
            time.sleep(POLL_S)
        except KeyboardInterrupt:
            if asked:
                raise
            asked = True
            print("Interrupted: stopping at the next step. Once more to leave at once.")
            search.stop()
    look()
