"""A proposed command in a notebook: what it is, a button that runs it, and its output in the cell."""

from __future__ import annotations

import contextvars
import threading
import time
from collections import deque
from typing import Any

from IPython import get_ipython
from IPython.display import display

from nbtrain.magics.place import Place
from nbtrain.magics.surroundings import in_colab, nobody_here

QUESTION = "Run this command?"
LINES = 200  # of its output that stay in the cell
EVERY_S = 0.3


def show_proposal(proposal: Any) -> None:
    """Show a proposal; run it at once after --yes, else at a click, else not at all."""
    display(proposal._repr_mimebundle_(), raw=True)
    if proposal.yes:
        from nbtrain.launching.running import run

        status = run(proposal, print)
        print(f"It ended with status {status}.")
    elif nobody_here(get_ipython()) or in_colab():
        print("Nobody is here to say yes. Run it with the same line and --yes.")
    else:
        _ask(proposal)


def _ask(proposal: Any) -> None:
    from nbtrain.widgets.confirm import StartBar

    output = Output(proposal)
    bar = StartBar(output.start, QUESTION, label="Run it", busy="Starting…")
    shown = bar._repr_mimebundle_()
    data, metadata = shown if isinstance(shown, tuple) else (shown or {}, {})
    Place({**data, "text/plain": f"{QUESTION} Not run yet."}, metadata)
    output.place = Place({"text/plain": ""})


class Output:
    """The output of a command that runs beside the kernel, in a place of the cell that asked."""

    def __init__(self, proposal: Any) -> None:
        self._proposal = proposal
        self.place: Place | None = None
        self._lines: deque[str] = deque(maxlen=LINES)
        self._shown = 0.0

    def start(self) -> str:
        """Run the command in a thread; return what to say. Refused where it is none that trains any more."""
        from nbtrain.launching.proposal import check

        check(self._proposal)
        target = contextvars.copy_context().run
        threading.Thread(target=target, args=(self._work,), name="nbtrain-command", daemon=True).start()
        return "Started; its output is below."

    def _work(self) -> None:
        from nbtrain.launching.running import run

        try:
            status = run(self._proposal, self._tell)
            said = f"It ended with status {status}."
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
        self._lines.append(said)
        self._fill()

    def _tell(self, line: str) -> None:
        self._lines.append(line)
        if time.monotonic() - self._shown > EVERY_S:
            self._fill()

    def _fill(self) -> None:
        self._shown = time.monotonic()
        if self.place is not None:
            self.place.fill({"text/plain": "\n".join(self._lines)})
