"""The validation runs on the training data.

What it does
Looks for a loader for validation or test that is made over the very data set the training reads, for a
validation result computed over the training loader, and among live loaders for the same data set or shared
indices.

Why it hurts
The validation loss falls with the training loss, however badly the model overfits. Early stopping and the
choice of the best epoch follow noise.

Bad
```python
import torch
from torch import nn
from torch.utils.data import DataLoader

train_loader = DataLoader(train_data, batch_size=32, shuffle=True)
val_loader = DataLoader(train_data, batch_size=32)
model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
with torch.no_grad():
    for x, y in val_loader:
        correct = (model(x).argmax(1) == y).sum()
```

Good
```python
import torch
from torch import nn
from torch.utils.data import DataLoader

train_loader = DataLoader(train_data, batch_size=32, shuffle=True)
val_loader = DataLoader(val_data, batch_size=32)
model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
with torch.no_grad():
    for x, y in val_loader:
        correct = (model(x).argmax(1) == y).sum()
```

When to ignore
The loader measures the training accuracy in eval mode, and is only named otherwise.

Source: TrainCheck and Deepchecks list it among the silent faults; nothing in a curve can show it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbtrain.findings import Confidence, Severity
from nbtrain.notebook.evaluation import loader_words, names_evaluation
from nbtrain.notebook.feeds import JUDGING, path_behind, unwrapped, words_in
from nbtrain.notebook.source_values import argument
from nbtrain.notebook.story import Pass, may_be_same
from nbtrain.notebook.symbolic.library import category
from nbtrain.notebook.symbolic.roles import kind_of
from nbtrain.notebook.symbolic.values import (
    Class,
    Const,
    Live,
    Made,
    Member,
    Obj,
    Op,
    Ref,
    Seq,
    Term,
    Value,
    options,
)
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

FIXED = re.compile(
    r"^(torchvision\.datasets|torchaudio\.datasets|torchtext\.datasets|datasets)\.|^\[\]$|^\?$"
)
DRAWS = re.compile(r"rand|normal|uniform|choice|sample|shuffle|permut|bernoulli|multinomial|poisson")
RESULT = re.compile(r"^\s*[\w\[\]\"'., ]*\b(val|valid|validation|test)\w*[\w\[\]\"'., ]*=[^=]")


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    yield from _live(facts)
    loaders = [event.subject for event in facts.story.made("loader") if isinstance(event.subject, Made)]
    trained = {
        id(one) for cycle in facts.cycles for loop in cycle.step.loops for one in _loaders(loop.iterable)
    }
    train = [one for one in loaders if id(one) in trained and not _subset(one)]
    for one in loaders:
        name = facts.story.name_of(one)
        data = argument(one, "dataset", 0)
        twin = next(
            (
                other
                for other in train
                if other is not one and _same(facts, argument(other, "dataset", 0), data)
            ),
            None,
        )
        judges = names_evaluation(name) or bool(words_in(name) & JUDGING) or _judged_by_use(facts, one)
        judges = judges and "train" not in name.lower()  # `train_eval_loader`: meant, and said
        if twin is not None and judges and not _subset(one):
            first = facts.story.name_of(twin) or "the training loader"
            yield _problem(
                name, one.node.lineno, f"`{name}` and `{first}` are made over the same data set", False
            )
    yield from _trainers(facts)
    for run in facts.story.passes:
        if (
            run.loop is not None
            and any(id(one) in trained for one in _loaders(run.loop.iterable))
            and _result(facts, run)
        ):
            shown = loader_words(facts.story, run).split(" ")[0]
            yield _problem(
                shown, _call_line(run), f"a validation result is computed over `{shown}`, which trains", False
            )


def _trainers(facts: ReviewFacts) -> Iterator[Problem]:
    """A trainer of transformers that evaluates on what it trains on."""
    own = [one for one in facts.story.of("instance") if _is_trainer(one.subject)]
    for event in [*facts.story.made("hf-trainer"), *own]:
        held = event.subject.kwargs if isinstance(event.subject, Made) else event.data["kwargs"]
        if "eval_dataset" in held and _same(facts, held.get("train_dataset"), held["eval_dataset"]):
            keywords = getattr(event.node, "keywords", [])
            node = next((one.value for one in keywords if one.arg == "eval_dataset"), event.node)
            yield _problem(
                "eval_dataset", node.lineno, "the trainer's `eval_dataset` is its `train_dataset`", False
            )  # type: ignore[attr-defined]


def _judged_by_use(facts: ReviewFacts, loader: Made) -> bool:
    """A model is run over it without a graph, in the loop that trains or in one that speaks of judging.

    Features of the training data are collected in such a loop, too: for a memory bank, or statistics.
    """
    quiet = [run.loop for run in facts.story.passes if run.quiet is True and run.loop is not None]
    training = {id(loop.node) for cycle in facts.cycles for loop in cycle.step.loops}
    return any(
        loop.iterable is loader
        and loop.kind == "loader"
        and (id(loop.node) in training or bool(words_in(loop.text) & JUDGING))
        for loop in quiet
    )


def _is_trainer(value: Value) -> bool:
    cls = value.cls if isinstance(value, Obj) else None
    return cls is not None and any(category(path) == "hf-trainer" for path in cls.library_bases())


def _loaders(value: Value | None) -> list[Made]:
    found = options(value) if value is not None else ()
    return [one for one in found if isinstance(one, Made) and kind_of(one) == "loader"]


def _subset(loader: Made) -> bool:
    return any(name in loader.kwargs for name in ("sampler", "batch_sampler")) or not loader.complete


def _same(facts: ReviewFacts, left: Value | None, right: Value | None) -> bool:
    """Whether two arguments are one data set: one value, or one name that the source does not bind."""
    for ours in options(left) if left is not None else ():
        for theirs in options(right) if right is not None else ():
            if _overlap(facts, ours, theirs) or _made_alike(facts, ours, theirs):
                return True
            unbound = isinstance(ours, Term | Live) and isinstance(theirs, Term | Live)
            made = any(isinstance(one, Term) and one.op is not None for one in (ours, theirs))
            if ours is theirs or (unbound and not made and may_be_same(ours, theirs)):
                return True
            if _alike(ours, theirs, 0):
                return True
    return False


def _draws(cls: Class) -> bool:
    """Whether a class draws random numbers: two data sets of one size then need not hold the same samples."""
    calls = [node.func for one in cls.lineage() for node in ast.walk(one.node) if isinstance(node, ast.Call)]
    return any(DRAWS.match(func.attr) for func in calls if isinstance(func, ast.Attribute)) or any(
        DRAWS.match(func.id) for func in calls if isinstance(func, ast.Name)
    )


def _made_alike(facts: ReviewFacts, left: Value, right: Value) -> bool:
    """Whether two data sets of one class are made with the same arguments, transforms aside."""
    if not (isinstance(left, Obj) and isinstance(right, Obj)) or left is right or left.cls is not right.cls:
        return False
    if left.cls is None or _draws(left.cls):
        return False
    made = [next((e for e in facts.story.of("instance") if e.subject is one), None) for one in (left, right)]
    if any(one is None or not one.data["args"] for one in made):
        return False
    complete = max(one.at for one in made if one is not None)
    changed = [event.subject for event in facts.story.of("set") if event.at > complete]
    if any(one is left or one is right for one in changed):  # `val_set.split = "val"`
        return False
    ours, theirs = (one.data["args"] for one in made if one is not None)
    mine, others = (_rows_by(one.data["kwargs"]) for one in made if one is not None)
    return (
        len(ours) == len(theirs)
        and mine.keys() == others.keys()
        and all(_alike(a, b, 0) for a, b in zip(ours, theirs, strict=True))
        and all(_alike(mine[name], others[name], 0) for name in mine)
    )


def _overlap(facts: ReviewFacts, left: Value, right: Value) -> bool:
    """Whether two Subsets of one data set share indices: the same indices, or ranges that meet."""
    if not all(isinstance(one, Made) and one.path.endswith("data.Subset") for one in (left, right)):
        return False
    ours, theirs = ((argument(one, "dataset", 0), argument(one, "indices", 1)) for one in (left, right))  # type: ignore[arg-type]
    if ours[1] is None or theirs[1] is None or not _same(facts, ours[0], theirs[0]):
        return False
    if _alike(ours[1], theirs[1], 0):
        return True
    mine, others = _range(ours[1]), _range(theirs[1])
    return mine is not None and others is not None and max(mine[0], others[0]) < min(mine[1], others[1])


def _range(value: Value) -> tuple[int, int] | None:
    """The bounds of `range(a, b)` where both are known."""
    for one in unwrapped(value):
        bounds = one.args if isinstance(one, Made) and one.path == "builtins.range" else []
        numbers = [part.value for part in bounds if isinstance(part, Const) and isinstance(part.value, int)]
        if bounds and len(bounds) == len(numbers) <= 2:
            return (0, numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1])
    return None


def _alike(left: Value, right: Value, depth: int) -> bool:
    """Whether two expressions give the same rows: one part of one data set, or one data set made twice."""
    if depth > 6:
        return False
    if left is right:
        return True
    if isinstance(left, Seq) and isinstance(right, Seq):
        pairs = zip(left.items, right.items, strict=False)
        return len(left.items) == len(right.items) and all(_alike(a, b, depth + 1) for a, b in pairs)
    if isinstance(left, Const) and isinstance(right, Const):
        return type(left.value) is type(right.value) and left.value == right.value
    if isinstance(left, Ref) and isinstance(right, Ref):
        return left.path == right.path
    if isinstance(left, Member) and isinstance(right, Member):
        return left.attr == right.attr and _alike(left.owner, right.owner, depth + 1)
    ours, theirs = (one.op if isinstance(one, Term) else None for one in (left, right))
    if ours is None or theirs is None or ours.path != theirs.path or not FIXED.search(ours.path):
        return False
    if ours.path == "?" and (_text(ours) != _text(theirs) or not (ours.inputs or _text(ours) == ":")):
        return False
    mine, others = (_rows_by(op.kwargs) for op in (ours, theirs))
    firsts, seconds = ([one for one in op.inputs if not _transforms(one)] for op in (ours, theirs))
    return (
        len(firsts) == len(seconds)
        and mine.keys() == others.keys()
        and all(_alike(a, b, depth + 1) for a, b in zip(firsts, seconds, strict=True))
        and all(_alike(mine[name], others[name], depth + 1) for name in mine)
    )


def _text(op: Op) -> str:
    return ast.unparse(op.node) if op.node is not None else ""


def _transforms(value: Value) -> bool:
    """What is done to each row says nothing of which rows there are."""
    return "transforms." in path_behind(value)


def _rows_by(kwargs: dict[str, Value]) -> dict[str, Value]:
    """The arguments that decide which rows a data set holds."""
    return {name: one for name, one in kwargs.items() if "transform" not in name and name != "download"}


def _call_line(run: Pass) -> int:
    return getattr(run.forward.frames[0], "lineno", run.line) if run.forward.frames else run.line


def _result(facts: ReviewFacts, run: Pass) -> bool:
    """The call that evaluates is bound to a name for validation: `val_loss = evaluate(model,
    train_loader)`."""
    if not run.forward.frames or facts.source is None:
        return False
    lines = facts.source.text.split("\n")
    line = _call_line(run)
    return (
        0 < line <= len(lines)
        and bool(RESULT.match(lines[line - 1]))
        and "train" not in lines[line - 1].split("=")[0]
    )


def _live(facts: ReviewFacts) -> Iterator[Problem]:
    held = facts.held.loaders
    train = [(name, one) for name, one in held if "train" in name.lower()]
    for name, loader in held:
        if not names_evaluation(name) or "train" in name.lower():
            continue
        for other, first in train:
            mine, theirs = vars(loader).get("dataset"), vars(first).get("dataset")
            samplers = {type(vars(one).get("sampler")).__name__ for one in (loader, first)}
            if mine is theirs and mine is not None and samplers <= {"SequentialSampler", "RandomSampler"}:
                yield _problem(name, None, f"`{name}` and `{other}` hold the same data set object", True)
            elif shared := _shared(mine, theirs):
                yield _problem(
                    name, None, f"`{name}` and `{other}` share {shared} indices of one data set", True
                )


def _shared(left: object, right: object) -> int:
    if type(left).__name__ != "Subset" or type(right).__name__ != "Subset" or left is right:
        return 0
    ours, theirs = vars(left), vars(right)
    if ours.get("dataset") is not theirs.get("dataset"):
        return 0
    try:
        return len({int(one) for one in ours["indices"]} & {int(one) for one in theirs["indices"]})
    except (TypeError, ValueError, KeyError):
        return 0


def _problem(name: str, line: int | None, seen: str, live: bool) -> Problem:
    return Problem(
        issue=f"The validation through `{name}` sees training data",
        current=seen.partition(",")[0],
        recommended="a data set of its own, or a split without overlap",
        evidence=seen,
        line=line,
        name=name,
        confidence=Confidence.CERTAIN if live else Confidence.LIKELY,
        fix="train_data, val_data = torch.utils.data.random_split(data, [0.9, 0.1])",
    )


RULE = Rule("validation-on-train-data", Severity.CRITICAL, check)
