"""A folder of the same run with several seeds: subfolders `seed-*`, each with a history of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from nbtrain.diagnose.curves import read_curves, recent
from nbtrain.diagnose.history import History
from nbtrain.diagnose.reader import Reader, all_readers
from nbtrain.errors import InvalidMetrics

_PATTERN = "seed-*"


def _recognises(path: Path) -> bool:
    return path.is_dir() and any(one.is_dir() for one in path.glob(_PATTERN))


def read(path: Path) -> History:
    """Read each seed; the one whose result is the median is diagnosed, the others are compared with it.

    Raises:
        InvalidMetrics: a seed's history is damaged, or none can be read.
    """
    seeds: dict[str, History] = {}
    for folder in sorted(one for one in path.glob(_PATTERN) if one.is_dir()):
        reader = next((one for one in all_readers() if one is not READER and one.recognises(folder)), None)
        if reader is not None:
            seeds[folder.name] = reader.read(folder)
    seeds = {name: history for name, history in seeds.items() if not history.empty}
    if not seeds:
        raise InvalidMetrics(
            f"{path} has folders seed-*, and none with a history that can be read.",
            suggestion="Each needs a metrics.json, or a run's folder.",
            path=str(path),
            field="",
            problem="no history in any seed's folder",
        )
    results = {name: _result(history) for name, history in seeds.items()}
    ordered = sorted(results, key=lambda name: (not np.isfinite(results[name]), results[name]))
    middle = ordered[(len(ordered) - 1) // 2]
    note = f"{len(seeds)} seeds; diagnosed in detail is {middle}, whose result is the median."
    chosen = seeds[middle]
    return replace(chosen, name=path.name, seeds=seeds, notes=(note, *chosen.notes))


def _result(history: History) -> float:
    """Return the number that a seed is compared by: validation accuracy, else minus a loss."""
    curves = read_curves(history.epochs, history.steps)
    accuracy = recent(curves.val_acc)
    if np.isfinite(accuracy):
        return accuracy
    return -recent(curves.val_loss if np.isfinite(curves.val_loss).any() else curves.train_loss)


READER = Reader("seed-folders", "a folder of seeds (seed-*)", 5, _recognises, read)
