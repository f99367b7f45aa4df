"""Problem: one thing that is wrong, or worth a warning, in a configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MOST_SHOWN = 200  # characters of a value


@dataclass(frozen=True)
class Problem:
    """One error or warning.

    Attributes:
        kind: InvalidConfig, PathNotFound, EmptyDataset, ...
        field: the key with its sections (`optimizer.learning_rate`); "" for the file itself.
        value: what stands there; JSON, or a repr of at most 200 characters.
        expected: what may stand there. suggestion: what to do next.
        line: 1-based line of the file, or None where the key is absent.
        more: further details for a program (`path`, `line_count`).
    """

    kind: str
    field: str
    value: Any
    expected: str
    suggestion: str
    line: int | None = None
    more: tuple[tuple[str, Any], ...] = ()

    @property
    def details(self) -> dict[str, Any]:
        """Return the details of the contract."""
        return {
            "field": self.field, "value": shown(self.value), "expected": self.expected,
            "suggestion": self.suggestion, "line": self.line, **dict(self.more),
        }  # fmt: skip

    def as_error(self) -> dict[str, Any]:
        """Return `{"error": KIND, "details": {...}}`."""
        return {"error": self.kind, "details": self.details}

    def as_warning(self) -> dict[str, Any]:
        """Return `{"warning": KIND, "details": {...}}`."""
        return {"warning": self.kind, "details": self.details}

    def sentence(self) -> str:
        """Return it in a sentence, without the line."""
        if not self.field:
            return f"{self.expected[:1].upper()}{self.expected[1:]}. {self.suggestion}".strip()
        if self.kind == "NotUsed" and self.expected.startswith("nothing: "):
            why = self.expected.removeprefix("nothing: ")
            return (
                f"`{self.field}` is {_text(self.value)} and has no effect: {why}. {self.suggestion}".strip()
            )
        stands = "is missing" if self.value is None and self.line is None else f"is {_text(self.value)}"
        return f"`{self.field}` {stands}; expected is {self.expected}. {self.suggestion}".strip()


def shown(value: Any) -> Any:
    """Return a value as JSON where it is short, else its repr, cut."""
    if value is None or isinstance(value, (bool, int)):
        return value if not isinstance(value, int) or abs(value) < 10**18 else repr(value)[:MOST_SHOWN]
    if isinstance(value, float) and value == value and abs(value) != float("inf"):
        return value
    if isinstance(value, str) and len(value) <= MOST_SHOWN:
        return value
    text = repr(value)
    if isinstance(value, (list, dict)) and len(text) <= MOST_SHOWN:
        return value
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 1] + "…"


def _text(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else "empty" if value is None else str(shown(value))
    return text if len(text) <= 80 else text[:79] + "…"
