"""The machine that reads a source on paper.

Its state, its budget and the trace of what happens in training order.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from nbtrain.notebook.symbolic.values import NO_TAGS, Class, Const, Func, Obj, Op, Scope, Term, Value, mods_of

# A statement is charged each time it is entered. 40,000 inlined statements take about a second on one core.
INLINED_STATEMENTS = 40_000
MAX_DEPTH = 24
MAX_ENTRIES_PER_FUNCTION = 24


@dataclass(eq=False)
class Loop:
    """A loop being read. `kind`: range, loader, while or other. `count`: how often it runs, when known."""

    node: ast.AST
    line: int
    kind: str
    count: Const | None = None
    target: str = ""
    iterable: Value | None = None
    written: ast.expr | None = None

    @cached_property
    def text(self) -> str:
        """What it goes over or asks, as the source writes it; worked out when it is asked for."""
        return ast.unparse(self.written)[:80] if self.written is not None else ""


@dataclass(frozen=True)
class Guard:
    """A condition that must hold here and that could not be decided. `mods`: the k of every `% k` in it.

    `condition`: what is asked, None where it is no expression.
    """

    node: int
    holds: bool
    mods: tuple[Value, ...] = ()
    condition: Value | None = field(default=None, compare=False, repr=False)


@dataclass(eq=False)
class Event:
    """Something that training does, in program order.

    Attributes:
        kind: made, backward, optim-step, zero-grad, clip, grad-edit, grad-hook, lr-set, sched-step, scale,
            fit, escape, ...
        subject: the value it happens to.
        node: where in the source.
        loops, guards: what stands around it, outermost first.
        entry: `<module>` or the name of the function that nothing in the source calls.
        frames: call nodes through which it was reached.
        data: further values by name.
        quiet: whether it happens without a graph (`torch.no_grad`); None where that depends.
        at: its place in the order of all events.
    """

    kind: str
    subject: Value
    node: ast.AST
    loops: tuple[Loop, ...]
    guards: tuple[Guard, ...]
    entry: str
    frames: tuple[ast.AST, ...]
    data: dict[str, Any] = field(default_factory=dict)
    quiet: bool | None = False
    at: int = 0

    @property
    def line(self) -> int:
        return getattr(self.node, "lineno", 0)


@dataclass
class Machine:
    """All state of one reading."""

    namespace: Mapping[str, Any]
    module: Scope = field(default_factory=Scope)
    events: list[Event] = field(default_factory=list)
    loops: list[Loop] = field(default_factory=list)
    guards: list[Guard] = field(default_factory=list)
    regions: list[frozenset[str]] = field(default_factory=list)
    quiet: list[bool | None] = field(default_factory=list)  # regions without (or again with) a graph
    quiet_functions: set[int] = field(default_factory=set)  # decorated with `torch.no_grad()`
    inside: int = 0  # above 0 while a model's forward is read
    entry: str = "<module>"
    frames: list[ast.AST] = field(default_factory=list)
    running: list[int] = field(default_factory=list)
    entered: dict[int, int] = field(default_factory=dict)
    returns: list[list[Value]] = field(default_factory=list)
    changing: set[str] = field(default_factory=set)  # attributes that some `x.attr += ...` moves
    changing_names: set[str] = field(default_factory=set)  # names declared global or nonlocal
    classes: dict[int, Class] = field(default_factory=dict)  # method node -> its class
    named: dict[int, tuple[Value, str, ast.AST]] = field(
        default_factory=dict
    )  # value -> its first name and statement
    functions: list[tuple[str, Func]] = field(default_factory=list)
    instances: dict[int, Obj] = field(default_factory=dict)
    returned: dict[int, tuple[str, Value]] = field(default_factory=dict)  # by methods that trainers call
    seen_names: set[str] = field(default_factory=set)
    used_live: dict[str, Any] = field(default_factory=dict)
    budget: int = INLINED_STATEMENTS
    exhausted: bool = False
    depth: int = 0
    doubt: int = 0  # above 0 while one of several possible callees is read
    parameters: dict[str, Value] = field(
        default_factory=dict
    )  # of the constructor being read, for save_hyperparameters
    # The parts of the reading call each other in a circle; the reading ties them here.
    execute: Callable[[list[ast.stmt], Scope], str] = lambda body, scope: ""
    evaluate: Callable[[ast.expr | None, Scope], Value] = lambda node, scope: Term()
    call: Callable[..., Value] = lambda *parts, **more: Term()
    attribute: Callable[[Value, str, Any], Value] = lambda owner, attr, node: Term()

    def emit(self, kind: str, subject: Value, node: ast.AST, **data: Any) -> None:
        """Write an event into the trace."""
        frames = tuple(self.frames)
        event = Event(kind, subject, node, tuple(self.loops), tuple(self.guards), self.entry, frames, data)
        event.quiet, event.at = self.without_graph, len(self.events)
        self.events.append(event)

    @property
    def without_graph(self) -> bool | None:
        return self.quiet[-1] if self.quiet else False

    def operation(self, path: str, inputs: Iterable[Value], node: ast.AST | None, **more: Any) -> Op:
        """Describe the operation at hand."""
        return Op(path, tuple(inputs), node=node, quiet=self.without_graph, **more)

    def term(self, name: str = "", *sources: Value, tags: frozenset[str] = NO_TAGS) -> Term:
        """Return an unknown made from `sources`.

        It inherits their tags and those of the autocast regions around.
        """
        found = tags.union(*[source.tags for source in sources], *self.regions)
        mods = tuple([mod for source in sources for mod in mods_of(source)])
        return Term(name, found, mods[:8])

    def spend(self, statements: int) -> bool:
        """Charge the budget for inlined statements; False when it is used up."""
        self.budget -= statements
        if self.budget < 0:
            self.exhausted = True
        return not self.exhausted
