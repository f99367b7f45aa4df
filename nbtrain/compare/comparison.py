"""A comparison as people hold it: verdict, report in every form, files."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from nbtrain.compare.document import pair_report
from nbtrain.compare.pair import Pair
from nbtrain.report.model import Report


class Comparison:
    """What two sides differ in. Its rich display is the report with both learning curves."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair

    @property
    def verdict(self) -> str:
        """better, worse, no-significant-difference or not-comparable."""
        return self.pair.verdict.word

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, in sentences."""
        return self.pair.verdict.reasons

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """Each metric: values at the best epochs, improvement (positive is better), test, interval."""
        return [one.to_dict() for one in self.pair.measures]

    @cached_property
    def report(self) -> Report:
        return pair_report(self.pair)

    def to_dict(self) -> dict[str, Any]:
        """Return `{"verdict", "metrics": [...], "gap_change", ...}`, JSON-ready."""
        return self.report.to_dict()

    def to_markdown(self) -> str:
        """Return the report as Markdown; the figure as its description."""
        return self.report.to_markdown()

    def to_html(self) -> str:
        """Return the report as an HTML fragment with its figures inside."""
        return self.report.to_html()

    def save(self, path: str | Path) -> Path:
        """Write the report as Markdown and comparison.png beside it; return the path.

        Raises:
            RunFolderError: the disk refused.
        """
        from nbtrain.compare.written import write_report

        return write_report(self.report, path)

    def __str__(self) -> str:
        return self.report.to_text()

    def __repr__(self) -> str:
        a, b = self.pair.baseline.side, self.pair.optimized.side
        return f"<comparison of {a.name} and {b.name}: {self.verdict}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self.report._repr_mimebundle_(include, exclude)
