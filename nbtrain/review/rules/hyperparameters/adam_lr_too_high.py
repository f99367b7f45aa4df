"""A learning rate above 0.01 for an optimizer of the Adam family.

What it does
Looks at the learning rate of Adam, AdamW, NAdam, RAdam, Adamax and their fused and 8-bit forms, of every
parameter group, and at the highest rate a OneCycleLR or a LambdaLR makes of it. More than 0.01 is critical;
1e-5 to 1e-3 is usual. Tensors that are named one by one (`[image]`) are no network's weights: there it is
critical above 1. Where every weight of a pretrained transformer is fine-tuned, 1e-3 and more is a
warning; 1e-6 to 1e-4 is usual there.

Why it hurts
Adam divides by the gradient's own size, so each weight moves by about the learning rate at every step. Above
0.01 that is more than most weights are large: the loss jumps, and units die in the first hundred steps.

Bad
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
```

Good
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
```

When to ignore
Small convex problems.

Threshold: UMLAUT (CHI 2021) warns above 0.01; the range 1e-5 to 1e-3 is common practice. Fine-tuning:
    Devlin et al. (2019) take 2e-5 to 5e-5; the limit at ten times 1e-4 is our own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from nbtrain.findings import Severity
from nbtrain.notebook.facts import OptimizerFact, Quantity
from nbtrain.notebook.situation import DIFFUSION, FINE_TUNING, GAN, PRETRAINING
from nbtrain.review.edits import replace_node
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule, is_live
from nbtrain.review.words import described, shown

HIGHEST = 0.01
FINE_TUNING_HIGHEST = 1e-3  # ten times the upper end of what fine-tuning expects
# Situation -> the rate to take, the range that is usual.
RECOMMENDED = {
    FINE_TUNING: ("2e-5", "1e-6 to 1e-4"),
    GAN: ("2e-4", "1e-4 to 4e-4"),
    DIFFUSION: ("1e-4", "1e-4 to 2e-4"),
    PRETRAINING: ("3e-4", "1e-4 to 6e-4"),
}
USUAL = ("1e-3", "1e-5 to 1e-3")

TENSORS_HIGHEST = 1.0  # tensors that are no network's weights: an image, a latent, a few scalars
NAMES_ALONE = re.compile(r"[\[(]\s*\w+(?:\s*,\s*\w+)*\s*,?\s*[\])]")  # [z]; no .parameters(), no groups
ADAPTERS = re.compile(r"\bpeft\b|LoraConfig|lora|adapter|PrefixTuning|PromptTuning", re.IGNORECASE)
WHOLE = re.compile(r"[\w.]+\.parameters\(\)")


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for optimizer in facts.optimizers:
        if optimizer.family != "adam" or optimizer.doubtful:
            continue
        who = described(optimizer)
        if optimizer.reshaped and any(one.known and one.low > HIGHEST for one in optimizer.lrs):
            yield Gap(
                f"The learning rate of {who} is changed by "
                f"{optimizer.reshaped}; how high it gets could not be told."
            )
            continue
        rate = _too_high(optimizer)
        if rate is not None:
            yield _problem(facts, optimizer, rate, who)
        elif _too_high_to_fine_tune(facts, optimizer):
            yield replace(_problem(facts, optimizer, optimizer.lrs[0], who), severity=Severity.WARNING)
        elif optimizer.peak is None and not any(one.known for one in optimizer.lrs):
            yield Gap(f"The learning rate of {who} could not be worked out from the source.")


def _too_high(optimizer: OptimizerFact) -> Quantity | None:
    rates = (optimizer.peak,) if optimizer.peak is not None else optimizer.lrs
    limit = TENSORS_HIGHEST if NAMES_ALONE.fullmatch(optimizer.parameters) else HIGHEST
    return next((one for one in rates if one.known and one.low > limit), None)


def _too_high_to_fine_tune(facts: ReviewFacts, optimizer: OptimizerFact) -> bool:
    """Every weight of a trained transformer is moved at a rate for training from scratch."""
    network = facts.architecture
    if (
        not facts.is_situation(FINE_TUNING)
        or network.frozen
        or not network.attention
        or ADAPTERS.search(facts.words)
    ):
        return False
    rates = (optimizer.peak,) if optimizer.peak is not None else optimizer.lrs
    whole = not optimizer.parameters or WHOLE.fullmatch(optimizer.parameters) is not None
    written = all(one.known and not one.origin.startswith("the library") for one in rates)
    return (
        whole and written and not optimizer.reshaped and min(one.low for one in rates) >= FINE_TUNING_HIGHEST
    )


def _recommended(facts: ReviewFacts) -> tuple[str, str]:
    return next((RECOMMENDED[one.id] for one in facts.situations if one.id in RECOMMENDED), USUAL)


def _problem(facts: ReviewFacts, optimizer: OptimizerFact, rate: Quantity, who: str) -> Problem:
    better, usual = _recommended(facts)
    limit = HIGHEST if rate.low > HIGHEST else FINE_TUNING_HIGHEST
    why = "above 0.01 it usually diverges" if limit == HIGHEST else "from 1e-3 on what was learned is lost"
    name = optimizer.name or "optimizer"
    where = f" ({rate.origin})" if rate.origin else ""
    return Problem(
        issue=f"The learning rate of {who} is too high for {optimizer.cls}",
        current=f"lr={shown(rate)}",
        recommended=f"lr={better} ({usual})",
        evidence=f"{optimizer.cls} with lr={shown(rate)}{where}; {why}",
        line=optimizer.line,
        name=optimizer.name,
        confidence=is_live(optimizer.live),
        fix=f'for group in {name}.param_groups:\n    group["lr"] = {better}'
        if optimizer.live
        else f"lr={better}",
        edits=replace_node(rate.node, better),
    )


RULE = Rule("adam-lr-too-high", Severity.CRITICAL, check)
