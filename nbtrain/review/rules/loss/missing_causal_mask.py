"""A model that predicts the next token can see it.

What it does
Looks for a loss against targets shifted by one token (`ids[:, 1:]`, or `logits[:, :-1]`) through attention
layers of
torch (TransformerEncoder, MultiheadAttention, scaled_dot_product_attention) or attention written by hand,
in a source
that makes no causal mask of any kind.

Why it hurts
Attention copies the answer from the next position: the loss falls to almost zero, and generation gives
nonsense.

Bad
```python
import torch
from torch import nn

layer = nn.TransformerEncoderLayer(64, 4, batch_first=True)
model = nn.Sequential(nn.Embedding(1000, 64), nn.TransformerEncoder(layer, 2), nn.Linear(64, 1000))
logits = model(ids[:, :-1])
loss = nn.functional.cross_entropy(logits.reshape(-1, 1000), ids[:, 1:].reshape(-1))
```

Good
```python
import torch
from torch import nn

embed, head = nn.Embedding(1000, 64), nn.Linear(64, 1000)
encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(64, 4, batch_first=True), 2)
mask = nn.Transformer.generate_square_subsequent_mask(ids.size(1) - 1)
logits = head(encoder(embed(ids[:, :-1]), mask=mask, is_causal=True))
loss = nn.functional.cross_entropy(logits.reshape(-1, 1000), ids[:, 1:].reshape(-1))
```

When to ignore
The shift pairs two sequences (translation with a decoder that masks itself), or windows of a series.

Source: Vaswani et al. (2017), section 3.2.3; PyTorch's documentation of nn.TransformerEncoder (mask).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.losses_read import loss_calls
from nbtrain.notebook.symbolic.provenance import behind
from nbtrain.notebook.symbolic.values import Term, Value
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule
from nbtrain.review.rules.loss.double_label_shift import shifts

PRODUCTS = ("@", "torch.matmul", "torch.bmm", ".matmul", ".bmm", "torch.einsum")
MASKED = re.compile(r"causal|tril|triu|mask|subsequent|autoregress", re.IGNORECASE)
TORCH = re.compile(r"^torch\..*(TransformerEncoder(Layer)?|MultiheadAttention|scaled_dot_product_attention)$")


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    if facts.source is None or MASKED.search(facts.words):
        return
    attention = next((e for e in facts.story.made("attention") if TORCH.match(e.data.get("path", ""))), None)
    for loss in loss_calls(facts.story):
        if loss.kind != "cross-entropy" or loss.target is None or shifts(loss.target) != 1:
            continue
        written = _by_hand(loss.input) if attention is None and loss.input is not None else None
        if attention is None and written is None:
            continue
        line = attention.line if attention is not None else written
        yield Problem(
            issue="The next token is predicted without a causal mask: attention sees the answer",
            current="attention without a mask",
            recommended="is_causal=True, or a triangular mask",
            evidence=(
                f"targets shifted by one (line {loss.line}), attention on line {line}, no mask in the source"
            ),
            line=line,
            fix="mask = nn.Transformer.generate_square_subsequent_mask(x.size(1))",
        )
        return


def _by_hand(value: Value) -> int | None:
    """Where a softmax over products of one sequence with itself is multiplied with that sequence."""
    for one, into in behind(value):
        op = one.op if isinstance(one, Term) else None
        if op is None or not op.path.endswith("softmax") or into is None or into.path not in PRODUCTS:
            continue
        scores = (
            next((part.op for part, _ in behind(op.inputs[0]) if _is_product(part)), None)
            if op.inputs
            else None
        )  # type: ignore[attr-defined]
        if scores is not None and len(scores.inputs) > 1 and len(into.inputs) > 1:
            query, held = _sequence(scores.inputs[0]), _sequence(into.inputs[-1])
            if query is not None and query is held:
                return getattr(op.node, "lineno", None)
    return None


def _is_product(value: Value) -> bool:
    return isinstance(value, Term) and value.op is not None and value.op.path in PRODUCTS


def _sequence(value: Value) -> Value | None:
    """What a query, key or value was projected from."""
    for _ in range(30):
        op = value.op if isinstance(value, Term) else None
        if op is None:
            return value
        if op.path == "call" and len(op.inputs) > 1:
            return op.inputs[1]
        if not op.inputs:
            return None
        value = op.inputs[0]
    return None


RULE = Rule("missing-causal-mask", Severity.CRITICAL, check)
