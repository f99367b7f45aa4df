"""A network is trained through, and its parameters are in no optimizer.

What it does
Follows the gradient of a loss through the networks of the source. One with parameters that no optimizer of
the loop gets, that is not frozen and does not come with trained weights, is reported. Among live objects,
looks by identity for trainable parameters that are in no optimizer of the notebook while others of their
model are.

Why it hurts
These layers stay as they were initialised. The rest learns around random features: worse, but not visibly
broken.

Bad
```python
import torch
from torch import nn

encoder = nn.Sequential(nn.Linear(8, 16), nn.ReLU())
head = nn.Linear(16, 3)
optimizer = torch.optim.AdamW(head.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    nn.functional.cross_entropy(head(encoder(x)), y).backward()
    optimizer.step()
```

Good
```python
import torch
from torch import nn

encoder = nn.Sequential(nn.Linear(8, 16), nn.ReLU())
head = nn.Linear(16, 3)
optimizer = torch.optim.AdamW([*encoder.parameters(), *head.parameters()], lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    nn.functional.cross_entropy(head(encoder(x)), y).backward()
    optimizer.step()
```

When to ignore
Random fixed features on purpose; `requires_grad_(False)` on them says so.

Source: torch.optim.Optimizer updates what it is given and nothing else; torchtest2 checks the same at run
time.
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Confidence, Severity
from nbtrain.notebook.architecture import FOLLOWERS, freezes_a_part
from nbtrain.notebook.story import Cycle
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.values import Obj, Term, Value, options
from nbtrain.notebook.training_models import (
    changed_elsewhere,
    frozen_parts,
    given_parameters,
    holds,
    learns,
    trained_in,
)
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

# Networks that by these names are not meant to learn from the loss they take part in.
TEACHERS = ("teacher", "target", "ema", "frozen", "reference", "ref_", "perceptual", "vgg", "old")


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    yield from _live(facts)
    said: list[Value] = []
    for cycle in facts.cycles:
        known = _given(facts)
        if known is None or cycle.hidden or facts.story.calls(".add_param_group"):
            continue
        for model, op in trained_in(cycle.backward.subject):
            name = facts.story.name_of(model)
            if name in {facts.story.name_of(one) for one in known}:
                continue  # made anew after the optimizer: optimizer-stale-params says so
            covered = any(holds(one, model) for one in [*known, *said]) or _in_parts(model, known)
            if covered or _excused(facts, cycle, model, name):
                continue
            said.append(model)
            line = getattr(op.node, "lineno", cycle.backward.line)
            shown = name or "a network"
            yield Problem(
                issue=f"`{shown}` takes part in the loss, and its parameters are in no optimizer",
                current=f"optimizer without {shown}.parameters()",
                recommended=f"[*..., *{shown}.parameters()]",
                evidence=(
                    f"run on line {line}, backward on line {cycle.backward.line}; no optimizer gets them"
                ),
                line=line,
                name=name,
                fix=f"{cycle.name}.add_param_group({{'params': {shown}.parameters()}})",
            )


def _in_parts(model: Value, known: list[Value]) -> bool:
    """Whether every part of a model that learns is given, though the whole is not; copies aside."""
    held = model.attrs.items() if isinstance(model, Obj) else ()
    parts = [one for name, one in held if learns(one) and not any(word in name for word in FOLLOWERS)]
    return bool(parts) and all(any(holds(given, part) for given in known) for part in parts)


def _given(facts: ReviewFacts) -> list[Value] | None:
    """All models whose parameters any optimizer gets; None when one of them cannot be told."""
    found: list[Value] = []
    for event in facts.story.of("optim-step"):
        for one in options(event.subject):
            given = given_parameters(one)
            if given is None:
                return None
            found.extend(given)
    return found


def _excused(facts: ReviewFacts, cycle: Cycle, model: Value, name: str) -> bool:
    if not name or any(word in name.lower() for word in TEACHERS):
        return True
    frozen = any(holds(part, model) or holds(model, part) for _, part in frozen_parts(facts.story))
    known = {id(event) for event, _ in frozen_parts(facts.story)}  # what else they freeze can be told
    freezes = [event for event in facts.story.of("freeze") if id(event) not in known]
    part = any(freezes_a_part(event) and not _thawed(facts, event) for event in freezes)
    return frozen or part or changed_elsewhere(facts.story, model, after=-1)


def _thawed(facts: ReviewFacts, freeze: Event) -> bool:
    """The same parameters are let free again later: a network is held still while another is trained."""
    held = _gone_through(freeze)
    later = [event for event in facts.story.of("unfreeze") if event.at > freeze.at]
    return held is not None and any(_gone_through(event) is held for event in later)


def _gone_through(event: Event) -> Value | None:
    """The list of parameters whose elements are set one by one."""
    op = event.subject.op if isinstance(event.subject, Term) else None
    return op.inputs[0] if op is not None and op.path == "batch" and op.inputs else None


def _live(facts: ReviewFacts) -> Iterator[Problem]:
    held = {key for one in facts.held_anywhere.optimizers for key in one.tensors}
    known = {key for one in facts.held_anywhere.models for key in one.parameters}
    for optimizer in facts.held.optimizers:
        if not optimizer.tensors.keys() <= known:
            continue  # stale tensors: optimizer-stale-params says so
        for model in facts.held_anywhere.models_of(optimizer)[:1]:
            missing = [path for key, (path, _) in model.trainable.items() if key not in held]
            if missing:
                yield Problem(
                    issue=f"{len(missing)} trainable parameters of `{model.name}` are in no optimizer",
                    current=f"`{optimizer.name}` without `{missing[0]}`",
                    recommended=f"add them, or freeze them: {missing[0]}.requires_grad_(False)",
                    evidence=(
                        f"{len(missing)} of {len(model.trainable)}, the first is `{model.name}.{missing[0]}`"
                    ),
                    name=optimizer.name,
                    confidence=Confidence.CERTAIN,
                    fix=(
                        f"{optimizer.name} = type({optimizer.name})({model.name}.parameters(), "
                        f"**{optimizer.name}.defaults)"
                    ),
                )


RULE = Rule("optimizer-missing-params", Severity.CRITICAL, check)
