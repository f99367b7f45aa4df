"""Tab completion behind `%train`: verbs, options and their words. Imports a command only to complete its
options."""

from __future__ import annotations

import re
from typing import Any

from IPython.core.error import TryNext

from nbtrain.commands._table import TABLE, command
from nbtrain.commands.spec import Argument

HOOK = "complete_command"
LINE = r"(?:.*[=(\s])?%train(?:_review)?\s"  # also behind `run = `
BACKENDS = ("json", "csv", "tensorboard", "wandb", "mlflow")
_WORDS = {"--log": BACKENDS, "--precision": ("32", "bf16", "16", "auto")}


def install(shell: Any) -> None:
    """Register the completer."""
    shell.set_hook(HOOK, _complete, re_key=LINE)


def uninstall(shell: Any) -> None:
    """Take it out again."""
    known = shell.strdispatchers.get(HOOK)
    if known is not None:
        known.regexs.pop(re.compile(LINE), None)


def _complete(shell: Any, event: Any) -> list[str]:
    found = candidates(event.text_until_cursor)
    if not found:
        raise TryNext  # names of the notebook, files: IPython's own completers know them
    return found


def candidates(text: str) -> list[str]:
    """Return the verbs, options or words that may stand at the end of `text`, a line up to the cursor."""
    _, magic, rest = text.rpartition("%train")
    if not magic:
        return []
    review = rest.startswith("_review")
    words = rest.removeprefix("_review").split()
    begun = "" if text[-1:].isspace() or not words else words.pop()
    verb = "review" if review else words[0] if words and words[0] in TABLE else "start"
    arguments = command(verb).arguments
    if begun.startswith("-"):
        flags = [flag for argument in arguments if not argument.positional for flag in argument.flags]
        return [flag for flag in (*flags, "--help") if flag.startswith(begun) and flag.startswith("--")]
    if words and (option := _option(words[-1], arguments)) is not None and option.kind is not bool:
        choices = option.choices or _WORDS.get(option.flags[0], ())
        return [word for word in choices if word.startswith(begun)]
    if not words and not review:
        return [name for name in TABLE if name.startswith(begun)]
    return []


def _option(word: str, arguments: tuple[Argument, ...]) -> Argument | None:
    return next((argument for argument in arguments if word.replace("_", "-") in argument.flags), None)
