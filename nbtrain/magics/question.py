"""The question under a plan: its Start button, and who keeps the plan until it is answered.

The widget library keeps every widget, so the button must not hold the run; but a plan shown by a bare
`%train` is bound to no name, so somebody has to. The question does, and of all questions only the newest:
an older one is closed, and its model and data can go.
"""

from __future__ import annotations

import weakref
from typing import Any

from nbtrain.errors import UsageError
from nbtrain.magics.place import Place

QUESTION = "Does this configuration look correct? Any changes?"
LET_GO = "A newer plan took its place: run %train again for this one."
_open: list[Question] = []  # at most one


class Question:
    """Ask in this cell whether the run shall start.

    Args:
        run: a planned run, kept until it starts or the question is closed.

    Attributes:
        answer: what stands in the question's place once it is closed.
    """

    def __init__(self, run: Any) -> None:
        from nbtrain.widgets.confirm import StartBar

        close_open(LET_GO)
        self._run = run
        self.bar = StartBar(_starter(weakref.ref(self)), QUESTION)
        shown = self.bar._repr_mimebundle_()
        data, metadata = shown if isinstance(shown, tuple) else (shown or {}, {})
        self.place = Place({**data, "text/plain": f"{QUESTION} Not started yet."}, metadata)
        self.answer = ""
        _open.append(self)

    def start(self) -> None:
        """Start the run, as the button does.

        Raises:
            UsageError: the question was closed, or the run refuses to start.
        """
        if self._run is None:
            raise UsageError(LET_GO)
        self._run.start()

    def close(self, note: str) -> None:
        """Take the button away, say why, and let go of the run. A later note takes an earlier one's place."""
        self._run = None
        if self in _open:
            _open.remove(self)
        self.answer = f"{QUESTION} {note}"
        self.bar.retire(note)
        self.place.fill({"text/plain": self.answer})


def close_open(note: str) -> None:
    """Close the question that is still open, if one is."""
    for question in list(_open):
        question.close(note)


def _starter(question: weakref.ref[Question]) -> Any:
    def start() -> None:
        asked = question()
        if asked is None:
            raise UsageError(LET_GO)
        asked.start()

    return start
