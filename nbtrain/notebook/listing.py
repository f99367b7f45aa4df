"""How candidates are written in a line of text, with the ways to choose among them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nbtrain.units import counted

MOST_LISTED = 8


def listed(items: Sequence[tuple[str, str]]) -> str:
    """Write candidates in one line: ``  `G` (Generator, 1.2 M parameters), `D` (...) and 3 more ``."""
    shown = [f"`{name}` ({what})" for name, what in items[:MOST_LISTED]]
    rest = len(items) - len(shown)
    if rest:
        return f"{', '.join(shown)} and {rest} more"
    return " and ".join(shown) if len(shown) < 3 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def either(options: Iterable[str]) -> str:
    """Write ways on: `a`, `b` or `c`."""
    ways = [f"`{option}`" for option in options][:MOST_LISTED]
    return ways[0] if len(ways) == 1 else f"{', '.join(ways[:-1])} or {ways[-1]}"


def tensors(number: int) -> str:
    """`1 -> "1 parameter tensor"`."""
    return counted(number, "parameter tensor")


def candidates(items: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """Return candidates for `UsageError.details`."""
    return [{"name": name, "is": what} for name, what in items]
