"""Diagnose a history: the checks' findings, the one to act on first, the report and the change ready to
use.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from nbtrain.diagnose import document
from nbtrain.diagnose.baseline import Baseline, read_baseline
from nbtrain.diagnose.engine import Diagnosed, Examination, examine
from nbtrain.diagnose.facts import Facts
from nbtrain.diagnose.history import History
from nbtrain.diagnose.next_cell import next_cell
from nbtrain.diagnose.optimization import optimization_text, suggested_changes
from nbtrain.report.model import Report
from nbtrain.runs.files import replace_file


class Diagnosis:
    """What was found in a history.

    Its rich display is the report, with the curves and the evidence on them.

    Args:
        facts: the history under examination. found: what the checks said.
        baseline: the report of the run, where one was given.
        source: how the command names what was read, for texts.
    """

    def __init__(
        self, facts: Facts, found: Examination, *, baseline: Baseline | None = None, source: str = ""
    ) -> None:
        self.facts, self.found, self.baseline, self._source = facts, found, baseline, source
        self.written: Path | None = None  # where --apply wrote the change

    @property
    def history(self) -> History:
        return self.facts.history

    @property
    def primary(self) -> str | None:
        """The id of the finding to act on first; None where no problem was found."""
        return self.found.primary

    @property
    def findings(self) -> tuple[Diagnosed, ...]:
        """What was found, the one to act on first in front."""
        return self.found.findings

    @cached_property
    def changes(self) -> dict[str, Any]:
        """The settings that the first recommendations for the primary finding, or its cause, change."""
        return suggested_changes(self.found)

    @property
    def next_cell(self) -> str:
        """The change as code, a cell of a notebook; "" where none is recommended."""
        return next_cell(self.history, self.changes, written=str(self.written or ""))

    @cached_property
    def report(self) -> Report:
        return document.build(
            self.facts,
            self.found,
            baseline=self.baseline,
            config=self.changes,
            source=self._source,
            written=self.written,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return `{"primary", "findings": [...], ...}`, JSON-ready."""
        return self.report.to_dict()

    def to_markdown(self) -> str:
        """Return the report as Markdown; figures as their descriptions."""
        return self.report.to_markdown()

    def save(self, path: str | Path) -> Path:
        """Write the report as Markdown, its figures beside it in `NAME_figures/`; return the path.

        Raises:
            RunFolderError: the disk refused.
        """
        from nbtrain.report.markdown import to_markdown
        from nbtrain.runs.files import REAL, disk_trouble

        path = Path(path).expanduser()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            text = to_markdown(self.report, path.with_name(f"{path.stem}_figures"))
            replace_file(path, text.encode("utf-8", "replace"), REAL)
        except OSError as error:
            raise disk_trouble(error, "write the diagnostic report", path) from error
        return path

    def config(self) -> str:
        """Return the change ready to use as an optimization config (YAML); "" where none is recommended."""
        return optimization_text(self.history, self.found, self.changes)

    def __str__(self) -> str:
        return self.report.to_text()

    def __repr__(self) -> str:
        return (
            f"<diagnosis of {self.history.name}: {self.primary or 'no problem found'}, "
            f"{len(self.findings)} findings>"
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self.report._repr_mimebundle_(include, exclude)


def diagnose_history(history: History, *, baseline: str | Path | None = None, source: str = "") -> Diagnosis:
    """Diagnose a history.

    Args:
        baseline: path of the run's Markdown report; what it says of the set-up makes the advice concrete.
        source: how the command names what was read.

    Raises:
        UsageError: there is no such report.
    """
    told = read_baseline(baseline) if baseline is not None else None
    facts = Facts(_with_baseline(history, told))
    return Diagnosis(facts, examine(facts), baseline=told, source=source)


def _with_baseline(history: History, baseline: Baseline | None) -> History:
    """Take settings from the baseline's report where the history does not tell them."""
    if baseline is None:
        return history
    hints = history.hints
    known = dict(hints.settings)
    for key, words in (
        ("lr", ("learning rate",)),
        ("weight_decay", ("weight decay",)),
        ("dropout", ("dropout",)),
    ):
        value = baseline.number(*words)
        if value is not None:
            known.setdefault(key, value)
    size = hints.batch_size
    if size is None and (told := baseline.number("batch size")) and told >= 1:
        size = int(told)
    return replace(history, hints=replace(hints, settings=known, batch_size=size))
