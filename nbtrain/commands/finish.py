"""What a run leaves when it is over: its report beside its numbers."""

from __future__ import annotations

from typing import Any


def completion(run: Any, *, curves: bool = True) -> Any:
    """Return the report of a run:
    Training Complete, its curves unless they stand beside it, what to do next.
    """
    from nbtrain.diagnose.completion import completion_report

    return completion_report(run, curves=curves)


def leave_reports(run: Any) -> None:
    """Write report.md and figures/curves.png into the run folder."""
    from nbtrain.diagnose.completion import run_poster
    from nbtrain.report.poster import draw_poster

    folder = run.folder
    folder.write_text("report.md", completion(run).to_markdown())
    folder.write_bytes("figures/curves.png", draw_poster(run_poster(run)))
