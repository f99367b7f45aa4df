"""backward(retain_graph=True) in a training loop where nothing goes backward a second time.

What it does
Looks for `retain_graph=True` in a loop with a single backward pass a turn. Several losses that share a graph,
and gradients of gradients (`create_graph`, `autograd.grad`), have a use for it and are left alone.

Why it hurts
It is mostly added to silence "Trying to backward through the graph a second time". The graphs of all earlier
batches then stay alive and are gone through again: each step is slower and takes more memory than the one
before.

Bad
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward(retain_graph=True)
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
Another function goes backward through the same graph in the same turn.

Source: PyTorch's documentation of `Tensor.backward`: needed in nearly no case, and often avoided more
cheaply.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.symbolic.values import Const
from nbtrain.review.edits import Edit, replace_node
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for cycle in facts.cycles:
        kept = cycle.backward.data.get("kwargs", {}).get("retain_graph")
        passes = {event.node for event in cycle.of("backward") if event.data["owner"] != "autograd"}
        if not (isinstance(kept, Const) and kept.value is True) or len(passes) > 1 or cycle.hidden:
            continue
        if not cycle.repeated or "create_graph" in cycle.backward.data["kwargs"]:
            continue
        yield Problem(
            issue="The graph is kept after the only backward pass of each turn",
            current="backward(retain_graph=True)",
            recommended="backward(), and .detach() on what is carried to the next turn",
            evidence=(
                f"line {cycle.backward.line} keeps the graph, and nothing else in the loop goes backward"
            ),
            line=cycle.backward.line,
            name=cycle.name,
            fix="loss.backward()",
            edits=_edits(cycle.backward.node),
        )


def _edits(call: ast.AST) -> tuple[Edit, ...]:
    """`False` is the default, and leaves every other argument where it is."""
    keywords = getattr(call, "keywords", [])
    held = next((one.value for one in keywords if one.arg == "retain_graph"), None)
    return replace_node(held, "False")


RULE = Rule("retain-graph-in-loop", Severity.WARNING, check)
