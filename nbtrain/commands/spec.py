"""What a command is: a name, its arguments, and a function that returns a value. Knows no front."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any


@dataclass(frozen=True)
class Argument:
    """One argument of a command.

    Attributes:
        flags: ("--epochs", "--max-epochs") for options, ("names",) for a positional one.
        help: one clause. kind: int, float, str or bool (a switch).
        many: a positional that takes any number of words; an option that may be repeated.
        default: value when absent.
    """

    flags: tuple[str, ...]
    help: str
    kind: type = str
    many: bool = False
    default: Any = None
    metavar: str | None = None

    @property
    def positional(self) -> bool:
        """True for words without a flag."""
        return not self.flags[0].startswith("-")

    @property
    def dest(self) -> str:
        """The attribute under which the value arrives."""
        return self.flags[0].lstrip("-").replace("-", "_")


@dataclass(frozen=True)
class Context:
    """What surrounds a command.

    Attributes:
        namespace: the notebook's variables; None in a terminal.
        cell: text of the cell below a cell magic, else None.
        log: logging backends set once for the notebook; "" when not set.
        runs_dir: folder of the run folders.
        in_thread: called first in a training thread, e.g. to route its prints; None for nothing.
        hidden: names the kernel itself put into the namespace.
    """

    namespace: Mapping[str, Any] | None = None
    cell: str | None = None
    log: str = ""
    runs_dir: str = "runs"
    in_thread: Callable[[], Any] | None = None
    hidden: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Command:
    """A verb. `run(args, context)` returns a Run, a Report, a DataFrame, a list, or None; fronts show it."""

    name: str
    summary: str
    run: Callable[[SimpleNamespace, Context], Any]
    arguments: tuple[Argument, ...] = ()
    examples: tuple[str, ...] = ()
    also: tuple[str, ...] = field(default=())
