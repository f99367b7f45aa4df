"""metrics.json, by whomever written: one row an epoch (schema nbtrain.metrics/1)."""

from __future__ import annotations

import json
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

from nbtrain.diagnose.history import Hints, History, hints_of_manifest, history_of_rows
from nbtrain.diagnose.reader import Reader, file_in
from nbtrain.errors import RunFolderError
from nbtrain.runs.layout import EPOCHS_FILE
from nbtrain.runs.manifest import MANIFEST_FILE, Manifest
from nbtrain.runs.metrics import MetricsFile, read_metrics

NAMES = ("metrics.json", "logs/metrics.json")


def _recognises(path: Path) -> bool:
    return file_in(path, *NAMES) is not None or (path.is_file() and path.suffix.lower() == ".json")


def read(path: Path) -> History:
    """Read the file; a folder's own, or its logs/metrics.json.

    Raises:
        UsageError: there is no such file. InvalidMetrics: it is damaged or of other types.
    """
    file = file_in(path, *NAMES) or path
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_file = read_metrics(file)
    notes = [str(one.message) for one in caught]
    return history_of_metrics(read_file, file, notes=notes, beside=_beside(file, read_file))


def history_of_metrics(
    read_file: MetricsFile, file: Path, *, notes: list[str] | None = None, beside: Hints | None = None
) -> History:
    """Return the history of a metrics file that was read."""
    notes = list(notes or [])
    if read_file.percent_columns:
        notes.append(f"Read as percent, as a whole: {', '.join(read_file.percent_columns)}.")
    name = read_file.run_id or file.stem
    return history_of_rows(read_file.epochs, name=name, source=file.name, hints=beside, notes=notes)


def _beside(file: Path, read_file: MetricsFile) -> Hints:
    """Return what the file says of the set-up beside its epochs, where it does: classes, batch_size, lr."""
    manifest = file.resolve().parent.parent / MANIFEST_FILE
    if file.resolve() == manifest.parent / EPOCHS_FILE and manifest.is_file():
        with suppress(RunFolderError):  # the file alone is what was asked for
            return hints_of_manifest(Manifest.read(manifest.parent))
    if len(read_file.epochs) > 5000:  # not twice the time for a file that large
        return Hints()
    try:
        data: dict[str, Any] = json.loads(file.read_bytes().decode("utf-8-sig"))
    except ValueError:
        return Hints()
    return hints_of_values(data)


def hints_of_values(data: dict[str, Any]) -> Hints:
    """Return hints from plain values under usual names, at the top or under hyperparameters / config."""
    known: dict[str, Any] = {}
    for part in (data.get("config"), data.get("hyperparameters"), data):
        known |= part if isinstance(part, dict) else {}

    def whole(*names: str) -> int | None:
        for name in names:
            value = known.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                return value
        return None

    rate = known.get("learning_rate", known.get("lr"))
    numbers = {
        key: value for key, value in known.items() if isinstance(value, (int, float, str)) and key != "schema"
    }
    if isinstance(rate, (int, float)):
        numbers["lr"] = rate
    optimizer = known.get("optimizer")
    return Hints(
        classes=whole("classes", "num_classes", "n_classes", "num_labels"),
        batch_size=whole("batch_size", "train_batch_size", "per_device_train_batch_size"),
        val_samples=whole("val_samples", "valid_samples"),
        optimizer=optimizer if isinstance(optimizer, str) else "",
        settings=numbers,
    )


READER = Reader("metrics-json", "a metrics.json", 50, _recognises, read)
