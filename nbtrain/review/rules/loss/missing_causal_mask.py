"""A model that predicts the next token can see it.

What it does
Looks for a loss against targets shifted by one token (`ids[:, 1:]`, or `logits[:, :-1]`) through attention
layers of torch (TransformerEncoder, MultiheadAttention, scaled_dot_product_attention) or attention written by
hand, in a source that makes no causal mask of any kind.

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
from nbtrain.notebook.attention_read import self_attention
from nbtrain.notebook.feeds import surely_off
from nbtrain.notebook.losses_read import loss_calls
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.objects import path_of
from nbtrain.notebook.symbolic.values import Made
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule
from nbtrain.review.rules.loss.double_label_shift import is_next, shifts

MASKED = re.compile(r"causal|tril|triu|mask|subsequent|autoregress|-inf|inf\b", re.IGNORECASE)
TORCH = re.compile(r"^torch\..*(nn\.Transformer|TransformerEncoder(Layer)?|MultiheadAttention)$")
# Where a mask stands among the positional arguments.
MASK_PLACES = {
    "nn.Transformer": 3, "TransformerEncoder": 1, "TransformerEncoderLayer": 1, "MultiheadAttention": 5,
    "scaled_dot_product_attention": 3,
}  # fmt: skip


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    if facts.source is None:
        return
    unmasked = [_line(one) for one in _attention(facts) if not _masked(one)] + _chained(facts)
    for loss in loss_calls(facts.story):
        if loss.kind != "cross-entropy" or loss.target is None:
            continue
        if shifts(loss.target) != 1 and not is_next(loss.target):
            continue
        masks_by_hand = MASKED.search(facts.words)  # slow on a long source, and seldom asked
        own = self_attention(loss.input) if not masks_by_hand and loss.input is not None else None
        line = unmasked[0] if unmasked else own
        if line is None:
            continue
        yield Problem(
            issue="The next token is predicted without a causal mask: attention sees the answer",
            current="attention without a mask",
            recommended="is_causal=True, or a triangular mask",
            evidence=(
                f"targets shifted by one (line {loss.line}), and the attention of line {line} gets no mask"
            ),
            line=line,
            fix="mask = nn.Transformer.generate_square_subsequent_mask(x.size(1))",
        )
        return


def _attention(facts: ReviewFacts) -> list[Event]:
    """The calls of torch's attention layers that read the sequence whose next token is predicted."""
    layers = [one for one in facts.story.of("forward") if TORCH.search(path_of(one.subject))]
    translates = any(path_of(one.subject).endswith("nn.Transformer") for one in layers)
    return layers + facts.story.calls("scaled_dot_product_attention") if not translates else layers


def _line(event: Event) -> int:
    """Where the layer is made; for a function, where it is called."""
    return event.subject.node.lineno if isinstance(event.subject, Made) else event.line


def _chained(facts: ReviewFacts) -> list[int]:
    """Lines of attention layers in an nn.Sequential, which passes no mask on."""
    chains = [one.subject for one in facts.story.made("module") if one.data["path"].endswith("nn.Sequential")]
    held = [part for one in chains if isinstance(one, Made) for part in one.args if isinstance(part, Made)]
    return [part.node.lineno for part in held if TORCH.search(part.path)]


def _masked(event: Event) -> bool:
    """Whether a call of an attention layer gets a mask that hides what comes later."""
    kwargs, path = event.data["kwargs"], path_of(event.subject) or event.data.get("path", "")
    named = ("mask", "src_mask", "attn_mask", "tgt_mask", "is_causal", "tgt_is_causal")
    wanted = [one for one in named if one != "src_mask"] if path.endswith("nn.Transformer") else named
    if any(name in kwargs and not surely_off(kwargs[name]) for name in wanted):
        return True
    place = next((at for name, at in MASK_PLACES.items() if path.endswith(name)), 9)
    given = event.data["args"][place : place + 1]
    return bool(given) and not surely_off(given[0])


RULE = Rule("missing-causal-mask", Severity.CRITICAL, check)
