"""A learning rate outside what SGD works with: below 0.001, or above 1.0 with momentum.

What it does
Looks at torch.optim.SGD: a rate under 0.001 in every parameter group, or one over 1.0 together with momentum;
0.01 to 0.1 is usual. A OneCycleLR counts with its highest rate. Losses that are sums, and networks that start
from trained weights or have frozen parts, are left alone on the low side.

Why it hurts
SGD does not rescale gradients: under 0.001 a network trained from scratch hardly moves in the hours it gets.
With momentum 0.9 a step is ten times the rate in the long run, so a rate over 1.0 diverges.

Bad
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=1e-5, momentum=0.9)
```

Good
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
```

When to ignore
Fine-tuning, losses on an unusual scale, and SGD over an input in place of weights.

Threshold: common practice for SGD, 0.01 to 0.1; the effective step of momentum m is lr / (1 - m)
    (Sutskever 2013). For images 0.1 for a batch of 256 is recommended, in
    proportion (Goyal et al. 2017).
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.facts import OptimizerFact, Quantity
from nbtrain.notebook.situation import VISION
from nbtrain.review.edits import replace_node
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule, is_live
from nbtrain.review.words import described, shown

LOWEST = 0.001
HIGHEST_WITH_MOMENTUM = 1.0


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for optimizer in facts.optimizers:
        if optimizer.family != "sgd" or optimizer.doubtful or optimizer.reshaped:
            continue
        rates = [optimizer.peak] if optimizer.peak is not None else list(optimizer.lrs)
        if not all(one.known for one in rates):
            yield Gap(f"The learning rate of {described(optimizer)} could not be worked out from the source.")
            continue
        highest = max(rates, key=lambda one: one.high)
        lowest_of_all = all(one.high < LOWEST for one in rates)
        momentum = optimizer.momentum.known and optimizer.momentum.low > 0
        if lowest_of_all and not _small_on_purpose(facts) and highest.high > 0:
            yield _problem(
                optimizer, highest, _better(facts, "0.01"), "below 0.001 SGD hardly moves the weights"
            )
        elif momentum and highest.low > HIGHEST_WITH_MOMENTUM:
            yield _problem(
                optimizer,
                highest,
                _better(facts, "0.1"),
                f"with momentum {shown(optimizer.momentum)} a rate over 1.0 diverges",
            )


def _better(facts: ReviewFacts, otherwise: str) -> str:
    """A rate in proportion to the batch where images are trained, 0.1 for 256 of them."""
    sizes = [one.batch.batch_size for one in facts.trainings if one.batch is not None]
    if not facts.is_situation(VISION) or len(sizes) != 1 or not sizes[0].known:
        return otherwise
    return f"{min(0.1, 0.1 * sizes[0].high / 256):.2g}"


def _small_on_purpose(facts: ReviewFacts) -> bool:
    sums = facts.source is not None and facts.source.sums_loss
    return sums or facts.architecture.pretrained or facts.architecture.frozen


def _problem(optimizer: OptimizerFact, rate: Quantity, better: str, why: str) -> Problem:
    where = f" ({rate.origin})" if rate.origin else ""
    name = optimizer.name or "optimizer"
    return Problem(
        issue=f"The learning rate of {described(optimizer)} is out of range for SGD",
        current=f"lr={shown(rate)}",
        recommended=f"lr={better} (0.01 to 0.1)",
        evidence=f"SGD with lr={shown(rate)}{where}; {why}",
        line=optimizer.line,
        name=optimizer.name,
        confidence=is_live(optimizer.live),
        fix=f'for group in {name}.param_groups:\n    group["lr"] = {better}'
        if optimizer.live
        else f"lr={better}",
        edits=replace_node(rate.node, better),
    )


RULE = Rule("sgd-lr-out-of-range", Severity.WARNING, check)
