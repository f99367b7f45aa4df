"""Weight decay given to torch.optim.Adam, which adds it to the gradient.

What it does
Looks for `torch.optim.Adam` with `weight_decay` above 0 and without `decoupled_weight_decay=True`.

Why it hurts
Adam divides the gradient by its own size, and the decay with it: weights with large gradients are hardly
decayed, weights with small ones too much. AdamW takes the decay off the weights directly, which is what the
number means.

Bad
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=0.01)
```

Good
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
```

When to ignore
Reproducing a published result that was obtained with Adam and coupled decay (many graph networks).

Threshold: any decay above 0; Loshchilov and Hutter, Decoupled Weight Decay Regularization (ICLR 2019).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.facts import OptimizerFact
from nbtrain.review.edits import Edit, add_keyword, replace_node
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule, is_live
from nbtrain.review.words import described, shown


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for optimizer in facts.optimizers:
        decay = optimizer.weight_decay
        if (
            optimizer.cls != "Adam"
            or optimizer.decoupled
            or optimizer.doubtful
            or not decay.known
            or decay.low <= 0
        ):
            continue
        yield Problem(
            issue=f"{described(optimizer)} is Adam with weight decay, which Adam adds to the gradient",
            current=f"Adam(weight_decay={shown(decay)})",
            recommended=f"AdamW(weight_decay={shown(decay)})",
            evidence=(
                f"torch.optim.Adam with weight_decay={shown(decay)}; it rescales the decay with the gradient"
            ),
            line=optimizer.line,
            name=optimizer.name,
            confidence=is_live(optimizer.live),
            fix=(
                f"torch.optim.AdamW({optimizer.parameters or 'model.parameters()'}, "
                f"..., weight_decay={shown(decay)})"
            ),
            edits=_edits(facts, optimizer),
        )


def _edits(facts: ReviewFacts, optimizer: OptimizerFact) -> tuple[Edit, ...]:
    """`optim.Adam` becomes `optim.AdamW`; a bare `Adam` becomes torch.optim.AdamW, or is told to decouple."""
    call = optimizer.call
    if call is None:
        return ()
    if isinstance(call.func, ast.Attribute) and call.func.attr == "Adam":
        return replace_node(call.func, ast.unparse(call.func) + "W")
    if isinstance(call.func, ast.Name) and facts.source is not None and facts.source.torch_bound:
        return replace_node(call.func, "torch.optim.AdamW")
    return add_keyword(call, "decoupled_weight_decay=True")


RULE = Rule("adam-coupled-weight-decay", Severity.WARNING, check)
