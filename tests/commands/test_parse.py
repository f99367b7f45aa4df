"""Tests of nbtrain.commands.parse: a line becomes words, words become arguments."""

from __future__ import annotations

from typing import Any

import pytest

from nbtrain.commands import watch
from nbtrain.commands._table import TABLE, command
from nbtrain.commands.parse import HelpAsked, as_typed, parse, split_line
from nbtrain.errors import UsageError
from nbtrain.train.options import TrainOptions


def start(*words: str) -> Any:
    return parse(command("start"), list(words))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("model  loader\t--epochs 3", ["model", "loader", "--epochs", "3"]),
        ('--name "two words" --yes', ["--name", "two words", "--yes"]),
        ("--name='two words'", ["--name=two words"]),
        ('model loaders["train"]', ["model", 'loaders["train"]']),
        ('loaders["my train"]', ['loaders["my train"]']),
        (r"--dir C:\runs\new", ["--dir", r"C:\runs\new"]),
        ("--yes  # go", ["--yes"]),
        ("--name run#3", ["--name", "run#3"]),
        ("", []),
        ("--name ''", ["--name", ""]),
    ],
)
def test_a_line_is_split_as_it_looks(line: str, words: list[str]) -> None:
    """Quotes around a word go, quotes and backslashes inside stay, a lone # begins a comment."""
    assert split_line(line) == words


@pytest.mark.parametrize("line", ['--name "half', "it's", '"a" \'b'])
def test_an_open_quote_is_said(line: str) -> None:
    """A quote that is not closed is a usage error that says so."""
    with pytest.raises(UsageError, match=r"a quote is not closed\. Close the quote"):
        split_line(line)


def test_names_may_stand_between_options() -> None:
    """Positional words are read wherever they stand."""
    args = start("model", "--epochs", "3", "loader", "--yes")

    assert args.objects == ["model", "loader"]
    assert (args.epochs, args.yes) == (3, True)


@pytest.mark.parametrize(
    "words",
    [
        ("--max_epochs=3",),
        ("--max-epochs", "3"),
        ("--num_train_epochs", "3"),
        ("--num-epochs=3",),
        ("--epochs=3",),
    ],
)
def test_every_spelling_of_an_option_is_one_option(words: tuple[str, ...]) -> None:
    """Dashes or underscores, `=` or a space, and other libraries' names mean the same."""
    assert start(*words).epochs == 3


def test_numbers_keep_their_kind() -> None:
    """Whole numbers stay whole, 1e-3 and 1_000 are numbers, a negative value is a value and no option."""
    args = start("--epochs", "1_000", "--clip", "1e-3", "--seed", "-1")

    assert (args.epochs, type(args.epochs)) == (1000, int)
    assert args.clip == 0.001
    assert args.seed == -1


@pytest.mark.parametrize("word", ["ten", "nan", "inf", "1e999"])
def test_what_is_no_number_is_refused(word: str) -> None:
    """A word where a number belongs is named, and so are not-a-number and infinity."""
    with pytest.raises(UsageError, match=f"`--epochs {word}`: it must be a whole number, at least 1"):
        start("--epochs", word)


def test_an_unknown_option_names_the_nearest() -> None:
    """A mistyped option gets the option that was probably meant."""
    with pytest.raises(UsageError) as caught:
        start("--epoch", "3")

    assert str(caught.value) == "`--epoch` is not an option of %train. Did you mean `--epochs`?"


def test_an_abbreviation_is_not_guessed() -> None:
    """`--val-ev` is no option, though only one begins so."""
    with pytest.raises(UsageError, match=r"Did you mean `--val-every`"):
        start("--val-ev", "3")


def test_a_word_too_many_is_named() -> None:
    """A verb that takes one word says which one it does not expect."""
    with pytest.raises(UsageError, match=r"`b` is not expected by %train stop"):
        parse(command("stop"), ["a", "b"])


