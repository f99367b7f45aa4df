"""Predictions of shape (N, 1) are compared with targets of shape (N,).

What it does
Looks at MSE, L1, Huber and BCE losses whose input is a layer with one output, not squeezed, and whose target
is known to have one dimension: a tensor made in the source or a live data set of tensors. Where the target's
shape cannot be told the rule is silent.

Why it hurts
Broadcasting compares every prediction with every target: the loss of N samples is that of an N by N table,
whose best answer is the mean of all targets.

Bad
```python
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

loader = DataLoader(TensorDataset(torch.randn(512, 8), torch.randn(512)), batch_size=32, shuffle=True)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in loader:
    optimizer.zero_grad()
    nn.functional.mse_loss(model(x), y).backward()
    optimizer.step()
```

Good
```python
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

loader = DataLoader(TensorDataset(torch.randn(512, 8), torch.randn(512)), batch_size=32, shuffle=True)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in loader:
    optimizer.zero_grad()
    nn.functional.mse_loss(model(x).squeeze(-1), y).backward()
    optimizer.step()
```

When to ignore
All pairs are meant, as in a distance between two sets.

Source: PyTorch warns of it in mse_loss; pytorch issue 16045.
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Confidence, Severity
from nbtrain.notebook.losses_read import LossCall, laid_flat, last_done, loss_calls, outputs_of
from nbtrain.notebook.shapes_read import dimensions, is_column, is_given_one_sample
from nbtrain.notebook.symbolic.values import Const, Term, Value
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

COMPARED = ("mse", "l1", "bce-with-logits", "bce")


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for loss in loss_calls(facts.story):
        if loss.kind not in COMPARED or loss.input is None or loss.target is None:
            continue
        if (_one_column(loss) or is_column(loss.input)) and dimensions(loss.target) == 1:
            yield _problem(
                loss, "(N, 1)", "(N,)", "the input is a single column, the target has one dimension"
            )
        elif is_column(loss.target) and dimensions(loss.input) == 1:
            yield _problem(
                loss, "(N,)", "(N, 1)", "the input has one dimension, the target is a single column"
            )
        elif {_shaped(loss.input), _shaped(loss.target)} == {"squeeze", "unsqueeze"}:
            yield _problem(
                loss,
                f"{_shaped(loss.input)}d",
                f"{_shaped(loss.target)}d",
                "one side is squeezed and the other unsqueezed",
                sure=False,
            )


def _shaped(value: Value) -> str:
    """`squeeze` or `unsqueeze` when that was last done to a value, along its second or last dimension."""
    op = value.op if isinstance(value, Term) else None
    if op is None or not op.path.startswith(".") or len(op.inputs) < 2:
        return ""
    along = op.inputs[1].value if isinstance(op.inputs[1], Const) else None
    return op.path[1:] if op.path in (".squeeze", ".unsqueeze") and along in (1, -1) else ""


def _problem(loss: LossCall, left: str, right: str, seen: str, *, sure: bool = True) -> Problem:
    return Problem(
        issue=f"{loss.name} compares {left} predictions with {right} targets",
        current=f"shapes {left} and {right}",
        recommended="squeeze(-1) on the predictions, or unsqueeze(1) on the targets, not both",
        evidence=f"line {loss.line}: {seen}",
        line=loss.line,
        confidence=Confidence.LIKELY if sure else Confidence.POSSIBLE,
        fix="loss = criterion(model(x).squeeze(-1), y)",
        severity=None if sure else Severity.WARNING,
    )


def _one_column(loss: LossCall) -> bool:
    """The input has two dimensions, the last of size one: a layer with one output and nothing that shapes
    it."""
    done, _ = last_done(loss.input)
    value = loss.input
    while getattr(value, "op", None) is not None and value.op.inside is not None:  # type: ignore[union-attr]
        value = value.op.inside  # type: ignore[union-attr]
    direct = getattr(value, "op", None)
    if direct is None or direct.path != "call" or laid_flat(direct.inputs[0]) or is_given_one_sample(direct):
        return False
    return done in ("linear", "sigmoid") and outputs_of(direct) == 1


RULE = Rule("loss-shape-broadcast", Severity.CRITICAL, check)
