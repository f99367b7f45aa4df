"""Softmax over the batch in place of the classes.

What it does
Looks for a softmax or log-softmax with `dim=0` over what a model gives for a batch. A policy that sees one
state at a time is left alone.

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

import ast
from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.attention_read import PRODUCTS, scores_of, weights_of
from nbtrain.notebook.losses_read import last_done, last_layer, loss_calls
from nbtrain.notebook.source_values import argument
from nbtrain.notebook.symbolic.library import tail_of
from nbtrain.notebook.symbolic.provenance import behind
from nbtrain.notebook.symbolic.values import Const, Made, Op, Term, Value, options
from nbtrain.review.edits import Edit, replace_node
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    if facts.story.of("env-step"):
        return
    said: set[int] = set()
    yield from _inside(facts, said)
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
                edits=_edits(op),
            )


def _inside(facts: ReviewFacts, said: set[int]) -> Iterator[Problem]:
    """Softmax within a network: over the batch of a layer's output, or over the queries of an attention."""
    seen: set[int] = set()
    for value in _values(facts):
        op = value.op if isinstance(value, Term) else None
        if op is None or id(op) in seen or not op.inputs:
            continue
        seen.add(id(op))
        found = _batch_softmax(op) or _query_softmax(op)
        if found is not None and found[0] not in said:
            line, dim, what = found
            softmax = op if _batch_softmax(op) else weights_of(op.inputs[0])
            said.add(line)
            yield Problem(
                issue=f"Softmax runs over {what}",
                current=f"softmax with dim={dim}",
                recommended="dim=-1",
                evidence=f"line {line}: dimension {dim} of what it gets holds {what}",
                line=line,
                fix="torch.softmax(scores, dim=-1)",
                edits=_edits(softmax),
            )


def _edits(op: Op | None) -> tuple[Edit, ...]:
    """The dimension where it is written, in the call or in the layer that is called."""
    layer = last_layer(op.inputs[0]) if op is not None and op.path == "call" and op.inputs else None
    node = layer.node if isinstance(layer, Made) else op.node if op is not None else None
    if not isinstance(node, ast.Call):
        return ()
    held = [one.value for one in node.keywords if one.arg == "dim"] or node.args[-1:]
    return replace_node(held[0], "-1") if held and ast.unparse(held[0]).lstrip("-").isdigit() else ()


def _values(facts: ReviewFacts) -> Iterator[Value]:
    for event in [*facts.story.of("forward"), *facts.story.of("call"), *facts.story.of("loss")]:
        for given in event.data["args"]:
            yield from options(given)
        if event.kind == "call":
            yield from options(event.data["result"])


def _batch_softmax(op: Op) -> tuple[int, int, str] | None:
    """`softmax(linear(x), dim=0)` where x surely has its batch first."""
    if tail_of(op.path) not in ("softmax", "log_softmax") or _dimension(op) != 0:
        return None
    return (getattr(op.node, "lineno", 0), 0, "the batch") if _batch_first(op.inputs[0]) else None


def _batch_first(value: Value) -> bool:
    """Whether a value comes from a batch_first recurrent layer, or a convolution, through plain layers."""
    for _ in range(12):
        op = value.op if isinstance(value, Term) else None
        if op is None or not op.inputs:
            return False
        layer = op.inputs[0]
        if op.path == "[]" and isinstance(op.inputs[1], Const):
            value = layer
        elif op.path == "call" and isinstance(layer, Made) and len(op.inputs) > 1:
            if tail_of(layer.path) in ("LSTM", "GRU", "RNN"):
                held = layer.kwargs.get("batch_first")
                return isinstance(held, Const) and held.value is True
            if tail_of(layer.path) in ("Conv1d", "Conv2d"):
                return True
            if not tail_of(layer.path).startswith(("Linear", "Dropout", "LayerNorm", "ReLU", "GELU", "Tanh")):
                return False
            value = op.inputs[1]
        elif tail_of(op.path) in ("relu", "tanh", "gelu", "dropout"):
            value = layer
        else:
            return False
    return False


def _query_softmax(op: Op) -> tuple[int, int, str] | None:
    """`weights @ values` whose weights were normalised over another dimension than their last."""
    if op.path not in PRODUCTS or len(op.inputs) < 2:
        return None
    softmax = weights_of(op.inputs[0])
    scores = scores_of(softmax.inputs[0]) if softmax is not None and softmax.inputs else None
    dim = _dimension(softmax) if softmax is not None and softmax.path != "softmax" else None
    if softmax is None or scores is None or dim is None:
        return None
    wrong = dim in (0, -2) or (dim == 1 and scores.path in ("torch.bmm", ".bmm"))
    turned = any(tail_of(part.path) in ("transpose", "permute") for part in _between(op.inputs[0]))
    return (
        (getattr(softmax.node, "lineno", 0), dim, "the queries, not the keys")
        if wrong and not turned
        else None
    )


def _between(value: Value) -> Iterator[Op]:
    """The operations from the weights of an attention back to their softmax."""
    for _ in range(6):
        op = value.op if isinstance(value, Term) else None
        if op is None or not op.inputs or tail_of(op.path) == "softmax":
            return
        yield op
        value = op.inputs[1] if op.path == "call" and len(op.inputs) > 1 else op.inputs[0]


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
