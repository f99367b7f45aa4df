"""What --help says of a command: its usage, its options in one column each, examples. Knows no front."""

from __future__ import annotations

import textwrap

from nbtrain.commands.spec import Argument, Command

WIDTH = 100
LEFT = 26  # columns of the options; a longer one stands on a line of its own


def prog_of(command: Command, front: str) -> str:
    """Return how a front says the command: `%train`, `%train stop`, `nbtrain start`."""
    alone = front.startswith("%%") or (command.name == "start" and front.startswith("%"))
    return front if alone else f"{front} {command.name}"


def help_text(command: Command, front: str) -> str:
    """Return the help of a command as a front says it."""
    prog = prog_of(command, front)
    positional = [argument for argument in command.arguments if argument.positional]
    options = [argument for argument in command.arguments if not argument.positional]
    words = [f"[{one.metavar or one.dest}{' ...' if one.many else ''}]" for one in positional]
    usage = " ".join([prog, *words, *(["[options]"] if options else [])])
    there = "%train" if command.notebook_only and not front.startswith("%") else front
    only = " It works on a notebook's objects: use it there." if there != front else ""
    notebook = front if front.startswith("%") else "%train"
    said = [(notebook, one) for one in command.with_objects] + [(there, one) for one in command.examples]
    examples = [f"  {prog_of(command, way)} {example}".rstrip() for way, example in said]
    summary = textwrap.wrap(f"{command.summary[:1].upper()}{command.summary[1:]}.{only}", WIDTH)
    lines = [f"usage: {usage}", "", *summary, ""]
    for argument in (*positional, *options):
        lines += _argument_lines(argument)
    return "\n".join([*lines, "", "examples:", *examples]) + "\n"


def _argument_lines(argument: Argument) -> list[str]:
    first, *others = argument.flags
    if argument.positional:
        left = argument.metavar or argument.dest
    else:
        value = "" if argument.kind is bool else f" {metavar(argument)}"
        short = [flag for flag in others if not flag.startswith("--")]
        left = f"{', '.join([first, *short])}{value}"
    also = [flag for flag in others if flag.startswith("--")]
    said = f"{argument.help}; also {', '.join(also)}" if also else argument.help
    wrapped = textwrap.wrap(said, WIDTH - LEFT - 2, break_on_hyphens=False)
    if len(left) > LEFT - 2:
        return [f"  {left}", *(f"  {'':{LEFT}}{line}" for line in wrapped)]
    return [f"  {left if at == 0 else '':{LEFT}}{line}" for at, line in enumerate(wrapped)]


def metavar(argument: Argument) -> str:
    """Return what stands for an option's value."""
    return argument.metavar or {int: "N", float: "X"}.get(argument.kind, argument.dest.upper())
