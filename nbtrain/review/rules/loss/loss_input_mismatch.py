"""A loss gets another kind of input than it is made for.

What it does
Follows what goes into a loss: raw scores into BCELoss, raw scores or plain probabilities into NLLLoss,
KLDivLoss or CTCLoss, which want logarithms, and a single output into CrossEntropyLoss, which compares
classes.

Why it hurts
BCELoss fails or gives nonsense outside of 0 to 1; NLLLoss of scores falls without bound as the scores grow;
cross-entropy over one class is always 0 and teaches nothing.

Bad
```python
import torch
from torch import nn

model = nn.Linear(8, 3)
criterion = nn.NLLLoss()
loss = criterion(model(x), y)
```

Good
```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(8, 3), nn.LogSoftmax(dim=1))
criterion = nn.NLLLoss()
loss = criterion(model(x), y)
```

When to ignore
The loss is used for another purpose than its name says (NLLLoss as a way to pick entries).

Source: PyTorch's documentation of BCELoss, NLLLoss, KLDivLoss and CrossEntropyLoss; daisyRec issue 15.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.losses_read import LossCall, last_done, loss_calls, outputs_of
from nbtrain.notebook.symbolic.values import Const, Made, Op
from nbtrain.review.edits import Edit, replace_node
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

BETTER = {
    "BCELoss": "BCEWithLogitsLoss",
    "binary_cross_entropy": "binary_cross_entropy_with_logits",
    "NLLLoss": "CrossEntropyLoss",
    "nll_loss": "cross_entropy",
}
RAW = ("linear", "relu", "tanh")


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for loss in loss_calls(facts.story):
        done, op = last_done(loss.input)
        wrong = _wrong(loss, done, op)
        if wrong:
            what, wanted, fix = wrong
            yield Problem(
                issue=f"{loss.name} gets {what}",
                current=f"{done or 'one output'} into {loss.name} on line {loss.line}",
                recommended=wanted,
                evidence=(
                    f"the last operation on its input is {done} (line "
                    f"{getattr(op and op.node, 'lineno', '?')})"
                ),
                line=loss.line,
                fix=fix,
                edits=_edits(loss, done),
            )


def _wrong(loss: LossCall, done: str, op: Op | None) -> tuple[str, str, str] | None:
    if loss.kind == "bce" and done in RAW:
        return (
            "raw scores, and wants probabilities",
            "BCEWithLogitsLoss, or a sigmoid before it",
            "criterion = nn.BCEWithLogitsLoss()",
        )
    if loss.kind == "nll" and done in (*RAW, "softmax", "sigmoid"):
        given = "probabilities" if done in ("softmax", "sigmoid") else "raw scores"
        return (
            f"{given}, and wants log-probabilities",
            "CrossEntropyLoss on the logits",
            "criterion = nn.CrossEntropyLoss()",
        )
    if loss.kind == "ctc" and done in (*RAW, "softmax"):
        return (
            "no log-probabilities",
            "log_softmax of the input",
            "loss = ctc(F.log_softmax(logits, -1), targets, input_lengths, target_lengths)",
        )
    if loss.kind == "kl" and done in (*RAW, "softmax"):
        return (
            "no log-probabilities",
            "log_softmax of the input",
            "F.kl_div(F.log_softmax(logits, -1), target)",
        )
    if loss.kind == "cross-entropy" and done == "linear" and outputs_of(op) == 1 and not _flat(loss):
        return (
            "a single output: over one class it is always 0",
            "BCEWithLogitsLoss, or one output a class",
            "criterion = nn.BCEWithLogitsLoss()",
        )
    return None


def _edits(loss: LossCall, done: str) -> tuple[Edit, ...]:
    """Another criterion, where that is all: scores into the loss that takes scores."""
    better = BETTER.get(loss.name) if done in RAW else None
    held = loss.criterion.node if isinstance(loss.criterion, Made) else loss.event.node
    func = held.func if isinstance(held, ast.Call) and better and not (held.args or held.keywords) else None
    func = (
        loss.event.node.func
        if better and loss.name.islower() and isinstance(loss.event.node, ast.Call)
        else func
    )
    if not isinstance(func, ast.Attribute):
        return ()  # another name would have to be imported
    return replace_node(func, f"{ast.unparse(func.value)}.{better}")


def _flat(loss: LossCall) -> bool:
    """The single output is laid out over candidates: a ranking, where each row holds several of them."""
    value = loss.input
    op = getattr(value, "op", None)
    shapes = (
        ".view",
        ".reshape",
        ".squeeze",
        "torch.squeeze",
        ".permute",
        ".transpose",
        "torch.cat",
        "torch.stack",
        "[]",
    )
    return op is not None and (op.path in shapes or any(isinstance(one, Const) for one in op.inputs[1:]))


RULE = Rule("loss-input-mismatch", Severity.CRITICAL, check)
