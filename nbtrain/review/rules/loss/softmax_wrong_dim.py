"""Softmax over the batch in place of the classes.

What it does
Looks for a softmax or log-softmax with `dim=0` over what a model gives for a batch. A policy that sees one
state at a
time is left alone.

Why it hurts
Probabilities sum to one over the samples of a batch: each prediction depends on the others, and changes
with the batch.

Bad
```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(8, 3), nn.LogSoftmax(dim=0))
criterion = nn.NLLLoss()
for x, y in train_loader:
    loss = criterion(model(x), y)
```

Good
```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(8, 3), nn.LogSoftmax(dim=1))
criterion = nn.NLLLoss()
for x, y in train_loader:
    loss = criterion(model(x), y)
```

When to ignore
Weights over the items of one bag (attention pooling), and inputs without a batch dimension.

Source: PyTorch's documentation of torch.softmax: "dim: a dimension along which softmax will be computed".
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.losses_read import last_done, last_layer, loss_calls
from nbtrain.notebook.source_values import argument
from nbtrain.notebook.symbolic.provenance import behind
from nbtrain.notebook.symbolic.values import Const, Made, Op, Value
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    if facts.story.of("env-step"):
        return
    said: set[int] = set()
    for value, line in _outputs(facts):
        done, op = last_done(value)
        if op is None or done not in ("softmax", "log-softmax") or _dimension(op) != 0 or _single(value):
            continue
        where = getattr(op.node, "lineno", line)
        if where not in said:
            said.add(where)
            yield Problem(
                issue="Softmax runs over the batch, not over the classes",
                current=f"{done} with dim=0",
                recommended="dim=-1",
                evidence=f"line {where}: dim=0 of a model's output is the batch",
                line=where,
                fix="torch.softmax(logits, dim=-1)",
            )


def _outputs(facts: ReviewFacts) -> Iterator[tuple[Value, int]]:
    """What goes into losses, and what predictions are taken from."""
    for loss in loss_calls(facts.story):
        if loss.input is not None:
            yield loss.input, loss.line
    for event in facts.story.calls(".argmax", "torch.argmax", "torch.max", ".max"):
        given = (
            event.data["args"][0] if event.data["path"].startswith("torch.") and event.data["args"] else None
        )
        owner = given if given is not None else getattr(event.subject, "owner", None)
        if owner is not None:
            yield owner, event.line


def _dimension(op: Op) -> int | None:
    if op.path == "call":
        layer = last_layer(op.inputs[0])
        given = argument(layer, "dim", 0) if isinstance(layer, Made) else None
    else:
        given = op.kwargs.get("dim", op.inputs[1] if len(op.inputs) > 1 else None)
    return given.value if isinstance(given, Const) and isinstance(given.value, int) else None


def _single(value: Value) -> bool:
    """One sample at a time: its batch dimension is taken off somewhere."""
    paths = {one.op.path for one, _ in behind(value) if getattr(one, "op", None) is not None}  # type: ignore[attr-defined]
    return bool(paths & {".squeeze", "torch.squeeze"})


RULE = Rule("softmax-wrong-dim", Severity.CRITICAL, check)
