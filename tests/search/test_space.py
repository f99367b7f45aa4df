"""Spaces: what they may say, what they refuse, and the combinations that come of them."""

from __future__ import annotations

from typing import Any

import pytest

from nbtrain.errors import UsageError
from nbtrain.search.importance import importance_of
from nbtrain.search.options import SearchOptions
from nbtrain.search.reading import space_of
from nbtrain.search.study import Trial, best_of


def test_a_grid_has_each_combination_once_and_conditions_leave_out_what_is_not_there() -> None:
    """Two optimizers, momentum for one of them alone: three learning rates x (2 + 1) combinations."""
    space = space_of({
        "momentum": {"values": [0.0, 0.9], "when": {"optimizer": "sgd"}},
        "optimizer": ["sgd", "adam"],
        "lr": {"low": 1e-4, "high": 1e-2, "log": True, "points": 3},
    })  # fmt: skip
    grid = space.grid()

    assert len(grid) == 9
    assert len({repr(sorted(one.items())) for one in grid}) == 9
    assert all(("momentum" in one) == (one["optimizer"] == "sgd") for one in grid)
    assert sorted({one["lr"] for one in grid}) == [1e-4, 1e-3, 1e-2]
    assert space_of(space.plain()) == space, "what is written down is read as the same"


def test_every_value_is_looked_at_with_what_its_condition_needs() -> None:
    """Each listed value and both ends of each range come up, in a combination where they are there."""
    space = space_of({"a": ["x", "y"], "b": {"low": 1, "high": 9, "when": {"a": "y"}}})
    looked = list(space.looked_at())

    assert [(name, value) for name, value, _ in looked] == [("a", "x"), ("a", "y"), ("b", 1), ("b", 9)]
    assert all(values.get("a") == "y" for name, _, values in looked if name == "b")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (None, "nothing"), ([1], "list"), ({"lr": []}, "no values"), ({"lr": {"low": 1}}, "lr.high"),
        ({"lr": {"low": 2, "high": 1}}, "down to"), ({"lr": {"low": 0, "high": 1, "log": True}},
        "begins at 0"),
        ({"lr": {"low": 0, "high": 1, "lgo": True}}, "lgo"), ({"lr": [1, 1]}, "twice"),
        ({"lr": [float("nan")]}, "nan"), ({"lr": {"low": 1, "high": 2, "step": -1}}, "step"),
        ({"a": {"values": [1], "when": {"b": 1}}}, "no parameter"), ({"x": [object()]}, "written down"),
        ({"b": [1, 2], "a": {"values": [1], "when": {"b": 3}}}, "never"), ({"lr": {"values": 3}},
        "list is needed"),
        ({"a": {"values": [1], "when": {"b": 1}}, "b": {"values": [1], "when": {"a": 1}}},
        "wait for each other"),
        ({"lr": {"low": True, "high": 2}}, "finite number"), ({"lr": {"low": 1, "high": 2, "type": "str"}},
        "type"),
    ],
)  # fmt: skip
def test_what_is_no_space_is_refused_in_words(said: Any, told: str) -> None:
    """The error names the parameter and what is wrong with it."""
    with pytest.raises(UsageError, match=told):
        space_of(said)


def test_a_grid_refuses_ranges_without_values_and_grids_without_end() -> None:
    """A range needs a step or points; more than 10,000 combinations are a slip of the keys."""
    with pytest.raises(UsageError, match="without a step"):
        space_of({"lr": {"low": 0.1, "high": 0.5}}).grid()
    with pytest.raises(UsageError, match="more than 10,000"):
        space_of({name: list(range(20)) for name in "abcd"}).grid()
    assert space_of({"n": {"low": 1, "high": 4}}).grid() == [{"n": n} for n in (1, 2, 3, 4)]


def test_options_are_checked_and_the_direction_is_told_by_the_name() -> None:
    """Accuracies are to rise, losses to fall, unless it is said."""
    assert SearchOptions.from_words({"metric": "val_acc"}).maximize
    assert not SearchOptions.from_words({"metric": "val_perplexity"}).maximize
    assert SearchOptions.from_words({"metric": "val_mine", "direction": "max"}).maximize
    for words in ({"method": "magic"}, {"n_trials": 0}, {"jobs": 1.5}, {"seed": -1}, {"trails": 3}):
        with pytest.raises(UsageError):
            SearchOptions.from_words(words)


def test_importance_finds_the_parameter_that_decides() -> None:
    """Of two parameters the one that makes the value explains the order, the other next to nothing."""
    space = space_of({"lr": {"low": 1e-4, "high": 1e-1, "log": True}, "dropout": [0.0, 0.5]})
    trials = [
        Trial(n, "completed", {"lr": 10 ** (-4 + n / 5), "dropout": 0.5 * (n % 2)}, value=n + 0.1 * (n % 3))
        for n in range(15)
    ]
    found = importance_of(trials, space)

    assert found["lr"] > 0.8 and found["dropout"] < 0.1
    assert importance_of(trials[:9], space) == {}, "of nine trials nothing is said"
    assert best_of(trials, maximize=True).number == 14 and best_of(trials, maximize=False).number == 0
