"""What was changed while a run trained, in words: {"at", "kind", "step", "from", "to"} as a label."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# Kinds that have no one value before and after, and change how a run goes on all the same.
LIVE = ("resumed", "new-weights", "recovery", "stall-recovery", "out-of-memory")
WORDS = {"lr": "lr", "epochs": "epochs", "max_steps": "max steps", "patience": "patience"}


def event_label(event: Mapping[str, Any]) -> str:
    """Return `lr 0.001 → 5e-4`; an event without values is its kind."""
    kind = str(event.get("kind", "event"))
    named = str(event["what"]) if kind == "setting" and "what" in event else kind.replace("-", " ")
    name = WORDS.get(kind, named)
    if "to" not in event:
        return name
    if event.get("from") is None and kind != "patience":
        return f"{name} {value_text(event['to'])}"
    return f"{name} {value_text(event.get('from'))} → {value_text(event['to'])}"


def value_text(value: Any) -> str:
    """Return a setting as people write it: `1e-4`, `1,200`, `off`."""
    if value is None:
        return "off"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if value and abs(value) < 1e-3:
        head, _, exponent = f"{value:.2e}".partition("e")
        return f"{float(head):g}e{int(exponent)}"
    return f"{value:.3g}"


def changes(events: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the events that changed how a run goes on, and where it was taken up again."""
    return [dict(event) for event in events if "to" in event or event.get("kind") in LIVE]
