"""Tests of nbtrain.commands.still_held: a plan is not started on objects that the notebook made again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from nbtrain.commands._table import command
from nbtrain.commands.parse import parse, split_line
from nbtrain.commands.spec import Context
from nbtrain.commands.still_held import still_held
from nbtrain.errors import UsageError


def test_what_is_still_there_passes() -> None:
    """Nothing is said while each name and way leads where it led, whatever else changes."""
    variables: dict[str, Any] = {"model": object(), "trainer": SimpleNamespace(data=[1]), "lr": 1}
    check = still_held(["model", "trainer.data", "", "nowhere", "model.nothing"], variables)
    variables["lr"] = 2

    check()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (["model"], "`model` was made again since this plan: run %train again."),
        (["model", "opt"], "`model` and `opt` were made again since this plan: run %train again."),
        (["trainer.data"], "`trainer.data` was made again since this plan: run %train again."),
    ],
)
def test_what_was_made_again_is_named(changed: list[str], said: str) -> None:
    """The names are in the message, also of an attribute that was set anew."""
    variables: dict[str, Any] = {"model": object(), "opt": object(), "trainer": SimpleNamespace(data=[1])}
    check = still_held(["model", "opt", "trainer.data"], variables)
    for name in changed:
        if name == "trainer.data":
            variables["trainer"].data = [1]
        else:
            variables[name] = object()

    with pytest.raises(UsageError) as caught:
        check()
    assert str(caught.value) == said


def test_what_was_deleted_is_named() -> None:
    """A name that is gone is not called made again."""
    variables: dict[str, Any] = {"model": object()}
    check = still_held(["model"], variables)
    del variables["model"]

    with pytest.raises(UsageError, match="`model` is no longer in the notebook: run %train again"):
        check()


def test_a_way_that_makes_its_object_each_time_is_left_out() -> None:
    """A property that gives a new object at each look says nothing about a plan."""

    class Trainer:
        @property
        def loader(self) -> list[int]:
            return [1]

    still_held(["trainer.loader"], {"trainer": Trainer()})()


@pytest.mark.parametrize("role", ["model", "optimizer", "criterion", "train_loader", "val_loader"])
def test_a_planned_run_checks_each_role(role: str, objects: dict[str, Any]) -> None:
    """start() of a planned run refuses when any of its objects was made again, and stays planned."""
    import copy

    context = Context(namespace=objects, log="json")
    run = command("start").run(parse(command("start"), split_line("--epochs 1")), context)
    kept = objects[role]
    objects[role] = copy.copy(kept)
    with pytest.raises(UsageError, match=f"`{role}` was made again since this plan"):
        run.start()
    assert run.status == "planned"

    objects[role] = kept
    assert run.start().wait(60).status == "completed"
