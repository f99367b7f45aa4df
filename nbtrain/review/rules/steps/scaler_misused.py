"""A GradScaler of which one call is missing or in the wrong place.

What it does
A GradScaler needs three calls together: `scaler.scale(loss).backward()`, `scaler.step(optimizer)`,
`scaler.update()`. Reported: a step through the scaler whose loss was not scaled; a scaled loss with a plain
`optimizer.step()`; no `update` anywhere in the loop; an `update` for every batch while the step waits for
several. A scaler around bfloat16 alone is a note.

Why it hurts
An unscaled loss is divided by 65,536 all the same, a scaled one steps 65,536 times too far. Without `update`
the factor never falls after an overflow, and every later step is skipped.

Bad
```python
import torch
from torch import nn

model = nn.Linear(10, 2).cuda()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
scaler = torch.amp.GradScaler("cuda")
for x, y in train_loader:
    optimizer.zero_grad()
    with torch.autocast("cuda", dtype=torch.float16):
        loss = nn.functional.cross_entropy(model(x), y)
    scaler.scale(loss).backward()
    scaler.step(optimizer)
```

Good
```python
import torch
from torch import nn

model = nn.Linear(10, 2).cuda()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
scaler = torch.amp.GradScaler("cuda")
for x, y in train_loader:
    optimizer.zero_grad()
    with torch.autocast("cuda", dtype=torch.float16):
        loss = nn.functional.cross_entropy(model(x), y)
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
```

When to ignore
The factor is kept fixed on purpose and overflows are handled by hand.

Source: PyTorch's Automatic Mixed Precision examples; 65,536 is the initial factor of `torch.amp.GradScaler`.
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.story import Cycle, may_be_same
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.provenance import behind
from nbtrain.notebook.symbolic.roles import kind_of
from nbtrain.notebook.symbolic.values import Member, Term, options
from nbtrain.review.edits import line_after
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule, could_not
from nbtrain.review.steps import scaler_text

FINITE = ("isfinite", "isnan", "isinf")


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for cycle in facts.cycles:
        if cycle.owner != "person" or cycle.backward.data["owner"] == "autograd":
            continue
        scaled = "scaled" in cycle.backward.subject.tags
        if cycle.scaler is None:
            if scaled and cycle.step.data.get("scaler") is None and not _by_hand(facts, cycle):
                yield _plain_step(cycle)
        elif not scaled and not _scaled_by_factor(cycle) and not cycle.hidden:
            yield _unscaled(cycle)
        else:
            yield from _update(facts, cycle)
            if facts.story.of("autocast") and all(
                e.data["tags"] == {"bf16"} for e in facts.story.of("autocast")
            ):
                yield _not_needed(cycle)


def _scaled_by_factor(cycle: Cycle) -> bool:
    """The loss is multiplied by the scaler's own factor: `loss * scaler.get_scale()`."""
    made = [one.op for one, _ in behind(cycle.backward.subject) if isinstance(one, Term)]
    return any(op is not None and op.path in (".get_scale", ".scale") for op in made)


def _by_hand(facts: ReviewFacts, cycle: Cycle) -> bool:
    """Gradients are taken back to their size without `scaler.step`, or by an optimizer of another library."""
    if any(isinstance(one, Term) and one.op is not None for one in options(cycle.step.subject)):
        return True
    counted = any(kind_of(one.subject.owner) == "scaler" for one in facts.story.calls(".update"))
    skipped = _asks_whether_finite(cycle)
    return bool(cycle.hidden or (cycle.of("unscale") and (skipped or not counted)) or cycle.of("grad-edit"))


def _asks_whether_finite(cycle: Cycle) -> bool:
    """A step is skipped by hand where the scaler would: `if torch.isfinite(norm): optimizer.step()`."""
    conditions = [one.condition for one in cycle.step.guards if one.condition is not None]
    made = [one.op for value in conditions for one, _ in behind(value) if isinstance(one, Term)]
    return any(op is not None and op.path.rpartition(".")[2] in FINITE for op in made)


def _update(facts: ReviewFacts, cycle: Cycle) -> Iterator[Problem | Gap]:
    updates = [event for event in facts.story.calls(".update") if _of_scaler(event, cycle)]
    near = [event for event in updates if cycle.step.loops[:1] == event.loops[:1]]
    scaler = scaler_text(cycle.training)
    if not updates and cycle.hidden:
        yield could_not(f"whether `{scaler}` is updated", f"`{cycle.hidden}` is not in the source")
    elif not updates and cycle.repeated:
        yield Problem(
            issue=f"`{scaler}` is never updated",
            current=f"{scaler}.step() without {scaler}.update()",
            recommended=f"{scaler}.update() after {scaler}.step()",
            evidence=f"step on line {cycle.step.line}; no call of update in the source",
            line=cycle.step.line,
            name=cycle.name,
            fix=f"{scaler}.update()",
            edits=line_after(cycle.step.node, f"{scaler}.update()"),
        )
    elif cycle.waits and any(
        cycle.always_with(event, cycle.backward) and cycle.in_turn(event) for event in near
    ):
        yield Problem(
            issue=f"`{scaler}` is updated for every batch although the step waits for several",
            current=f"{scaler}.update() on line {near[0].line}, in every turn",
            recommended=f"{scaler}.update() only after {scaler}.step()",
            evidence=(
                f"step on line {cycle.step.line} only every few turns: gradients of one step get "
                "several factors"
            ),
            line=near[0].line,
            name=cycle.name,
            fix=f"{scaler}.step(optimizer)\n{scaler}.update()",
        )


def _of_scaler(event: Event, cycle: Cycle) -> bool:
    owner = event.subject.owner if isinstance(event.subject, Member) else event.subject
    return cycle.scaler is not None and may_be_same(owner, cycle.scaler)


def _plain_step(cycle: Cycle) -> Problem:
    return Problem(
        issue=f"The loss is scaled, and `{cycle.name}` steps without the scaler",
        current="scaler.scale(loss).backward(), optimizer.step()",
        recommended=f"scaler.step({cycle.name}); scaler.update()",
        evidence=f"scaled backward on line {cycle.backward.line}, plain step on line {cycle.step.line}",
        line=cycle.step.line,
        name=cycle.name,
        fix=f"scaler.step({cycle.name})\nscaler.update()",
    )


def _unscaled(cycle: Cycle) -> Problem:
    scaler = scaler_text(cycle.training)
    return Problem(
        issue=f"`{cycle.name}` steps through `{scaler}`, and the loss was not scaled",
        current="loss.backward(), scaler.step(optimizer)",
        recommended=f"{scaler}.scale(loss).backward()",
        evidence=(
            f"plain backward on line {cycle.backward.line}, step through the scaler on line {cycle.step.line}"
        ),
        line=cycle.backward.line,
        name=cycle.name,
        fix=f"{scaler}.scale(loss).backward()",
    )


def _not_needed(cycle: Cycle) -> Problem:
    return Problem(
        issue="A GradScaler is used with bfloat16, which needs none",
        current="bfloat16 autocast with GradScaler",
        recommended="loss.backward(); optimizer.step()",
        evidence=(
            f"every autocast in the source is bfloat16; step through the scaler on line {cycle.step.line}"
        ),
        line=cycle.step.line,
        name=cycle.name,
        fix="loss.backward()\noptimizer.step()",
        severity=Severity.INFO,
    )


RULE = Rule("scaler-misused", Severity.CRITICAL, check)
