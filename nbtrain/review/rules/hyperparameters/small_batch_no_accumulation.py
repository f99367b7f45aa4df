"""A training batch under 16 samples without gradient accumulation.

What it does
Looks at the loader that feeds a training step (or at transformers' arguments, whose default is 8 a device):
fewer than 16 samples, no accumulation of any form, one device. Batches that a data set or sampler makes,
graph loaders, evaluation loaders and sets smaller than the batch are left alone.

Why it hurts
The gradient of a few samples is mostly noise: the learning rate must stay low and batch statistics are poor.

Bad
```python
import torch
from torch import nn
from torch.utils.data import DataLoader

model = nn.Linear(10, 2)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
train_loader = DataLoader(data, batch_size=4, shuffle=True)
for x, y in train_loader:
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
```

Good
```python
import torch
from torch import nn
from torch.utils.data import DataLoader

model = nn.Linear(10, 2)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
train_loader = DataLoader(data, batch_size=32, shuffle=True)
for x, y in train_loader:
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
```

When to ignore
Samples that are themselves many: long token sequences, large images in detection, graphs.

Threshold: 16 samples a step is our own choice, in line with practice; the Tuning Playbook sets batch size
    by speed.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator

from nbtrain.findings import Confidence, Severity
from nbtrain.notebook.facts import LoaderFact, Quantity, TrainingFact
from nbtrain.notebook.situation import GAN, RL
from nbtrain.review.edits import Edit, add_keyword, replace_node
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule, is_live
from nbtrain.review.words import described, shown

SMALLEST = 16
TARGET = 32


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    if facts.only_live:
        yield from _live_loaders(facts)
        return
    judged: set[int] = set()
    for training in facts.trainings:
        loader = training.batch
        if training.several_optimizers or facts.is_situation(RL, GAN) or _detects(facts):
            continue  # adversarial pairs are trained with single images by custom (pix2pix, CycleGAN)
        if loader is None or not training.looped or id(loader.call or loader.name) in judged:
            continue
        judged.add(id(loader.call or loader.name))
        if not loader.batch_size.known:
            yield Gap(f"The batch size of {described(loader)} could not be worked out.")
        elif _small(loader) and training.distributed:
            yield Gap(
                f"{described(loader)} gives {shown(loader.batch_size)} "
                "samples a device; how many devices train is not known."
            )
        elif _small(loader) and not training.accumulates:
            yield _problem(loader, training)


def _detects(facts: ReviewFacts) -> bool:
    """A detector: each image holds many regions, each of which is a sample of its loss."""
    return any(".detection." in event.data["path"] for event in facts.story.made("torchvision-model"))


def _small(loader: LoaderFact) -> bool:
    whole = (
        loader.samples is not None and loader.batch_size.known and loader.samples <= loader.batch_size.high
    )
    return loader.batch_size.known and 0 < loader.batch_size.high < SMALLEST and not whole


def _live_loaders(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    candidates = [one for one in facts.loaders if one.role == "train"]
    candidates = candidates or [one for one in facts.loaders if one.role == "" and len(facts.loaders) == 1]
    for loader in candidates:
        if _small(loader) and facts.optimizers:
            yield _problem(loader, None)


def _problem(loader: LoaderFact, training: TrainingFact | None) -> Problem:
    size = loader.batch_size
    times = math.ceil(TARGET / size.high)
    hugging = training is not None and training.owner == "transformers"
    seen = f"{shown(size)} samples a step" + (f" ({size.origin})" if size.origin else "")
    unseen = "" if training is not None else "; no loop was given, so accumulation could not be seen"
    return Problem(
        issue=f"{described(loader)} gives too few samples for a step, and gradients are not accumulated",
        current=f"batch_size={shown(size)}",
        recommended=f"batch_size={TARGET}, or accumulate {times} batches",
        evidence=f"{seen}, without accumulation; under {SMALLEST} the gradient is mostly noise{unseen}",
        line=loader.line,
        name=loader.name,
        confidence=Confidence.POSSIBLE if training is None else is_live(loader.live),
        fix=f"gradient_accumulation_steps={times}" if hugging else f"batch_size={TARGET}",
        edits=_edits(loader, size, times, hugging),
    )


def _edits(loader: LoaderFact, size: Quantity, times: int, hugging: bool) -> tuple[Edit, ...]:
    if hugging:
        held = (
            [one for one in loader.call.keywords if one.arg == "gradient_accumulation_steps"]
            if loader.call
            else []
        )
        return (
            replace_node(held[0].value, str(times))
            if held
            else add_keyword(loader.call, f"gradient_accumulation_steps={times}")
        )
    if isinstance(size.node, ast.expr):
        return replace_node(size.node, str(TARGET))
    return add_keyword(loader.call, f"batch_size={TARGET}")


RULE = Rule("small-batch-no-accumulation", Severity.WARNING, check)
