"""Whatever a history holds, every check can look at it, and every form of the report can be made."""

from __future__ import annotations

import json
import math
import random
import warnings
from typing import Any

import pandas as pd
import pytest

from nbtrain.diagnose.diagnosis import diagnose_history
from nbtrain.diagnose.history import history_of_rows
from nbtrain.report.json import json_ready

COLUMNS = (
    "train_loss", "val_loss", "train_acc", "val_acc", "lr", "grad_norm", "gpu_util", "data_wait",
    "epoch_time_s", "mem_mb", "dead_fraction", "batch_size", "mine", "val_acc_a", "val_acc_b",
)  # fmt: skip
LENGTHS = (0, 1, 2, 3, 4, 5, 6, 7, 9, 12, 16, 17, 25, 40)


def any_rows(random: random.Random) -> list[dict[str, Any]]:
    """Return rows with absent, broken, negative and huge numbers in any columns."""
    names = random.sample(COLUMNS, random.randint(0, len(COLUMNS)))
    scale = {name: 10 ** random.uniform(-9, 9) for name in names}
    rows = []
    for at in range(random.choice(LENGTHS)):
        row: dict[str, Any] = {"epoch": random.choice([at + 1, at + 1, 2 * at + 5])}
        for name in names:
            broken = random.choice([math.nan, math.inf, -math.inf])
            usual = scale[name] * random.random()
            row[name] = random.choices([usual, None, broken, 0.0, -usual], [80, 8, 4, 4, 4])[0]
        if random.random() < 0.3:
            norms = [0.0, 1e-9, 1.0, math.nan, math.inf, 5e5]
            row["layer_grad_norms"] = {f"l{n}": random.choice(norms) for n in range(random.randint(0, 4))}
        if random.random() < 0.2:
            row["per_class_acc"] = random.choice([{}, {"a": 0.1, "b": 0.9}, [0.1, 0.9], {"a": "x"}])
        rows.append(row)
    return rows


def any_steps(random: random.Random) -> pd.DataFrame | None:
    count = random.choice([None, None, 0, 1, 5, 30, 300])
    if count is None:
        return None
    losses = [random.choices([random.random(), math.nan, math.inf], [97, 2, 1])[0] for _ in range(count)]
    index = pd.RangeIndex(1, count + 1, name="step")
    return pd.DataFrame({"train_loss": losses, "lr": 1e-3, "grad_norm": 1.0}, index=index)


@pytest.mark.parametrize("seed", range(4))
def test_no_history_breaks_a_check_or_a_report(seed: int) -> None:
    """Random histories, warnings as errors: no check fails, terminal, Markdown, JSON and config come out."""
    source = random.Random(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(60):
            rows, steps = any_rows(source), any_steps(source)
            found = diagnose_history(history_of_rows(rows, name="any", source="rows", steps=steps))
            assert found.found.failures == (), rows
            assert found.report.to_text() and found.to_markdown()
            json.dumps(json_ready(found.to_dict()), allow_nan=False)
            assert bool(found.config()) == bool(found.changes)
