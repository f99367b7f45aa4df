"""What a run leaves when it is over: its report beside its numbers, and its picture, drawn once."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass
from typing import Any

KEPT = 8  # pictures of ended runs in memory, 0.1 to 0.2 MB each; an older one is drawn again


@dataclass(frozen=True)
class Picture:
    """The picture of a run.

    Attributes:
        png: the picture, two pixels for each of the page's. width: in the page's pixels.
        text: the same in words. alt: one sentence for those who cannot see it.
    """

    png: bytes
    width: int
    text: str
    alt: str


_drawn: weakref.WeakKeyDictionary[Any, tuple[Any, Picture]] = weakref.WeakKeyDictionary()  # oldest first
_drawing = threading.Lock()  # the pump and a cell ask at the same time when a run ends


def completion(run: Any, *, curves: bool = True) -> Any:
    """Return the report of a run:
    Training Complete, its curves unless they stand beside it, what to do next.
    """
    from nbtrain.diagnose.completion import completion_report

    return completion_report(run, curves=curves)


def picture(run: Any) -> Picture:
    """Return the picture of a run as it stands; one that is over is drawn once, since drawing takes 0.2 s."""
    if not run.status.over:
        return _draw(run)
    with _drawing:
        state = said_so_far(run)
        known, shown = _drawn.get(run, (None, None))
        if shown is None or known != state:
            shown = _draw(run)
            _drawn[run] = state, shown
            for old in list(_drawn)[:-KEPT]:
                _drawn.pop(old, None)
        return shown


def said_so_far(run: Any) -> tuple[Any, ...]:
    """Return what may still change about a run that is over: finishers and trackers may leave alerts."""
    return str(run.status), run.stop_reason, len(run.alerts)


def _draw(run: Any) -> Picture:
    from nbtrain.diagnose.completion import run_poster
    from nbtrain.report.poster import WIDTH, draw_poster, poster_text

    poster = run_poster(run)
    alt = f"{poster.title}: {poster.status}. {poster.figure.alt}"
    return Picture(draw_poster(poster), WIDTH, poster_text(poster), alt)


def leave_reports(run: Any) -> None:
    """Write report.md and figures/curves.png into the run folder."""
    run.folder.write_text("report.md", completion(run).to_markdown())
    run.folder.write_bytes("figures/curves.png", picture(run).png)
