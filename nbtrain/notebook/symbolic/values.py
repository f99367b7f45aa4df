"""What an expression may stand for while a source is read on paper. Knows no statement and no library."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

NO_TAGS: frozenset[str] = frozenset()


class Value:
    """Anything an expression may stand for. `tags`: how it came about (`divided`, `fp16`, `scaled`, ...)."""

    tags: frozenset[str] = NO_TAGS


@dataclass(eq=False)
class Const(Value):
    """A number, text, bool or None.

    `node`: the expression that gave it; `origin`: "" for a literal, else in words.
    """

    value: Any
    node: ast.expr | None = None
    origin: str = ""


@dataclass(eq=False)
class Ref(Value):
    """Something imported or built in, by its dotted path: `torch.optim.Adam`.

    `guessed`: by custom, not by an import.
    """

    path: str
    guessed: bool = False


@dataclass(eq=False)
class Seq(Value):
    """A list, tuple or set. `open`: may hold more than `items`."""

    items: list[Value]
    open: bool = False


@dataclass(eq=False)
class Map(Value):
    """A dict with constant keys. `open`: may hold more than `items`."""

    items: dict[Any, Value]
    open: bool = False


@dataclass(eq=False)
class Func(Value):
    """A function, method or lambda of the same source."""

    node: Any
    scope: Scope
    owner: Value | None = None


@dataclass(eq=False)
class Class(Value):
    """A class of the same source, with its evaluated bases and class attributes."""

    node: ast.ClassDef
    bases: list[Value]
    attrs: dict[str, Value]
    record: bool = False  # dataclass or NamedTuple: fields become constructor arguments

    def lineage(self) -> Iterator[Class]:
        """Yield the class and its source-visible ancestors, nearest first."""
        seen: set[int] = set()
        waiting: list[Value] = [self]
        while waiting:
            one = waiting.pop(0)
            if isinstance(one, Class) and id(one) not in seen:
                seen.add(id(one))
                yield one
                waiting.extend(one.bases)

    def library_bases(self) -> set[str]:
        """Return the dotted paths of the imported ancestors."""
        return {base.path for one in self.lineage() for base in one.bases if isinstance(base, Ref)}


@dataclass(eq=False)
class Obj(Value):
    """An instance of a source class, or a bag of attributes (`cls` None).

    `open`: may have other attributes.
    """

    cls: Class | None
    attrs: dict[str, Value] = field(default_factory=dict)
    open: bool = True


@dataclass(eq=False)
class Made(Value):
    """What a library call of interest returned: an optimizer, a loader, a layer, ..."""

    path: str
    args: list[Value]
    kwargs: dict[str, Value]
    node: ast.Call
    complete: bool = True  # False when an unresolved *args or **kwargs went in
    attrs: dict[str, Value] = field(default_factory=dict)
    tags: frozenset[str] = NO_TAGS


@dataclass(eq=False)
class Partial(Value):
    """functools.partial."""

    func: Value
    args: list[Value]
    kwargs: dict[str, Value]
    node: ast.Call


@dataclass(eq=False)
class Live(Value):
    """An object that the notebook holds under `name`."""

    obj: Any
    name: str


@dataclass(eq=False)
class Member(Value):
    """An attribute of something not known more closely: `scaler.scale`, `optimizer.param_groups`."""

    owner: Value
    attr: str

    @property
    def tags(self) -> frozenset[str]:  # type: ignore[override]
        return self.owner.tags


@dataclass(eq=False)
class Op:
    """The operation that gave a value, what went into it, and where it stands.

    `path`: a function's dotted path (`torch.softmax`), `.name` of a method (its object comes first in
    `inputs`), a sign (`+`, `/`, `[]`), `call` of an object (first in `inputs`), or `batch` of what a loop
    goes over.
    `inside`: what the source's own function returned for the call. `quiet`: whether it ran without a graph
    (`torch.no_grad`); None where that depends on something unknown.
    """

    path: str
    inputs: tuple[Value, ...] = ()
    kwargs: dict[str, Value] = field(default_factory=dict)
    node: ast.AST | None = None
    inside: Value | None = None
    quiet: bool | None = False


@dataclass(eq=False)
class Term(Value):
    """An unknown value that remembers its name and how it came about.

    `mods`: the k of every `% k` or `== k` in it. `source`: the model whose parameters it is. `op`: what
    gave it.
    `alias`: the first name that the source binds it to.
    """

    name: str = ""
    tags: frozenset[str] = NO_TAGS
    mods: tuple[Value, ...] = ()
    source: Value | None = None
    op: Op | None = None
    alias: str = ""


@dataclass(eq=False)
class Choice(Value):
    """One of several values: a branch that could not be decided, a loop over a list."""

    options: tuple[Value, ...]

    @property
    def tags(self) -> frozenset[str]:  # type: ignore[override]
        return frozenset().union(*(one.tags for one in self.options))


MISSING = object()


class Scope:
    """Names of one function or module.

    Writes made in a branch are logged, so that they can be taken back and joined.
    """

    def __init__(self, parent: Scope | None = None) -> None:
        self.names: dict[str, Value] = {}
        self.parent = parent
        self.globals: set[str] = set()
        self.log: dict[str, Any] | None = None

    def get(self, name: str) -> Value | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return None

    def set(self, name: str, value: Value) -> None:
        if name in self.globals and self.parent is not None:
            scope = self.parent
            while name not in scope.names and scope.parent is not None:
                scope = scope.parent
            scope.set(name, value)
            return
        if self.log is not None and name not in self.log:
            self.log[name] = self.names.get(name, MISSING)
        self.names[name] = value

    def restore(self, log: dict[str, Any]) -> dict[str, Value]:
        """Undo the writes of `log`; return what they had set."""
        made = {name: self.names[name] for name in log if name in self.names}
        for name, old in log.items():
            if old is MISSING:
                self.names.pop(name, None)
            else:
                self.names[name] = old
        return made


def choose(values: Iterable[Value]) -> Value:
    """Return the one value, or a Choice of the distinct ones (at most 12; beyond that an unknown)."""
    flat: list[Value] = []
    for value in values:
        for one in value.options if isinstance(value, Choice) else (value,):
            if not any(same(one, other) for other in flat):
                flat.append(one)
    if len(flat) == 1:
        return flat[0]
    if not flat or len(flat) > 12:
        return Term()
    return Choice(tuple(flat))


def same(left: Value, right: Value) -> bool:
    if left is right:
        return True
    if isinstance(left, Const) and isinstance(right, Const):
        return type(left.value) is type(right.value) and left.value == right.value
    if isinstance(left, Ref) and isinstance(right, Ref):
        return left.path == right.path
    return False


def options(value: Value) -> tuple[Value, ...]:
    return value.options if isinstance(value, Choice) else (value,)


def name_of(value: Value) -> str:
    """The words by which a value is called in the source, as far as known."""
    if isinstance(value, Term):
        return value.name
    if isinstance(value, Member):
        return f"{name_of(value.owner)}.{value.attr}"
    if isinstance(value, Live):
        return value.name
    if isinstance(value, Ref):
        return value.path
    if isinstance(value, Choice):
        return name_of(value.options[0])
    return ""


def mods_of(value: Value) -> tuple[Value, ...]:
    if isinstance(value, Term):
        return value.mods
    if isinstance(value, Member):
        return mods_of(value.owner)
    if isinstance(value, Choice):
        return tuple(mod for one in value.options for mod in mods_of(one))
    return ()
