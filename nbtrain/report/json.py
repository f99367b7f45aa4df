"""A report as JSON-ready values. It knows nothing of text layout."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import PurePath
from typing import Any

from nbtrain.report.model import Report


def to_dict(report: Report) -> dict[str, Any]:
    """Return the report's data with its title and headline; without data, its structure.

    Non-finite numbers become the strings "NaN", "Infinity" and "-Infinity", so that every JSON reader takes
    them.
    """
    head = {"title": json_ready(report.title), "headline": json_ready(report.headline)}
    if report.data:
        return {**head, **json_ready(report.data)}
    return {
        **head,
        "tone": json_ready(report.tone),
        "sections": [json_ready(section) for section in report.sections],
    }


def json_ready(value: Any) -> Any:
    """Turn a value into what `json.dumps(..., allow_nan=False)` takes; what is unknown becomes its `str`."""
    if isinstance(value, Enum):
        return json_ready(value.value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else _name_of(value)
    if is_dataclass(value) and not isinstance(value, type):
        named = {field.name: json_ready(getattr(value, field.name)) for field in fields(value)}
        return {"kind": type(value).__name__.lower(), **named}
    if isinstance(value, dict):
        return {json_ready(str(key)): json_ready(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [json_ready(item) for item in value]
    if isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "tolist"):  # numpy scalars and arrays
        return json_ready(value.tolist())
    return str(value)


def _name_of(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
