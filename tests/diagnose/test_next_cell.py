"""The change of a diagnosis as code: what it sets, what it leaves to be made, and for a configured run."""

from __future__ import annotations

import ast

import pandas as pd
import pytest

from nbtrain.diagnose.history import Hints, History
from nbtrain.diagnose.next_cell import next_cell


def of(hints: Hints) -> History:
    return History("digits", "rows", pd.DataFrame({"epoch": [1.0]}), hints=hints)


def test_settings_of_the_optimizer_are_set_and_options_stand_on_the_line() -> None:
    """Rates go into the groups of the person's optimizer, options onto %train, the rest is named."""
    hints = Hints(settings={"epochs": 40}, optimizer_name="adam")
    code = next_cell(of(hints), {"lr": 3e-4, "clip": 1.0, "dropout": 0.3})
    *python, magic = code.splitlines()

    assert magic == "%train --epochs 40 --clip 1.0"
    assert "# dropout: 0.3" in python and "for group in adam.param_groups:" in python
    ast.parse("\n".join(python))


def test_a_loop_of_ones_own_gets_no_line_of_train() -> None:
    """No option of %train reaches a followed loop: what would be one is named in a comment."""
    code = next_cell(of(Hints(followed=True)), {"clip": 1.0, "lr": 0.01})

    assert "%train" not in code and "# clip: 1.0" in code and 'group["lr"] = 0.01' in code


@pytest.mark.parametrize("written", ["", "my changes.yaml"])
def test_a_configured_run_gets_its_command_line(written: str) -> None:
    """The change is written by --apply, unless it was, and the configuration trained with it."""
    code = next_cell(of(Hints(configuration="runs/a/config.yaml")), {"lr": 0.01}, written=written)
    *before, train = code.splitlines()

    assert before == ([] if written else ["%train diagnose digits --apply"])
    word = "'my changes.yaml'" if written else "optimization.yaml"
    assert train == f"%train --config runs/a/config.yaml --mode optimization --from {word}"
    assert next_cell(of(Hints()), {}) == ""
