"""No gradient can reach the model: the graph is cut between its output and the loss.

What it does
Follows the loss of a backward pass back to where it comes from. Reported when every way from the loss to the
model leads through `.item()`, `.detach()`, `.data`, `.numpy()`, `argmax`, a new `torch.tensor(...)` or a
region without a graph, or every way to the models that this optimizer holds runs them without one. The same
for what a trainer's `compute_loss` or `training_step` returns. Anything on the way that cannot be told keeps
the rule silent.

Why it hurts
The parameters get no gradient: backward fails, or, with `requires_grad_()` added to silence it, nothing is
learned while the loop runs on.

Bad
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x).detach(), y)
    loss.requires_grad_().backward()
    optimizer.step()
```

Good
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
```

When to ignore
Gradients are written into `.grad` by hand afterwards.

Source: PyTorch's notes on autograd mechanics; seen in the DeepCrime and scicode-lint collections.
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.story import Cycle
from nbtrain.notebook.symbolic.provenance import any_behind, behind, cuts, parts_of
from nbtrain.notebook.symbolic.roles import is_model
from nbtrain.notebook.symbolic.values import (
    Class,
    Const,
    Func,
    Live,
    Made,
    Map,
    Member,
    Obj,
    Op,
    Ref,
    Seq,
    Term,
    Value,
    options,
)
from nbtrain.notebook.training_models import parts_within
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for cycle in facts.cycles:
        loss = cycle.backward.subject
        if cycle.hidden or cycle.of("grad-edit") or not any_behind(loss, is_model):
            continue
        if cut := _cut(loss):
            yield _problem(cycle.name, cut, f"backward on line {cycle.backward.line}")
        elif (quiet := _without_its_models(cycle)) is not None:
            yield _problem(cycle.name, quiet, f"backward on line {cycle.backward.line}")
    for method in ("compute_loss", "training_step"):
        for owner, value in facts.story.returned(method):
            losses = [_loss_of(one) for one in options(value)]
            given = _parameters(owner, method)
            cut_ways = [_cut(one, given) if any_behind(one, is_model) else None for one in losses]
            if owner is not None and cut_ways and all(cut_ways) and not facts.story.of("manual-optimization"):
                yield _problem(owner.node.name, cut_ways[0], f"what `{method}` returns")  # type: ignore[arg-type]


def _without_its_models(cycle: Cycle) -> Op | None:
    """The run of a model that this optimizer holds, where the loss knows it and no gradient reaches it.

    None where a gradient reaches any of them, or where it is not known which models it holds.
    """
    loss = cycle.backward.subject
    owned = [one for one in cycle.models if isinstance(one, Obj | Made)]
    if not owned or len(owned) != len(cycle.models):
        return None
    parts = set().union(*(_objects_within(one) for one in owned))
    if any(id(one) in parts for one, _ in behind(loss, graph=True)):
        return None
    runs = [into for one, into in behind(loss) if id(one) in parts and into is not None]
    return next((op for op in runs if op.path == "call" and op.quiet is True), None)


def _objects_within(model: Value) -> set[int]:
    return {one for one in parts_within(model) if isinstance(one, int)}


def _loss_of(value: Value) -> Value:
    """The loss in what a trainer's method returns: itself, the first of a tuple, or under "loss"."""
    if isinstance(value, Seq) and value.items:
        return value.items[0]
    return value.items.get("loss", value) if isinstance(value, Map) else value


def _parameters(owner: Class | None, method: str) -> frozenset[str]:
    """What a trainer hands to a method besides the model: batches, which carry no gradient."""
    held = owner.attrs.get(method) if owner is not None else None
    names = [one.arg for one in held.node.args.args] if isinstance(held, Func) else []
    return frozenset(names) - {"self", "model"}


def _cut(loss: Value, given: frozenset[str] = frozenset()) -> Op | None:
    """The operation nearest to the loss that lets no gradient through, when no way around it is left.

    Args:
        given: names of parameters that surely carry no gradient.
    """
    found: Op | None = None
    for one, _ in behind(loss, graph=True):
        if is_model(one):
            return None
        op = one.op if isinstance(one, Term) else None
        if op is not None and one is not loss and _is_parameter(op):
            return None
        if op is not None and op.path == "batch":
            if "batch" not in one.tags:
                return None  # what a loop goes over may carry gradients, unless it is a loader
        elif op is not None and cuts(op):
            found = found or op
        elif isinstance(one, Member) and one.attr == "data":
            found = found or Op(".data")
        elif isinstance(one, Term) and op is None and one.name in given:
            continue
        elif not parts_of(one) and not _gives_no_gradient(one, op):
            return None
    return found


def _is_parameter(op: Op) -> bool:
    """A tensor of one's own that asks for gradients: `torch.zeros(1, requires_grad=True)`."""
    asked = op.kwargs.get("requires_grad")
    return op.path.endswith(".Parameter") or (
        asked is not None and getattr(asked, "value", True) is not False
    )


def _gives_no_gradient(value: Value, op: Op | None) -> bool:
    """A leaf that surely is no parameter: a number, a batch, a library's function or criterion."""
    if isinstance(value, Const | Ref):
        return True
    if isinstance(value, Made | Live):
        return not is_model(value)
    return isinstance(value, Term | Member) and "batch" in value.tags


def _problem(name: str, cut: Op, end: str) -> Problem:
    line = getattr(cut.node, "lineno", None)
    how = "runs without a graph" if cut.quiet and not cut.path.startswith(".") else f"cuts it ({cut.path})"
    return Problem(
        issue=f"The loss of `{name}` has lost its graph: no gradient reaches the model",
        current=f"line {line} {how}",
        recommended="compute the loss from the model's output itself",
        evidence=f"line {line} {how}; no other way from {end} to the model",
        line=line,
        name=name,
        fix="loss = criterion(model(x), y)",
    )


RULE = Rule("graph-detached", Severity.CRITICAL, check)
