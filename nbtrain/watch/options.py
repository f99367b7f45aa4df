"""What a person may say about a followed loop, checked before anything starts."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from numbers import Real
from pathlib import Path
from typing import Any

from nbtrain.errors import UsageError
from nbtrain.running.backends import backends

ON_NAN = ("alert", "stop")
ALIASES = {"checkpoint_every": "save_every", "save_steps": "save_every", "output_dir": "dir"}


@dataclass(frozen=True)
class WatchOptions:
    """Options of a followed loop.

    Attributes:
        name: of the run. log: logging backends; empty means not chosen. dir: folder of the run folders.
        save_every: optimizer steps between checkpoints; None saves only when asked to.
        on_nan: "alert" says that a loss or gradient is not finite; "stop" ends the loop before the weights
            take it in, at the price of waiting for the device in each step.
        keep: periodic checkpoints kept besides best, last and one backup.
    """

    name: str = ""
    log: tuple[str, ...] = ()
    dir: Path = Path("runs")
    save_every: int | None = None
    on_nan: str = "alert"
    keep: int = 2

    @classmethod
    def from_words(cls, words: Mapping[str, Any]) -> WatchOptions:
        """Build options from keyword arguments.

        Raises:
            UsageError: an unknown name, with the nearest known one; or a value that is not allowed.
        """
        known = [field.name for field in fields(cls)]
        values: dict[str, Any] = {}
        for word, value in words.items():
            name = ALIASES.get(word, word)
            if name not in known:
                close = difflib.get_close_matches(word, [*known, *ALIASES], n=1)
                hint = f"Did you mean `{close[0]}`?" if close else f"Options are: {', '.join(known)}."
                raise UsageError(f"`{word}` is not an option of a followed loop.", suggestion=hint)
            if value is not None:
                values[name] = _CHECKS[name](word, value)
        return cls(**values)


def _whole(low: int) -> Any:
    def check(name: str, value: Any) -> int:
        whole = isinstance(value, Real) and not isinstance(value, bool) and float(value).is_integer()
        if not whole or value < low:
            raise UsageError(
                f"`{name}` is {value!r}; it must be a whole number of steps, at least {low}.",
                suggestion=f"For example {name}=100.",
            )
        return int(value)

    return check


def _on_nan(name: str, value: Any) -> str:
    if value not in ON_NAN:
        raise UsageError(
            f"`{name}` is {value!r}; allowed are {' and '.join(ON_NAN)}.",
            suggestion='For example on_nan="stop".',
        )
    return value


_CHECKS = {
    "name": lambda name, value: str(value),
    "log": lambda name, value: backends(value),
    "dir": lambda name, value: Path(value).expanduser(),
    "save_every": _whole(1),
    "keep": _whole(0),
    "on_nan": _on_nan,
}
