"""trainer_state.json of the Hugging Face Trainer: a log of losses by step and of evaluations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nbtrain.diagnose.history import Hints, History, history_of_rows
from nbtrain.diagnose.merging import merge
from nbtrain.diagnose.reader import Reader
from nbtrain.errors import InvalidMetrics
from nbtrain.runs.plain import from_json_number

NAME = "trainer_state.json"
_SUMMARY = ("train_runtime", "train_samples_per_second")  # of the entry that sums the run up
_SUFFIXES = ("_runtime", "_per_second")


def _find(path: Path) -> Path | None:
    """Return the file: itself, in the folder, or in its newest checkpoint."""
    if path.is_file():
        return path if path.name == NAME else None
    if (path / NAME).is_file():
        return path / NAME
    found = [file for file in path.glob(f"checkpoint-*/{NAME}") if file.is_file()]
    return max(found, key=lambda file: _number(file.parent.name), default=None)


def _number(name: str) -> int:
    digits = name.rpartition("-")[2]
    return int(digits) if digits.isdigit() else -1


def read(path: Path) -> History:
    """Read the log: each evaluation is a row, the losses since the one before are averaged.

    Raises:
        InvalidMetrics: it is damaged, or has no log_history.
    """
    file = _find(path) or path
    try:
        data = json.loads(file.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise _invalid(file, f"is no JSON that can be read: {str(error)[:100]}") from error
    log = data.get("log_history") if isinstance(data, dict) else None
    if not isinstance(log, list):
        raise _invalid(file, "has no list `log_history`")
    series: dict[str, dict[int, float]] = {}
    for entry in log:
        if not isinstance(entry, dict):
            raise _invalid(file, f"holds {type(entry).__name__} in `log_history`, expected objects")
        step = entry.get("step")
        if not isinstance(step, int) or any(key in entry for key in _SUMMARY):
            continue
        for key, value in entry.items():
            value = from_json_number(value)
            if key == "step" or key.endswith(_SUFFIXES) or not _is_number(value):
                continue
            series.setdefault(key, {})[step] = float(value)
    merged = merge(series, stepwise=True)
    return history_of_rows(
        merged.rows,
        name=file.parent.name or file.stem,
        source=f"{NAME} of the Hugging Face Trainer",
        steps=merged.steps if len(merged.steps) else None,
        hints=_hints(data),
        notes=merged.notes,
        passes=merged.passes,
    )


def _hints(data: dict[str, Any]) -> Hints:
    size = data.get("train_batch_size")
    return Hints(batch_size=size if isinstance(size, int) and size > 0 else None)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _invalid(file: Path, problem: str) -> InvalidMetrics:
    return InvalidMetrics(
        f"{file} {problem}.",
        suggestion="Give the trainer_state.json of a checkpoint folder.",
        path=str(file),
        field="log_history",
        problem=problem,
    )


READER = Reader(
    "trainer-state", "a trainer_state.json (Hugging Face)", 20, lambda path: _find(path) is not None, read
)
