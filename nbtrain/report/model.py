"""What a report says, apart from how it looks: frozen data, rendered by html, markdown, terminal and json.

Cells and texts are plain strings: every renderer escapes them. A block knows nothing of its rendering.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# How a piece of text is meant; the theme gives the colours. "" is neutral.
TONES = ("", "good", "info", "warning", "critical", "muted")


@dataclass(frozen=True)
class Cell:
    """A table cell. `tone`: one of TONES. `code`: in a monospaced face. `mark`: marked as not a default."""

    text: str
    tone: str = ""
    code: bool = False
    mark: bool = False


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str
    tone: str = ""


@dataclass(frozen=True)
class Note:
    """A call-out. `tone`: good, info, warning or critical."""

    text: str
    tone: str = "info"
    title: str = ""


@dataclass(frozen=True)
class Items:
    """A list, bulleted, or numbered from 1 when its order matters."""

    items: tuple[str, ...]
    ordered: bool = False

    def signs(self) -> list[str]:
        """Return what stands before each item in plain text: "-", or "1.", "2." and so on."""
        return [f"{place}." if self.ordered else "-" for place in range(1, len(self.items) + 1)]


@dataclass(frozen=True)
class Table:
    """A table with a header row. `numeric`: indices of columns set right-aligned."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell | str, ...], ...]
    caption: str = ""
    numeric: tuple[int, ...] = ()


@dataclass(frozen=True)
class KeyValues:
    """Names and values side by side: (name, value) or (name, value, remark)."""

    rows: tuple[tuple[Cell | str, ...], ...]


@dataclass(frozen=True)
class Code:
    """Source text. `language`: python, yaml, diff, text."""

    source: str
    language: str = "python"
    caption: str = ""


@dataclass(frozen=True)
class Series:
    """One line of a chart. `x`, `y`: equal lengths, NaN where absent. `style`: line, points, faint (a raw
    curve behind a smoothed one). `role`: train, valid, lr, gradient, throughput or "" - the theme's colour.
    `low`, `high`: an optional band."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    style: str = "line"
    role: str = ""
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True)
class Mark:
    """Something pointed out on a chart at `x`: a vertical line with a short label. `tone`: one of TONES."""

    x: float
    label: str
    tone: str = "info"


@dataclass(frozen=True)
class Shade:
    """A part of a chart pointed out from `start` to `end`: the whole height, or the area `between` the first
    two curves. `label`: a few words. `tone`: one of TONES."""

    start: float
    end: float
    label: str
    tone: str = "warning"
    between: bool = False


@dataclass(frozen=True)
class Circle:
    """A point of a curve pointed out by a ring around it. `label`: a few words. `tone`: one of TONES."""

    x: float
    y: float
    label: str
    tone: str = "warning"


@dataclass(frozen=True)
class Axes:
    """One plot. `log_y`: logarithmic axis where the values allow it. `log_x`: likewise; x not above 0 is left
    out. `last_values`: the legend says where each curve ends, which a distribution has no use for."""

    title: str
    series: tuple[Series, ...]
    x_label: str = "step"
    y_label: str = ""
    log_y: bool = False
    marks: tuple[Mark, ...] = ()
    log_x: bool = False
    shades: tuple[Shade, ...] = ()
    circles: tuple[Circle, ...] = ()
    last_values: bool = True


@dataclass(frozen=True)
class Tile:
    """An area of a treemap. `parts`: (role, value) each, drawn inside in the colours of their roles."""

    label: str
    said: str
    parts: tuple[tuple[str, float], ...]

    @property
    def value(self) -> float:
        """What the area stands for."""
        return sum(value for _, value in self.parts)


@dataclass(frozen=True)
class Treemap:
    """Areas in proportion to their values. `legend`: (role, word) each."""

    title: str
    tiles: tuple[Tile, ...]
    legend: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ParallelAxis:
    """A quantity of parallel coordinates. `low`, `high`: its ends, in words."""

    name: str
    low: str
    high: str


@dataclass(frozen=True)
class ParallelLine:
    """A line across all axes. `values`: 0 (low end) to 1 (high end) on each, NaN where absent. `good`: how
    good it is among many, from 0 to 1, which its colour then tells; None: each line has its own colour."""

    name: str
    values: tuple[float, ...]
    good: float | None = None


@dataclass(frozen=True)
class Parallel:
    """Parallel coordinates: quantities side by side, a line a run."""

    title: str
    axes: tuple[ParallelAxis, ...]
    lines: tuple[ParallelLine, ...]


@dataclass(frozen=True)
class Figure:
    """Plots in a grid, drawn by the renderer. `alt`: what the figure shows, in words with its numbers.
    `name`: of its file where it is written to one; "" for a number."""

    axes: tuple[Axes | Treemap | Parallel, ...]
    alt: str
    columns: int = 2
    caption: str = ""
    name: str = ""


@dataclass(frozen=True)
class Details:
    """Blocks behind a fold."""

    title: str
    blocks: tuple[Block, ...]


Block = Text | Note | Items | Table | KeyValues | Code | Figure | Details


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Report:
    """A document for people, and its data for programs.

    Attributes:
        title: the heading.
        sections: in reading order.
        headline: the verdict in one sentence, under the title.
        tone: tone of the headline.
        data: JSON-ready values of the contract; what `to_dict` returns.
    """

    title: str
    sections: tuple[Section, ...] = ()
    headline: str = ""
    tone: str = ""
    data: dict[str, Any] = field(default_factory=dict, hash=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the report's data, JSON-ready."""
        from nbtrain.report.json import to_dict

        return to_dict(self)

    def to_html(self) -> str:
        """Return an HTML fragment that needs no JavaScript, right in light and dark themes."""
        from nbtrain.report.html import to_html

        return to_html(self)

    def to_markdown(self) -> str:
        """Return Markdown; figures as their descriptions."""
        from nbtrain.report.markdown import to_markdown

        return to_markdown(self)

    def to_text(self, width: int = 100) -> str:
        """Return plain text for a terminal, at most `width` columns."""
        from nbtrain.report.terminal import to_text

        return to_text(self, width=width)

    def __str__(self) -> str:
        return self.to_text()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {
            "text/html": self.to_html(),
            "text/plain": self.to_text(),
            "text/markdown": self.to_markdown(),
        }
