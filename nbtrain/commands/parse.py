"""A line of words -> a command's arguments, with the nearest real option named where one is unknown."""

from __future__ import annotations

import argparse
import difflib
import math
import re
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, NoReturn

from nbtrain.commands.help import help_text, metavar, prog_of
from nbtrain.commands.spec import Argument, Command
from nbtrain.errors import UsageError

_WORD = re.compile(r"""(?:[^\s"']|"[^"]*"|'[^']*')+""")
_QUOTED = re.compile(r"""(?P<flag>(?:--[\w-]+=)?)(?P<q>["'])(?P<inside>.*)(?P=q)""", re.DOTALL)
_OPTION = re.compile(r"^`(?P<name>[a-z]\w*)`(?P<rest> (?:is|holds) )")
_ASSIGNED = re.compile(
    r"""(?<=example )(?P<name>[a-z]\w*)=(?P<q>"?)(?P<value>[^\s",{]+?)(?P=q)(?=[.,]?(?:\s|$))"""
)
_BARE = re.compile(r"argument (?P<flags>\S+): expected one argument")


class HelpAsked(Exception):
    """`--help` was among the words; carries the text."""


class _Parser(argparse.ArgumentParser):
    """argparse that raises instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        bare = _BARE.fullmatch(message)
        if bare is not None:
            flag = bare["flags"].split("/")[0]
            raise UsageError(f"{self.prog}: `{flag}` needs a value.", suggestion=_see(self.prog))
        raise UsageError(f"{self.prog}: {message}.", suggestion=_see(self.prog))


def _see(prog: str) -> str:
    """Return where help is; a cell magic without a body below it is refused by IPython."""
    return f"See {prog.replace('%%', '%', 1)} --help."


def split_line(line: str) -> list[str]:
    """Split a magic's line into words.

    Quotes around a word, or around the value of `--option=`, keep it together and go; other quotes and
    backslashes stay, so that `loaders["train"]` and `C:\\runs` are what they look like. A lone `#` begins a
    comment.

    Raises:
        UsageError: a quote is not closed.
    """
    words = []
    at = 0
    while rest := line[at:].lstrip():
        at = len(line) - len(rest)
        match = _WORD.match(line, at)
        if match is None or (match.end() < len(line) and not line[match.end()].isspace()):
            raise UsageError(
                f"I cannot read the line {line.strip()!r}: a quote is not closed.",
                suggestion="Close the quote.",
            )
        if match.group() == "#":
            break
        quoted = _QUOTED.fullmatch(match.group())
        whole = quoted is not None and quoted["q"] not in quoted["inside"]
        words.append(quoted["flag"] + quoted["inside"] if whole else match.group())
        at = match.end()
    return words


def parse(command: Command, words: list[str], *, front: str = "%train") -> SimpleNamespace:
    """Return the arguments of a command, every one of them present.

    Args:
        words: what follows the verb. front: how the command is called, for messages.

    Raises:
        UsageError: an unknown option or a wrong value. HelpAsked: `--help`.
    """
    prog = prog_of(command, front)
    words = [_dashes(word) for word in words]
    if "--help" in words or "-h" in words:
        raise HelpAsked(help_text(command, front))
    parser = _Parser(prog=prog, add_help=False, allow_abbrev=False)
    for argument in command.arguments:
        _add(parser, argument, words)
    # Intermixed, so that `model --epochs 3 loader` is read as a person means it.
    found, rest = parser.parse_known_intermixed_args(words)
    if rest:
        raise _unknown(rest[0], command, prog)
    return SimpleNamespace(**vars(found))


def _add(parser: argparse.ArgumentParser, argument: Argument, words: list[str]) -> None:
    if argument.kind is bool:
        parser.add_argument(*argument.flags, dest=argument.dest, action="store_true")
    elif argument.positional:
        parser.add_argument(
            argument.flags[0],
            nargs="*" if argument.many else "?",
            default=[] if argument.many else argument.default,
            metavar=argument.metavar,
        )
    else:
        parser.add_argument(
            *argument.flags,
            dest=argument.dest,
            type=_reader(argument, words),
            action="append" if argument.many else "store",
            default=argument.default,
            metavar=metavar(argument),
        )


def _reader(argument: Argument, words: list[str]) -> Callable[[str], Any]:
    if argument.kind in (int, float):
        return _number_of(argument, words)
    return _choice_of(argument) if argument.choices else str


def _choice_of(argument: Argument) -> Callable[[str], str]:
    """Return what reads one of a few words; another is told with those allowed and the nearest."""
    flag, allowed = argument.flags[0], argument.choices

    def read(word: str) -> str:
        if word in allowed:
            return word
        close = difflib.get_close_matches(word.lower(), allowed, n=1, cutoff=0.5)
        said = f"{', '.join(allowed[:-1])} or {allowed[-1]}"
        raise UsageError(
            f"`{flag} {word}`: it must be {said}.",
            suggestion=f"Did you mean `{flag} {close[0]}`?" if close else f"For example {flag} {allowed[0]}.",
        )

    return read


def _number(word: str) -> int | float:
    """`10`, `1e-3`, `1_000`: a whole number stays whole."""
    value = float(word.replace("_", ""))
    if not math.isfinite(value):
        raise ValueError(word)
    return int(value) if value.is_integer() and "." not in word and "e" not in word.lower() else value


def _number_of(argument: Argument, words: list[str]) -> Callable[[str], int | float | str]:
    """Return what reads an option's number and says a wrong one with the flag that was used."""
    used = (word.partition("=")[0] for word in words)
    flag = next((word for word in used if word in argument.flags), argument.flags[0])

    def read(word: str) -> int | float | str:
        if word in argument.words:
            return word
        try:
            return _number(word)
        except ValueError:
            whole = argument.kind is int
            allowed = f"a whole number, at least {argument.least}" if whole else "a finite number"
            allowed = ", or ".join([allowed, *argument.words])
            raise UsageError(
                f"`{flag} {word}`: it must be {allowed}.",
                suggestion=f"For example {flag} {'10' if whole else '0.1'}.",
            ) from None

    return read


def as_typed(error: UsageError, options: Sequence[Argument]) -> UsageError:
    """Return an error about an option's value in the words of a line: `--epochs 10` for `epochs=10`."""
    flags = {option.dest: option.flags[0] for option in options}

    def named(found: re.Match[str]) -> str:
        return f"`{flags[found['name']]}`{found['rest']}" if found["name"] in flags else found[0]

    def assigned(found: re.Match[str]) -> str:
        return f"{flags[found['name']]} {found['value']}" if found["name"] in flags else found[0]

    message, suggestion = _OPTION.sub(named, error.message), _ASSIGNED.sub(assigned, error.suggestion)
    return type(error)(message, suggestion=suggestion, **error.details)


def _dashes(word: str) -> str:
    """`--max_epochs` and `--max-epochs` are one option."""
    if not word.startswith("--"):
        return word
    flag, equals, value = word.partition("=")
    return flag.replace("_", "-") + equals + value


def _unknown(word: str, command: Command, prog: str) -> UsageError:
    if not word.startswith("-"):
        return UsageError(f"`{word}` is not expected by {prog}.", suggestion=_see(prog))
    if command.refuse is not None and (refusal := command.refuse(word)) is not None:
        return refusal
    flags = [flag for argument in command.arguments if not argument.positional for flag in argument.flags]
    close = difflib.get_close_matches(word.partition("=")[0], flags, n=1)
    hint = f"Did you mean `{close[0]}`?" if close else _see(prog)
    return UsageError(f"`{word}` is not an option of {prog}.", suggestion=hint)
