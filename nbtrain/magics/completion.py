"""Tab completion behind `%train`: verbs, options and their words, names of the notebook."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from IPython.core.error import TryNext

from nbtrain.commands._table import TABLE, command
from nbtrain.commands.spec import Argument
from nbtrain.commands.watch import CELL
from nbtrain.running.backends import BACKENDS
from nbtrain.train.options import PRECISIONS  # without torch

HOOK = "complete_command"
LINE = r"(?:.*[=(\s]|%)?%train(?:_review)?\s"  # also behind `run = `
_WORDS = {
    "--log": BACKENDS, "--precision": tuple(dict.fromkeys(PRECISIONS.values())),
    "--on-nan": ("alert", "stop"),
}  # fmt: skip


def install(shell: Any) -> None:
    """Register the completer."""
    shell.set_hook(HOOK, _complete, re_key=LINE)


def uninstall(shell: Any) -> None:
    """Take it out again."""
    known = shell.strdispatchers.get(HOOK)
    if known is not None:
        known.regexs.pop(re.compile(LINE), None)


def _complete(shell: Any, event: Any) -> list[str]:
    names = [name for name in shell.user_ns if name[:1] != "_" and name not in shell.user_ns_hidden]
    found = candidates(event.text_until_cursor, names)
    if not found:
        raise TryNext  # files, attributes: IPython's own completers know them
    return found


def candidates(text: str, names: Sequence[str] = ()) -> list[str]:
    """Return what may stand at the end of `text`, a line up to the cursor: verbs, options, words, names.

    Args:
        names: the notebook's variables.
    """
    before, magic, rest = text.rpartition("%train")
    if not magic:
        return []
    of_a_cell = before.endswith("%") and not rest.startswith("_review")
    review = rest.startswith("_review")
    words = rest.removeprefix("_review").split()
    begun = "" if text[-1:].isspace() or not words else words.pop()
    verb = "review" if review else words[0] if words and words[0] in TABLE else "start"
    arguments = CELL.arguments if of_a_cell else command(verb).arguments
    if begun.startswith("-"):
        flags = [flag for argument in arguments if not argument.positional for flag in argument.flags]
        return [flag for flag in (*flags, "--help") if flag.startswith(begun) and flag.startswith("--")]
    option = _option(words[-1], arguments) if words else None
    choices = option.choices or _WORDS.get(option.flags[0], ()) if option else ()
    verbs = list(TABLE) if not words and not review else []
    others = () if of_a_cell else (*verbs, *names)  # a cell's own loop is told no names
    return [word for word in choices or others if word.startswith(begun)]


def _option(word: str, arguments: tuple[Argument, ...]) -> Argument | None:
    """Return the option that waits for a value behind `word`."""
    flags = (argument for argument in arguments if argument.kind is not bool)
    return next((argument for argument in flags if word.replace("_", "-") in argument.flags), None)
