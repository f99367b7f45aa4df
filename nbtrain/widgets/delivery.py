"""Getting messages through: what kernels do to them, and the remedies. Knows nothing of runs."""

from __future__ import annotations

import logging
import threading
from typing import Any

import ipywidgets

log = logging.getLogger("nbtrain.widgets")


def untie_replies(widget: ipywidgets.Widget) -> None:
    """Let the page's messages be handled while a cell runs, also on ipykernel 7.4.

    ipykernel 7.4.0 sends what a page says to the shell on which the widget spoke last, over the page's
    wish for a subshell; a widget fed by a thread is thereby tied to the busy main shell, and a click on
    Stop waits for the cell. The kernel tests the attribute for None. It is a private name, hence the
    guard; elsewhere this does nothing.
    """
    comm: Any = widget.comm
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = None


class Complaints:
    """Logs the first failure of a widget and keeps quiet about the rest: a failing view never stops a run."""

    def __init__(self, what: str) -> None:
        self.what = what
        self._said = threading.Event()

    def add(self, error: BaseException) -> None:
        """Log `error` with its traceback if it is the first."""
        if not self._said.is_set():
            self._said.set()
            log.warning(
                "%s could not be updated; the run goes on. Later failures are not logged.",
                self.what,
                exc_info=error,
            )
