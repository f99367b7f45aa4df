"""Two linear layers in a row compute no more than one.

What it does
Looks for Linear after Linear, or convolution after convolution of the same kind, with no activation between
them: in an `nn.Sequential`, live or in the source, and in the forward of a class. Dropout and batch
normalisation between them change nothing. Bottlenecks (a latent layer, a low-rank factor), depthwise and
1x1 convolutions are left alone.

Why it hurts
The product of two matrices is a matrix: the second layer adds parameters and no expressive power, and a
network meant to be deep learns what a linear model learns.

Bad
```python
from torch import nn

model = nn.Sequential(nn.Linear(10, 64), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
```

Good
```python
from torch import nn

model = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
```

When to ignore
Deep linear networks are the subject of study.

Source: UMLAUT's rule "missing activation" (CHI 2021) and NeuraLint (TOSEM 2022).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from nbtrain.findings import Confidence, Severity
from nbtrain.notebook.live import modules_of
from nbtrain.notebook.source_values import argument
from nbtrain.notebook.symbolic.library import tail_of
from nbtrain.notebook.symbolic.provenance import operations
from nbtrain.notebook.symbolic.values import Const, Made, Seq, Term, Value, name_of, options
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

LINEAR = frozenset({"Linear", "LazyLinear"})
CONVOLUTIONS = frozenset({"Conv1d", "Conv2d", "Conv3d"})
# These leave what is linear linear.
BETWEEN = ("Dropout", "BatchNorm", "Identity", "SyncBatchNorm", "AlphaDropout")


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    said: set[int] = set()
    for first, second in [*_in_chains(facts), *_in_forwards(facts)]:
        if id(second) not in said and _redundant(first, second):
            said.add(id(second))
            yield _problem(facts, first, second)
    for model in facts.held.models:
        for module in modules_of(model.obj):
            if "Sequential" in {one.__name__ for one in type(module).__mro__}:
                yield from _live(model.name, list((vars(module).get("_modules") or {}).values()))


def _in_chains(facts: ReviewFacts) -> Iterator[tuple[Made, Made]]:
    for event in facts.story.made("module"):
        chain = event.subject
        if event.data["path"].endswith("nn.Sequential") and isinstance(chain, Made) and chain.complete:
            held = [one for one in _flat(chain.args) if not _passes(one)]
            for first, second in pairwise(held):
                if isinstance(first, Made) and isinstance(second, Made):
                    yield first, second


def _flat(values: list[Value]) -> Iterator[Value]:
    for one in values:
        if isinstance(one, Made) and one.path.endswith("nn.Sequential"):
            yield from _flat(one.args)
        elif isinstance(one, Seq):
            yield from _flat(one.items)
        else:
            yield one


def _passes(value: Value) -> bool:
    return isinstance(value, Made) and tail_of(value.path).startswith(BETWEEN)


def _in_forwards(facts: ReviewFacts) -> Iterator[tuple[Made, Made]]:
    """A layer of a class that gets what another layer of the same class gave, directly."""
    homes = {id(layer): id(model.instance) for model in facts.story.models for _, layer in model.layers}
    for event in facts.story.of("forward"):
        second = event.subject
        if not isinstance(second, Made) or id(second) not in homes or not event.data["args"]:
            continue
        first = _before(event.data["args"][0])
        if first is not None and homes.get(id(first)) == homes[id(second)] and first is not second:
            yield first, second


def _before(value: Value) -> Made | None:
    """The one layer that gave a value, through what keeps it linear; None where several ways lead to it."""
    for _ in range(6):
        found = list(operations(value)) if len(options(value)) == 1 else []
        op = found[0] if len(found) == 1 else None
        if op is None or op.path not in ("call", "torch.nn.functional.dropout") or not op.inputs:
            return None
        if op.path == "call":
            layer = op.inputs[0]
            if not isinstance(layer, Made):
                return None
            if not _passes(layer):
                return layer
            value = op.inputs[1] if len(op.inputs) > 1 else Term()
        else:
            value = op.inputs[0]
    return None


def _redundant(first: Made, second: Made) -> bool:
    kinds = {tail_of(first.path), tail_of(second.path)}
    if kinds <= LINEAR:
        return not _bottleneck(first, second)
    if len(kinds) == 1 and kinds <= CONVOLUTIONS:
        return all(_mixes_neighbours(one) for one in (first, second))
    return False


def _size(layer: Made, name: str) -> Value | None:
    lazy = tail_of(layer.path).startswith("Lazy")
    place = {"in_features": None if lazy else 0, "out_features": 0 if lazy else 1}[name]
    return argument(layer, name, place)


def _bottleneck(first: Made, second: Made) -> bool:
    """A narrow layer before a wider one is a latent space or a factor of low rank; unknown sizes may be."""
    before, middle, after = (
        _size(first, "in_features"),
        _size(first, "out_features"),
        _size(second, "out_features"),
    )
    if isinstance(middle, Const) and isinstance(after, Const):
        return bool(middle.value < after.value)
    return not any(_same_size(middle, one) for one in (before, after))


def _same_size(left: Value | None, right: Value | None) -> bool:
    return left is not None and right is not None and (left is right or name_of(left) == name_of(right) != "")


def _mixes_neighbours(layer: Made) -> bool:
    kernel, groups = argument(layer, "kernel_size", 2), argument(layer, "groups", 6)
    plain = groups is None or (isinstance(groups, Const) and groups.value == 1)
    return plain and isinstance(kernel, Const) and kernel.value != 1


def _problem(facts: ReviewFacts, first: Made, second: Made) -> Problem:
    name = facts.story.name_of(second)
    kinds = (
        f"{tail_of(first.path)} on line {first.node.lineno} and {tail_of(second.path)} on line "
        f"{second.node.lineno}"
    )
    return Problem(
        issue=f"Two {tail_of(second.path)} layers follow each other without an activation",
        current=f"{tail_of(first.path)} -> {tail_of(second.path)}",
        recommended=f"{tail_of(first.path)} -> ReLU -> {tail_of(second.path)}",
        evidence=f"{kinds}: the second gets what the first gives, with nothing non-linear between",
        line=second.node.lineno,
        name=name,
        fix="nn.ReLU()",
    )


def _live(name: str, held: list[Any]) -> Iterator[Problem]:
    layers = [one for one in held if one is not None and not type(one).__name__.startswith(BETWEEN)]
    for first, second in pairwise(layers):
        kinds = {type(first).__name__, type(second).__name__}
        narrow = vars(first).get("out_features", 0) < vars(second).get("out_features", 0)
        if kinds == {"Linear"} and not narrow:
            yield Problem(
                issue=f"`{name}` has two Linear layers in a row without an activation",
                current="Linear -> Linear",
                recommended="Linear -> ReLU -> Linear",
                evidence=f"live: {_shown(first)} is followed by {_shown(second)}",
                name=name,
                confidence=Confidence.CERTAIN,
                fix="nn.ReLU()",
            )
            return


def _shown(layer: Any) -> str:
    held = vars(layer)
    return f"Linear({held.get('in_features')}, {held.get('out_features')})"


RULE = Rule("missing-nonlinearity", Severity.WARNING, check)
