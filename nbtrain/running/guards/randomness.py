"""Keep what cells draw apart from what runs draw, for as long as a run lives.

Who draws from what, with `guard="on"`:

    a run                            torch's own generators, as a loop by hand would; from where they stand
    the notebook's cells             a stream of their own, split off at that moment, the same for the same
                                     seed
    a run started while one lives    a stream of its own, from where the notebook's stands

When the last run ends, torch's own generators are put where the notebook's stream stands: what cells draw
does not depend on when a run ends. With `guard="detect"` nothing is kept apart; what a cell draws is noted.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from nbtrain.running.guards import draws, streams
from nbtrain.running.guards.holding import held

HOLD_SECONDS = 10.0  # a draw that cannot be kept apart otherwise waits so long for a step boundary

_guards: list[RandomGuard] = []
_lock = threading.RLock()


class RandomGuard:
    """The part of one run in keeping streams apart.

    Args:
        mode: "on", "detect" or "off". control: the run's mailbox.
        tell: told in detect mode what a cell drew or seeded: the op's name.
        as_plain_code: where no cell drew meanwhile, cells go on from where the run ended, as after the same
            code in a cell.
    """

    def __init__(
        self, mode: str, control: Any, tell: Callable[[str], None], *, as_plain_code: bool = False
    ) -> None:
        self.mode, self.control, self._as_plain_code = mode, control, as_plain_code
        self._tell = tell
        self._stream: streams.Stream | None = None
        self._has_own = False  # torch's own generators are this run's
        self.refused = False  # this torch does not let draws be seen

    def begin(self) -> None:
        """Settle who draws from what; called in the notebook's thread, before the training thread starts."""
        if self.mode == "off":
            return
        if not draws.install():
            self.refused = True
            return
        with _lock:
            if self.mode == "on":
                self._share_out()
            else:
                streams._now.onlookers.append(self._tell)
            _guards.append(self)
        streams.mark_thread()

    def _share_out(self) -> None:
        states = streams.states_here()
        if any(other._has_own for other in _guards):
            self._stream = streams.Stream(states.get)
        else:
            self._has_own = True
            for device, state in states.items():
                streams.default_of(device).set_state(state)

        def after(device: streams.Device) -> Any:
            known = states.get(device)  # None: CUDA was not in use then
            state = known if known is not None else streams.default_of(device).get_state()
            return streams.split(device, state)

        if streams._now.notebook is None:
            streams._now.notebook = streams.Stream(after)
        else:
            streams._now.notebook.begin_anew(after)
        for device in states:
            streams._now.notebook.generator(device)

    @contextmanager
    def training(self) -> Iterator[None]:
        """Draw from the run's stream in the block; called in the training thread."""
        with streams.drawing_from(self._stream):
            yield

    def end(self) -> None:
        """Give back what was shared out; called when the training thread is over. Twice does nothing."""
        with _lock:
            if self not in _guards:
                return
            _guards.remove(self)
            goes_on, self._has_own, self._stream = self._has_own and self._as_plain_code, False, None
            if self._tell in streams._now.onlookers:
                streams._now.onlookers.remove(self._tell)
            if not any(other.mode == "on" for other in _guards):
                _give_back(unless_untouched=goes_on)
            if not _guards:
                streams.unroute()


def _give_back(*, unless_untouched: bool) -> None:
    notebook = streams._now.notebook
    if notebook is None:
        return
    with notebook.lock:  # a draw that waits for it goes on from torch's own generators
        if not (unless_untouched and notebook.untouched()):
            for device, state in notebook.states().items():
                streams.default_of(device).set_state(state)
        notebook.over = True
        streams._now.notebook = None


@contextmanager
def _hold_runs() -> Iterator[None]:
    with ExitStack() as holding:
        for guard in list(_guards):
            if guard._has_own:
                holding.enter_context(held(guard.control, HOLD_SECONDS))
        yield


draws.hold_runs = _hold_runs


def join_this_thread() -> None:
    """Treat what this thread draws as the notebook's, while a run lives; cheap when none does."""
    if streams.in_use():
        streams.mark_thread()


def _after_fork() -> None:
    """In a child process no run lives on; a lock that another thread held stays held there for ever."""
    global _lock
    _lock = threading.RLock()
    for guard in _guards:
        if guard._stream is not None:
            guard._stream.lock = threading.RLock()
    if streams._now.notebook is not None:
        streams._now.notebook.lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
