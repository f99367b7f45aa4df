"""What the end of a run says of a language model: perplexity, tokens a second, what it writes."""

from __future__ import annotations

from typing import Any

from nbtrain.diagnose.pictures import numbers
from nbtrain.report.model import Cell, Note, Section, Table
from nbtrain.runs.completions import read_completions
from nbtrain.units import count, number


def language_rows(run: Any) -> list[tuple[str, str, str]]:
    """Return rows for the table of results; none where the run was about something else."""
    rows = []
    judged = getattr(run, "evaluations", None)
    judged = run.epochs if judged is None or not len(judged) else judged
    found = numbers(judged, "val_perplexity")
    known = found[found == found]
    if len(known):
        first = f"{number(float(known[0]))} the first time"
        rows.append(("Best validation perplexity", number(float(known.min())), first))
    pace = numbers(run.epochs, "tokens_per_s")
    pace = pace[pace == pace]
    if len(pace):
        rows.append(("Tokens read", f"{count(float(pace.mean()))} tokens/s", "in training, filling left out"))
    return rows


def language_sections(run: Any) -> list[Section]:
    """Return what the model writes before and after, where that was kept."""
    found = read_completions(run.dir)
    if not found:
        return []
    rows = tuple(
        (Cell(one.prompt, code=True), one.before, one.after, Cell(one.expected, tone="muted"))
        for one in found
    )
    table = Table(("Given", "Before", "After", "In the data"), rows)
    said = "The likeliest next token each time, from the same beginnings. Examples, no measure."
    note = Note(said, tone="info")
    return [Section("Completions", (table, note))]
