"""A line of words -> a command's arguments, with the nearest real option named where one is unknown."""

from __future__ import annotations

import argparse
import difflib
import shlex
from types import SimpleNamespace
from typing import NoReturn

from nbtrain.commands.spec import Argument, Command
from nbtrain.errors import UsageError


class HelpAsked(Exception):
    """`--help` was among the words; carries the text."""


class _Parser(argparse.ArgumentParser):
    """argparse that raises instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}.", suggestion=f"See {self.prog} --help.")


def split_line(line: str) -> list[str]:
    """Split a magic's line into words, quotes respected.

    Raises:
        UsageError: a quote is not closed.
    """
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(
            f"I cannot read the line {line!r}: {str(error).lower()}.", suggestion="Close the quote."
        ) from None


def parse(command: Command, words: list[str], *, front: str = "%train") -> SimpleNamespace:
    """Return the arguments of a command, every one of them present.

    Args:
        words: what follows the verb. front: how the command is called, for messages.

    Raises:
        UsageError: an unknown option or a wrong value. HelpAsked: `--help`.
    """
    prog = front if command.name == "start" and front.startswith("%") else f"{front} {command.name}"
    parser = _Parser(
        prog=prog,
        description=command.summary[:1].upper() + command.summary[1:] + ".",
        add_help=False,
        allow_abbrev=False,
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    if command.examples:
        parser.epilog = "examples:\n" + "\n".join(f"  {example}" for example in command.examples)
    for argument in command.arguments:
        _add(parser, argument)
    words = [_dashes(word) for word in words]
    if "--help" in words or "-h" in words:
        raise HelpAsked(parser.format_help())
    found, rest = parser.parse_known_args(words)
    if rest:
        raise _unknown(rest[0], command, prog)
    return SimpleNamespace(**vars(found))


def _add(parser: argparse.ArgumentParser, argument: Argument) -> None:
    if argument.kind is bool:
        parser.add_argument(
            *argument.flags,
            dest=argument.dest,
            action="store_true",
            default=argument.default or False,
            help=argument.help,
        )
    elif argument.positional:
        parser.add_argument(
            argument.flags[0], nargs="*" if argument.many else "?", type=argument.kind, default=[] if argument.many else argument.default,
            help=argument.help, metavar=argument.metavar,
        )  # fmt: skip
    else:
        parser.add_argument(
            *argument.flags, dest=argument.dest, type=_number if argument.kind in (int, float) else argument.kind,
            action="append" if argument.many else "store", default=argument.default, help=argument.help,
            metavar=argument.metavar or argument.dest.upper(),
        )  # fmt: skip


def _number(word: str) -> int | float:
    """`10`, `1e-3`, `1_000`: a whole number stays whole."""
    value = float(word.replace("_", ""))
    return int(value) if value.is_integer() and "." not in word and "e" not in word.lower() else value


_number.__name__ = "number"  # argparse puts it into "invalid number value"


def _dashes(word: str) -> str:
    """`--max_epochs` and `--max-epochs` are one option."""
    if not word.startswith("--"):
        return word
    flag, equals, value = word.partition("=")
    return flag.replace("_", "-") + equals + value


def _unknown(word: str, command: Command, prog: str) -> UsageError:
    flags = [flag for argument in command.arguments if not argument.positional for flag in argument.flags]
    close = difflib.get_close_matches(word.partition("=")[0], flags, n=1)
    hint = f"Did you mean `{close[0]}`?" if close else f"See {prog} --help."
    what = "an option" if word.startswith("-") else "expected here"
    return UsageError(
        f"`{word}` is not {what} of {prog}."
        if what == "an option"
        else f"`{word}` is not expected by {prog}.",
        suggestion=hint,
    )
