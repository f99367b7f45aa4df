"""Tell what a cell did from what the training itself does all the time."""

from __future__ import annotations

OFTEN = 3  # changes seen at so many looks in a row are the code's own doing


class Habits:
    """Kinds of change seen look after look: the model's forward, the optimizer, a library does them."""

    def __init__(self) -> None:
        self._in_a_row: dict[object, int] = {}
        self._known: set[object] = set()

    def news(self, seen: set[object]) -> set[object]:
        """Take what one look has seen; return what of it may be a cell's doing.

        Two in a row may still be somebody at work in cells; the third says what it is, and from then on it is
        no news.
        """
        self._in_a_row = {kind: self._in_a_row.get(kind, 0) + 1 for kind in seen}
        self._known |= {kind for kind, times in self._in_a_row.items() if times >= OFTEN}
        return seen - self._known

    def known(self, kind: object) -> bool:
        """Say whether this is the training's own doing."""
        return kind in self._known
