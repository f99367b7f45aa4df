"""The table of verbs agrees with the commands, and the options of %train with those of training."""

from __future__ import annotations

from dataclasses import fields

import pytest

from nbtrain.commands._table import TABLE, command, nearest_verb, verbs_text
from nbtrain.commands.start import OPTIONS
from nbtrain.train.options import ALIASES, TrainOptions


@pytest.mark.parametrize("verb", TABLE)
def test_the_table_says_what_the_command_says(verb: str) -> None:
    """Name and summary in the static table are those of the command itself."""
    found = command(verb)

    assert (found.name, found.summary) == (verb, TABLE[verb][1])


def test_every_command_module_is_in_the_table() -> None:
    """No module defines a command that the table lacks."""
    from importlib import import_module
    from pkgutil import iter_modules

    import nbtrain.commands as package

    defined = set()
    for found in iter_modules(package.__path__):
        module = import_module(f"nbtrain.commands.{found.name}")
        defined |= set(getattr(module, "COMMANDS", None) or ())
        defined |= {module.COMMAND.name} if hasattr(module, "COMMAND") else set()

    assert defined == set(TABLE)


def test_every_option_of_training_can_be_said_in_a_line() -> None:
    """Each field of TrainOptions has its option; metrics are said one by one with --metric."""
    said = {argument.dest for argument in OPTIONS}
    options = {field.name for field in fields(TrainOptions)} - {"given", "guess_accuracy", "metrics"}

    assert options <= said


def test_other_libraries_names_work_in_a_line_too() -> None:
    """An alias that nbtrain.train takes is an option of %train, of the same meaning."""
    flags = {flag: argument.dest for argument in OPTIONS for flag in argument.flags}

    assert {alias: flags.get("--" + alias.replace("_", "-")) for alias in ALIASES} == ALIASES


def test_a_mistyped_verb_is_recognised_and_a_name_is_not() -> None:
    """Close words suggest a verb; the names of models do not."""
    assert nearest_verb("stauts") == "status"
    assert nearest_verb("stpo") == "stop"
    assert nearest_verb("net") is None


def test_the_verbs_stand_in_columns() -> None:
    """The list of verbs has one line each, its summaries below one another."""
    lines = verbs_text().splitlines()

    assert [line.split()[0] for line in lines] == list(TABLE)
    assert len({line.index(TABLE[line.split()[0]][1]) for line in lines}) == 1
