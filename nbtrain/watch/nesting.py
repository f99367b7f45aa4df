"""Steps within steps: an optimizer that wraps another, or that calls its base class, counts once."""

from __future__ import annotations

from types import FrameType


class Nesting:
    """The optimizer steps under way, outermost first, each by the frame of torch's wrapper around it.

    A step that an exception has left gets no post hook; it is told by its frame, which is no longer there.
    """

    def __init__(self) -> None:
        self._frames: list[int] = []

    def enter(self, frame: FrameType) -> bool:
        """Begin a step; say whether it is an outermost one."""
        if self._frames:
            alive = set()
            outer = frame.f_back
            while outer is not None:
                alive.add(id(outer))
                outer = outer.f_back
            while self._frames and self._frames[-1] not in alive:
                self._frames.pop()
        self._frames.append(id(frame))
        return len(self._frames) == 1

    def leave(self, frame: FrameType) -> bool:
        """End a step; say whether it was an outermost one."""
        while self._frames and self._frames.pop() != id(frame):
            pass
        return not self._frames
