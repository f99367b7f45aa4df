"""StartBar: the question under a plan, and the button that starts it. Knows nothing of plans or runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anywidget
import traitlets

from nbtrain.errors import NbtrainError
from nbtrain.widgets.bundle import script, style
from nbtrain.widgets.delivery import Complaints, untie_replies


class StartBar(anywidget.AnyWidget):
    """Asks, and calls `on_start` once when the button is pressed.

    Args:
        on_start: called with nothing, in the thread that handles the click (main, or a subshell's while a
            cell runs); returns what to say afterwards, or None. What it raises is shown in the bar and
            the button stays.
        question: what stands beside the button.
        label: what stands on the button. icon: its sign.
        busy: what is said from the press to its answer.

    Attributes:
        places: gives what the displays around the bar show now, for a page that gets no display updates.
    """

    _esm = script("start")
    _css = style("start")
    question = traitlets.Unicode("").tag(sync=True)
    label = traitlets.Unicode("Start training").tag(sync=True)
    icon = traitlets.Unicode("resume").tag(sync=True)
    busy = traitlets.Unicode("Starting…").tag(sync=True)
    note = traitlets.Unicode("").tag(sync=True)
    phase = traitlets.Enum(("asking", "starting", "refused", "started", "closed"), "asking").tag(sync=True)

    def __init__(
        self, on_start: Callable[[], Any], question: str, *, label: str = "Start training",
        busy: str = "Starting…", icon: str = "resume",
    ) -> None:  # fmt: skip
        self._on_start = on_start
        self.places: Callable[[], Any] = list
        self._complaints = Complaints("The start bar")
        super().__init__(question=question, label=label, busy=busy, icon=icon)
        self.on_msg(self._on_message)
        untie_replies(self)

    def retire(self, note: str) -> None:
        """Take the button away and say why, e.g. because the run was started by a command."""
        self.note, self.phase = note, "closed"

    def _on_message(self, widget: Any, message: Any, buffers: Any) -> None:
        kind = message.get("type") if isinstance(message, dict) else None
        if kind == "places":
            self._send_places()
        if kind != "start" or self.phase not in ("asking", "refused"):
            return
        self.phase = "starting"
        try:
            said = self._on_start()
        except NbtrainError as error:
            self.note, self.phase = str(error), "refused"
        except Exception as error:
            self._complaints.add(error)
            self.note, self.phase = f"{type(error).__name__}: {error}", "refused"
        else:
            self.note, self.phase = said if isinstance(said, str) else "Started.", "started"

    def _send_places(self) -> None:
        try:
            self.send({"type": "places", "places": self.places()})
        except Exception as error:
            self._complaints.add(error)
