"""Tests of nbtrain.notebook.overlooked: what could have been meant and was not taken is named."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from nbtrain.errors import UsageError
from nbtrain.notebook.namespace import find_setup


def typed(source: str, **there: Any) -> dict[str, Any]:
    """Return the variables after a cell, whose functions and classes belong to the notebook."""
    space = {"__name__": "__main__", **there}
    exec(source, space)
    return space


def test_a_function_of_two_values_is_named_where_a_loss_is_chosen(nb: Any) -> None:
    """`contrastive(d, t)` is not silently passed over; measures, loops and imported functions are no loss."""
    cells = (
        "from math import dist\n"
        "def contrastive(d, t): return (d - t).abs().mean()\n"
        "def accuracy(output, target): return 0\n"
        "def train_step(model, batch): return 0\n"
        "def fit(model, loader): return 0\n"
    )
    there = nb.notebook()
    del there["criterion"]

    (remark,) = find_setup(typed(cells, **there)).remarks
    assert "`contrastive` takes two values and is not used" in remark
    assert "--loss contrastive" in remark
    assert not {"accuracy", "train_step", "fit", "dist"} & set(remark.replace("`", " ").split())

    there["criterion"] = nn.CrossEntropyLoss()
    assert find_setup(typed(cells, **there)).remarks == ()


def test_a_model_that_a_class_keeps_can_be_named(nb: Any) -> None:
    """The way to it is in the message, and it leads to the model."""
    there = nb.notebook()
    del there["model"], there["optimizer"]
    space = typed("class Experiment: model = Net()\nexp = Experiment()", **there)

    with pytest.raises(UsageError, match=r"`%train Experiment\.model`|`%train exp\.model`") as caught:
        find_setup(space)
    assert "a class keeps" in str(caught.value)
    assert find_setup(space, model="exp.model").model.value is space["exp"].model


def test_an_optimizer_without_its_model_says_how_to_name_one(nb: Any) -> None:
    """The message of a model that is not among the variables tells that an attribute can be named."""
    there = nb.notebook(optimizer=torch.optim.Adam(nb.Net().parameters()))
    del there["model"], there["Net"]

    with pytest.raises(UsageError, match=r"%train exp\.model"):
        find_setup(there)
