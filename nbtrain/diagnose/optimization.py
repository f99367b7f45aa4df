"""The change that a diagnosis recommends, as an optimization config: YAML that says what it changes and
why.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nbtrain.diagnose.engine import Examination
from nbtrain.diagnose.history import History
from nbtrain.errors import UsageError
from nbtrain.runs.files import replace_file

NAME = "optimization.yaml"
# settings that exclude each other: of two recommendations only the first one's is taken
_ALTERNATIVES = (("batch_size", "accumulate"), ("activation", "normalisation"))
_MOST = 3  # recommendations; more at once, and nobody knows which one helped


def suggested_changes(found: Examination) -> dict[str, Any]:
    """Return the settings of the first recommendations for the cause of the primary finding; a setting is set
    once.
    """
    cause = found.cause
    if cause is None:
        return {}
    changes: dict[str, Any] = {}
    taken = 0
    for advice in cause.recommendations:
        if not advice.change or taken == _MOST:
            continue
        rivals = {name for group in _ALTERNATIVES for name in group if set(group) & set(changes)}
        new = {key: value for key, value in advice.change.items() if key not in changes and key not in rivals}
        if new:
            changes |= new
            taken += 1
    return changes


def optimization_text(history: History, found: Examination, changes: dict[str, Any]) -> str:
    """Return the YAML; "" without a change. Values are written as JSON, which is YAML."""
    cause = found.cause
    if not changes or cause is None:
        return ""
    why = {key: advice.action for advice in cause.recommendations for key in advice.change}
    lines = [
        "# An optimization config written by a diagnosis. Try one change at a time, then compare.",
        "mode: optimization",
        f"based_on: {_scalar(history.name)}",
        f"diagnosis: {_scalar(found.primary)}",
        *([f"cause: {_scalar(cause.check)}"] if cause.check != found.primary else []),
        "changes:",
    ]
    for key, value in changes.items():
        before = history.hints.settings.get(key)
        if key == "batch_size":
            before = history.hints.batch_size
        was = f" (was {_scalar(before)})" if isinstance(before, (int, float, str)) else ""
        lines.append(f"  # {_one_line(why.get(key, ''))}{_one_line(was)}")
        lines.append(f"  {key}: {_scalar(value)}")
    lines.append(f"expected: {_scalar(cause.recommendations[0].expected)}")
    lines.append(f"verify: {_scalar(cause.said.verify)}")
    return "\n".join(lines) + "\n"


def write_optimization(text: str, folder: Path) -> Path:
    """Write the config into a folder under a free name and return the path; nothing is overwritten.

    Raises:
        UsageError: there is no change to write, or the folder refuses it.
    """
    if not text:
        raise UsageError(
            "--apply writes the change that a diagnosis recommends, and this one recommends none.",
            suggestion="Without --apply the report is shown.",
        )
    place = next(
        path
        for n in range(1, 10_000)
        if not (path := folder / (NAME if n == 1 else NAME.replace(".", f"-{n}."))).exists()
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(place, text.encode("utf-8", "replace"), durable=False)
    except OSError as error:
        raise UsageError(
            f"The config cannot be written: {error.strerror or error}.", path=str(place)
        ) from error
    return place


def _scalar(value: Any) -> str:
    """Write a value as JSON on one line, which every YAML reader takes for the same."""
    return json.dumps(value, ensure_ascii=True, default=str)


def _one_line(text: str) -> str:
    return " ".join(text.split()).encode("ascii", "replace").decode()
