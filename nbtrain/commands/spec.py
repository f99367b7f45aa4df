"""What a command is: a name, its arguments, and a function that returns a value. Knows no front."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from nbtrain.errors import UsageError


@dataclass(frozen=True)
class Argument:
    """One argument of a command.

    Attributes:
        flags: ("--epochs", "--max-epochs") for options, ("names",) for a positional one.
        help: one clause. kind: int, float, str or bool (a switch).
        many: a positional that takes any number of words; an option that may be repeated.
        default: value when absent. choices: the words allowed; () allows any.
        words: allowed in place of a number.
        least: the smallest whole number allowed, as messages say it.
    """

    flags: tuple[str, ...]
    help: str
    kind: type = str
    many: bool = False
    default: Any = None
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    least: int = 1

    @property
    def positional(self) -> bool:
        """True for words without a flag."""
        return not self.flags[0].startswith("-")

    @property
    def dest(self) -> str:
        """The attribute under which the value arrives."""
        return self.flags[0].lstrip("-").replace("-", "_")


RUN = Argument(("run",), "id, beginning of an id, name or folder; the newest when left out", metavar="RUN")
DIR = Argument(("--dir",), "folder of the run folders (runs)")


@dataclass(frozen=True)
class Context:
    """What surrounds a command.

    Attributes:
        namespace: the notebook's variables; None in a terminal.
        cell: text of a cell with a cell magic, whose line is its first, else None.
        body: runs that cell, where it is to be run in a training thread, else None.
        log: logging backends set once for the notebook; "" when not set.
        runs_dir: folder of the run folders.
        in_thread: called first in a training thread, e.g. to route its prints; None for nothing.
        hidden: names the kernel itself put into the namespace.
        progress: told in a line how far a command is that keeps its cell busy; None for nobody.
    """

    namespace: Mapping[str, Any] | None = None
    cell: str | None = None
    body: Callable[[], Any] | None = None
    log: str = ""
    runs_dir: str = "runs"
    in_thread: Callable[[], Any] | None = None
    hidden: frozenset[str] = frozenset()
    progress: Callable[[str], Any] | None = None

    @property
    def in_notebook(self) -> bool:
        """True where there are variables to work on, False in a terminal."""
        return self.namespace is not None

    def visible(self) -> dict[str, Any]:
        """Return the person's own variables; empty in a terminal."""
        return {name: value for name, value in (self.namespace or {}).items() if name not in self.hidden}


@dataclass(frozen=True)
class Command:
    """A verb.

    Attributes:
        run: called with the arguments and the context; returns a Run, a Report, a DataFrame, a text or None,
            which the fronts show.
        examples: what may follow the verb, shown by --help behind the front's own way to say the verb.
        with_objects: further examples, with objects of a notebook, and said there.
        notebook_only: it works on a notebook's objects, and a terminal can only be told so.
        refuse: returns the error for an unknown flag of which more is known than that, else None.
    """

    name: str
    summary: str
    run: Callable[[SimpleNamespace, Context], Any]
    arguments: tuple[Argument, ...] = ()
    examples: tuple[str, ...] = ("",)
    with_objects: tuple[str, ...] = ()
    notebook_only: bool = False
    refuse: Callable[[str], UsageError | None] | None = None
