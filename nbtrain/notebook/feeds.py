"""The DataLoaders that a source makes: which of them training reads, which judge, what they are made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nbtrain.notebook.source_values import argument
from nbtrain.notebook.story import Cycle, Story
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.provenance import LAYOUT, behind
from nbtrain.notebook.symbolic.roles import kind_of
from nbtrain.notebook.symbolic.values import Choice, Const, Made, Member, Obj, Ref, Seq, Term, Value, options

JUDGING = frozenset(
    ["val", "valid", "validation", "test", "testing", "eval", "evaluation", "dev", "holdout", "te", "va"]
)
RUN_TOGETHER = re.compile(
    r"(train|training|val|valid|validation|test|testing|eval|dev|holdout)"
    r"(?:data)?(?:loader|set|data|dl|ds|iter|iterator|acc|loss)$"
)
POSITIONS = {"dataset": 0, "batch_size": 1, "shuffle": 2, "sampler": 3, "batch_sampler": 4, "num_workers": 5}
MOVES = frozenset([".to", ".cuda", ".mps", ".xpu"])


@dataclass(frozen=True, eq=False)
class Feed:
    """A DataLoader of the source.

    Attributes:
        made: where; value: the call; name: what the source calls it, or "".
        cycle: the training that reads it; None when none of the source does, or a framework's trainer does.
        trains: training reads it. judges: its name says that it is for validation or test.
    """

    made: Event
    value: Made
    name: str
    cycle: Cycle | None
    trains: bool
    judges: bool

    def argument(self, name: str) -> Value | None:
        return argument(self.value, name, POSITIONS.get(name))

    @property
    def data(self) -> Value | None:
        return self.argument("dataset")


def words_in(text: str) -> set[str]:
    """The words of a name: `valLoader`, `val_loader`, `valloader` and `self.val_loader` hold "val"."""
    found = {one.lower() for one in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", text)}
    return found | {joined[1] for one in found if (joined := RUN_TOGETHER.match(one))}


def feeds(story: Story) -> list[Feed]:
    """Return the DataLoaders that the source makes, in order."""
    found = []
    for event in story.made("loader"):
        if not isinstance(event.subject, Made):
            continue
        name = story.name_of(event.subject)
        cycle = next((one for one in story.cycles if _reads(one, event.subject)), None)
        given = event.entry.endswith("train_dataloader") or _fitted(
            story, event.subject, "train_dataloaders", 1
        )
        judges = bool(words_in(name) & JUDGING) or event.entry.endswith(("val_dataloader", "test_dataloader"))
        judges = judges or _fitted(story, event.subject, "val_dataloaders", 2)
        found.append(Feed(event, event.subject, name, cycle, cycle is not None or given, judges))
    return found


def _reads(cycle: Cycle, loader: Made) -> bool:
    return any(
        any(inner is loader for inner in unwrapped(loop.iterable))
        for loop in {*cycle.step.loops, *cycle.backward.loops}
        if loop.iterable is not None
    )


def _fitted(story: Story, loader: Made, name: str, position: int) -> bool:
    """A framework's trainer gets it by this name or at this position of `fit`."""
    for event in story.of("fit"):
        given = [event.data["kwargs"].get(name), *event.data["args"][position : position + 1]]
        if any(one is loader for value in given if value is not None for one in options(value)):
            return True
    return False


def unwrapped(value: Value | None) -> Iterator[Value]:
    """Yield what is iterated beneath enumerate, tqdm, zip and their like."""
    for one in options(value) if value is not None else ():
        if isinstance(one, Made) and one.path == "builtins.iteration":
            for inner in one.args:
                yield from unwrapped(inner)
        else:
            yield one


def surely_off(value: Value | None) -> bool:
    """Whether an argument is left out, None or False."""
    return value is None or all(isinstance(one, Const) and not one.value for one in options(value))


def surely_on(value: Value | None) -> bool:
    return value is not None and all(isinstance(one, Const) and one.value is True for one in options(value))


def raw_batch_of(value: Value) -> Made | None:
    """The DataLoader whose batch a value is, untouched but for its layout; None for one moved or computed."""
    for one in options(value):
        found = _raw(one)
        if found is None:
            return None
        result = found
    return result


def _raw(value: Value) -> Made | None:
    while True:
        if isinstance(value, Member):
            value = value.owner
        elif isinstance(value, Term) and value.op is not None and value.op.inputs:
            op = value.op
            if op.path == "batch":
                loaders = [one for one in unwrapped(op.inputs[0]) if kind_of(one) == "loader"]
                return loaders[0] if loaders and isinstance(loaders[0], Made) else None
            if op.path not in LAYOUT or op.path in MOVES:
                return None
            value = op.inputs[0]
        else:
            return None


def deep_behind(value: Value) -> Iterator[Value]:
    """Yield all that a value was made from, through library calls and objects of the source as well."""
    waiting: list[Value] = [value]
    seen: set[int] = set()
    while waiting and len(seen) < 4000:
        for one, _ in behind(waiting.pop()):
            if id(one) in seen:
                continue
            seen.add(id(one))
            yield one
            if isinstance(one, Made):
                waiting.extend([*one.args, *one.kwargs.values()])
            elif isinstance(one, Obj):
                waiting.extend(one.attrs.values())
            elif isinstance(one, Choice):
                waiting.extend(one.options)
            elif isinstance(one, Seq):
                waiting.extend(one.items)


def path_behind(value: Value) -> str:
    """The dotted path of what gave a value, or ""."""
    if isinstance(value, Made | Ref):
        return value.path
    return value.op.path if isinstance(value, Term) and value.op is not None else ""
