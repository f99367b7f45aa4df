"""What a person may say about a followed loop, checked before anything starts."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from numbers import Real
from pathlib import Path
from typing import Any

from nbtrain.errors import UsageError
from nbtrain.running.amounts import amount, currency, duration
from nbtrain.running.backends import backends

ON_NAN = ("alert", "stop")
ALIASES = {
    "checkpoint_every": "save_every", "save_steps": "save_every", "output_dir": "dir",
    "time_limit": "max_time",
}  # fmt: skip
# What our own loop is told, and the code of a followed one decides for itself.
OF_THE_LOOP = frozenset({
    "epochs", "max_epochs", "num_epochs", "max_steps", "patience", "early_stopping_patience", "lr",
    "optimizer", "loss", "scheduler", "accumulate", "accumulate_grad_batches",
    "gradient_accumulation_steps", "clip", "gradient_clip_val", "max_grad_norm", "precision", "val_every",
    "val", "split", "seed", "metrics", "device", "stop_rise", "stop_grad_norm", "on_stall", "resume", "fast",
})  # fmt: skip


@dataclass(frozen=True)
class WatchOptions:
    """Options of a followed loop.

    Attributes:
        name: of the run. log: logging backends; empty means not chosen. dir: folder of the run folders.
        save_every: optimizer steps between checkpoints; None saves only when asked to.
        on_nan: "alert" says that a loss or gradient is not finite; "stop" ends the loop before the weights
            take it in, at the price of waiting for the device in each step.
        keep: periodic checkpoints kept besides best, last and one backup.
        max_time: seconds of the run, pauses left out; "2h", "90m", "1:30:00" are read. None: no limit.
        max_cost: money the run may cost, with `price_per_hour` of the machine in `currency`; pauses are paid
            too. None: no limit.
    """

    name: str = ""
    log: tuple[str, ...] = ()
    dir: Path = Path("runs")
    save_every: int | None = None
    on_nan: str = "alert"
    keep: int = 2
    max_time: float | None = None
    max_cost: float | None = None
    price_per_hour: float | None = None
    currency: str = "USD"

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
                if (refusal := refused_here(word)) is not None:
                    raise refusal
                close = difflib.get_close_matches(word, [*known, *ALIASES], n=1)
                hint = f"Did you mean `{close[0]}`?" if close else f"Options are: {', '.join(known)}."
                raise UsageError(f"`{word}` is not an option of a followed loop.", suggestion=hint)
            if value is not None:
                values[name] = _CHECKS[name](word, value)
        if values.get("max_cost") is not None and values.get("price_per_hour") is None:
            raise UsageError(
                "`max_cost` is set, and what an hour costs is not known.",
                suggestion="Add price_per_hour=... (--price-per-hour), what the machine costs an hour.",
            )
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


def refused_here(word: str) -> UsageError | None:
    """Return the error for an option that only our own loop has; None for any other word.

    Args:
        word: as a keyword or a flag.
    """
    name = word.partition("=")[0].lstrip("-").replace("-", "_")
    if name == "fast":
        return UsageError(
            "`fast` is for trainings of nbtrain itself: a loop of your own is followed as it is written.",
            suggestion="Use %train --fast, or put into the loop what its plan says it kept: "
            "%train plan --fast.",
        )
    if name not in OF_THE_LOOP:
        return None
    return UsageError(
        f"`{word}` cannot be set from outside: this loop is run as it is written.",
        suggestion=f"Write it into the loop; or let nbtrain run its own: "
        f"%train model loader --{name.replace('_', '-')} ...",
    )


def _on_nan(name: str, value: Any) -> str:
    if value in ("skip", "recover"):
        raise UsageError(
            f"`{name}` is {value!r}; a loop of your own is run as it is written, so no step of it can be "
            f"{'left out' if value == 'skip' else 'taken back'}.",
            suggestion='on_nan="stop" (--on-nan stop) ends it before the weights take the step in; or let '
            f"nbtrain run the loop: %train model loader --on-nan {value}",
        )
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
    "max_time": duration,
    "max_cost": amount,
    "price_per_hour": amount,
    "currency": currency,
}