@pytest.mark.parametrize(
    ("verb", "words", "said"),
    [
        ("stop", ("--after", "lunch"), "`--after lunch`: it must be step or epoch. For example"),
        ("stop", ("--after=epcoh",), "must be step or epoch. Did you mean `--after epoch`?"),
        ("start", ("--on-nan", "skpi"), "it must be stop, skip or recover. Did you mean `--on-nan skip`?"),
        ("start", ("--guard", "On"), "it must be on, detect or off. Did you mean `--guard on`?"),
    ],
)
def test_choices_are_listed(verb: str, words: tuple[str, ...], said: str) -> None:
    """A word that is none of the allowed ones is told with those, and with the one that was meant."""
    with pytest.raises(UsageError) as caught:
        parse(command(verb), list(words))
    assert said in str(caught.value) and "invalid choice" not in str(caught.value)


def test_repeated_options_gather() -> None:
    """--metric may be given several times."""
    assert start("--metric", "a=f", "--metric=g").metric == ["a=f", "g"]


@pytest.mark.parametrize("front", ["%train", "nbtrain"])
@pytest.mark.parametrize("verb", TABLE)
def test_every_verb_has_help_with_an_example(verb: str, front: str) -> None:
    """--help names every option, fits 100 columns, and ends with an example in the front's own words."""
    with pytest.raises(HelpAsked) as caught:
        parse(command(verb), ["--help"], front=front)
    text = str(caught.value)
    examples = text.partition("examples:\n")[2].strip().splitlines()

    for argument in command(verb).arguments:
        assert all(flag in text for flag in argument.flags if not argument.positional)
    assert examples and all(line.strip().startswith(("%train", "nbtrain")) for line in examples)
    assert all(len(line) <= 100 for line in text.splitlines())


@pytest.mark.parametrize("verb", TABLE)
def test_examples_can_be_typed(verb: str) -> None:
    """What help shows as an example is understood."""
    for example in (*command(verb).examples, *command(verb).with_objects):
        parse(command(verb), split_line(example))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--num-epochs=two",), "`--num-epochs two`: it must be a whole number, at least 1."),
        (("--seed", "abc"), "`--seed abc`: it must be a whole number, at least 0. For example --seed 10."),
        (("--clip", "nan"), "`--clip nan`: it must be a finite number. For example --clip 0.1."),
        (("--epochs",), "%train: `--epochs` needs a value."),
    ],
)
def test_a_wrong_number_is_said_in_our_words(words: tuple[str, ...], said: str) -> None:
    """The flag as typed, the value, what is allowed; a bare option is told to need a value."""
    with pytest.raises(UsageError) as caught:
        start(*words)

    assert said in str(caught.value)
    assert "argument" not in str(caught.value)


def test_the_way_to_the_help_of_a_cell_magic_works() -> None:
    """IPython refuses %%train without a body, so that the hint names %train --help."""
    with pytest.raises(UsageError, match="See %train --help") as caught:
        parse(watch.CELL, ["--zzz"], front="%%train")

    assert "See %%train" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"epochs": 0}, "`--epochs` is 0; it must be a whole number, at least 1. For example --epochs 10."),
        ({"precision": "8"}, "allowed are 32, bf16, 16 and auto. For example --precision bf16."),
        ({"val_every": 0}, "it must be a whole number, at least 1. For example --val-every 10."),
        ({"clip": -1}, "For example --clip 1.0."),
        ({"max_time": "soon"}, "For example --max-time 2h, "),
        ({"name": ""}, "For example --name first."),
    ],
)
def test_a_line_is_answered_in_the_words_of_a_line(given: dict[str, Any], said: str) -> None:
    """What an option may be is said with the flag that was typed, not as Python."""
    with pytest.raises(UsageError) as caught:
        TrainOptions.from_words({"log": "json", **given})
    assert said in str(as_typed(caught.value, command("start").arguments))
