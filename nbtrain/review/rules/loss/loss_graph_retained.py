"""A running total keeps the graph of every batch.

What it does
Looks at training loops that add the loss to a total, or append it to a list, as a tensor with its graph. Sums
that go backward themselves, `.item()`, `.detach()` and `float()` are left alone.

Why it hurts
Every batch's activations stay in memory as long as the total does: memory grows from step to step until it
runs out.

Bad
```python
import torch
from torch import nn

model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
total = 0.0
for x, y in train_loader:
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    total += loss
```

Good
```python
import torch
from torch import nn

model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
total = 0.0
for x, y in train_loader:
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    total += loss.detach()
```

When to ignore
The total goes backward in code that is not in the source.

Source: PyTorch's FAQ ("don't accumulate history across your training loop"); scicode-lint rule pt-009.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.story import Cycle
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.provenance import behind
from nbtrain.notebook.symbolic.values import Value
from nbtrain.review.edits import Edit, around
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    runs = facts.story.of("backward") if facts.cycles else []
    backward = {id(one) for event in runs for one, _ in behind(event.subject)}
    for cycle in facts.cycles:
        if cycle.loop is None or cycle.hidden:
            continue
        for event in cycle.events:
            kept = _kept(event, cycle)
            if kept is None or event.quiet or not _holds_graph(kept, cycle):
                continue
            if id(event.data.get("total")) in backward or (
                event.kind == "call" and _summed_later(event, backward)
            ):
                continue
            yield _problem(event, cycle)
            break


def _kept(event: Event, cycle: Cycle) -> Value | None:
    """What a turn adds to a total or appends to a list."""
    if not cycle.in_turn(event):
        return None
    if event.kind == "add-up":
        return event.subject
    appends = event.kind == "call" and event.data["path"] == ".append" and event.data["args"]
    return event.data["args"][0] if appends else None


def _holds_graph(value: Value, cycle: Cycle) -> bool:
    """It is the loss that goes backward, or made of it with its graph."""
    return any(
        one is cycle.backward.subject or _is_scaled(one, cycle) for one, _ in behind(value, graph=True)
    )


def _is_scaled(value: Value, cycle: Cycle) -> bool:
    """The loss before it was scaled or divided for the backward pass."""
    if "loss" not in value.tags:
        return False
    return any(one is value for one, _ in behind(cycle.backward.subject, graph=True))


def _summed_later(event: Event, backward: set[int]) -> bool:
    """A list of losses that is summed and goes backward: its values are behind some backward pass from
    outside."""
    return any(id(one) in backward for one in [getattr(event.subject, "owner", None)] if one is not None)


def _problem(event: Event, cycle: Cycle) -> Problem:
    text = ast.unparse(event.node)[:80]
    return Problem(
        issue="The graph of every batch is kept by a running total",
        current=text,
        recommended="add loss.detach() (or loss.item())",
        evidence=(
            f"line {event.line} keeps the loss with its graph; it went backward on line {cycle.backward.line}"
        ),
        line=event.line,
        name=cycle.name,
        fix="total += loss.detach()",
        edits=_edits(event.node),
    )


def _edits(node: ast.AST) -> tuple[Edit, ...]:
    value = node.value if isinstance(node, ast.AugAssign) else None
    if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        value = node.args[0]
    plain = isinstance(value, ast.Name | ast.Attribute | ast.Call | ast.Subscript)
    return around(value, "" if plain else "(", ".detach()" if plain else ").detach()")


RULE = Rule("loss-graph-retained", Severity.WARNING, check)
