"""A run as small JSON values for the page. Reads the Run surface; knows nothing of widgets or messages."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

from nbtrain.findings import Finding
from nbtrain.runs.events import changes, event_label

ALERTS_SENT = 50
EVENTS_SENT = 30  # changes by hand; about 80 bytes each
TEXT_LIMIT = 220  # characters of an alert's text; 50 alerts stay far below a front end's limits
ERROR_HEAD, ERROR_TAIL = 600, 5000  # characters of a traceback: where it was called from, and what happened


def wire_number(value: Any) -> Any:
    """Return a JSON-ready number: non-finite ones as the strings of metrics.json, None as None."""
    if value is None or isinstance(value, (str, bool)):
        return value
    value = float(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return int(value) if value.is_integer() and abs(value) < 2**53 else float(f"{value:.7g}")


def wire(value: Any) -> Any:
    """Return `value` with every number made JSON-ready, containers included; other objects as their text."""
    if isinstance(value, Mapping):
        return {str(key): wire(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [wire(item) for item in value]
    if value is None or isinstance(value, (str, bool)):
        return value
    try:
        return wire_number(value)
    except (TypeError, ValueError, RuntimeError):
        return str(value)


def run_state(run: Any) -> dict[str, Any]:
    """Return what the head of the panel shows: names, status, progress, newest values, why it ended."""
    return {
        "id": run.id,
        "name": run.name,
        "dir": "" if run.dir is None else str(run.dir),
        "status": str(run.status),
        "stop_reason": str(run.stop_reason or ""),
        "error": shortened(run.error) if run.error else "",
        "progress": wire(dataclasses.asdict(run.progress)),
        "latest": {name: wire_number(value) for name, value in run.latest.items()},
        "settings": wire(run.settings),
        "overhead": wire_number(run.overhead),
        "optimizers": list(getattr(run, "optimizers", ())),
    }


def events_state(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the newest changes made while the run trained, each with its label, and how many there are."""
    items = [
        {"kind": str(event.get("kind", "")), "step": wire_number(event["step"]), "label": event_label(event)}
        for event in changes(events)[-EVENTS_SENT:]
        if event.get("step") is not None
    ]
    return {"total": len(events), "items": items}


def alerts_state(
    alerts: list[Finding], explained: Callable[[str], bool] = lambda rule: False
) -> dict[str, Any]:
    """Return the newest alerts and how many there are in all.

    Args:
        explained: whether there is a page on an alert's id that can be asked for.
    """
    shown = alerts[-ALERTS_SENT:]
    known = {rule: explained(rule) for rule in {alert.rule for alert in shown}}
    return {"total": len(alerts), "items": [{**_alert(one), "page": known[one.rule]} for one in shown]}


def shortened(error: str) -> str:
    """Return a traceback whose middle is left out if it is long."""
    if len(error) <= ERROR_HEAD + ERROR_TAIL:
        return error
    left_out = len(error) - ERROR_HEAD - ERROR_TAIL
    return f"{error[:ERROR_HEAD]}\n  … {left_out:,} characters left out …\n{error[-ERROR_TAIL:]}"


def _alert(alert: Finding) -> dict[str, Any]:
    def text(value: str) -> str:
        return value if len(value) <= TEXT_LIMIT else value[: TEXT_LIMIT - 1] + "…"

    return {
        "rule": alert.rule,
        "severity": str(alert.severity),
        "issue": text(alert.issue),
        "evidence": text(alert.evidence),
        "recommended": text(alert.recommended),
        "step": alert.step,
        "offers": list(alert.details.get("offers", ())),
    }
