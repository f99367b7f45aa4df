"""Gradients that nothing clears between steps.

What it does
Looks at loops that call backward and step and clear the gradients nowhere: not by the optimizer's or the
model's `zero_grad`, not by `p.grad = None`, not in a function that the loop calls. A function that gets the
optimizer, the model or the loss and cannot be read makes it an information gap. The same for parameters that
are moved along `.grad` without an optimizer, by hand or in a class of the source, and for a step that
Lightning repeats.

Why it hurts
Backward adds to the gradients that are there. Each step then follows the sum of all batches so far: it grows
without bound, and the training wanders or diverges.

Bad
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
```

Good
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
```

When to ignore
Never: gradients gathered over several batches on purpose are cleared after their step.

Source: PyTorch's documentation of `Optimizer.zero_grad`; one of the most frequent silent training faults
(TrainCheck,
OSDI 2025).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.provenance import behind
from nbtrain.notebook.symbolic.values import Term
from nbtrain.review.edits import line_after
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule, could_not
from nbtrain.review.steps import step_text

# These clear by themselves, or keep no gradient in `.grad`.
OTHERS = ("deepspeed",)


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    if not facts.cycles:
        yield from _by_hand(facts)
    for cycle in facts.cycles:
        in_functions = facts.story.of("grad-hook") or cycle.backward.data["owner"] == "autograd"
        if cycle.owner in OTHERS or in_functions or cycle.of("zero-grad"):
            continue
        if cycle.hidden:
            yield could_not(
                f"whether gradients of `{cycle.name}` are cleared", f"`{cycle.hidden}` is not in the source"
            )
        elif cycle.repeated:
            name = step_text(cycle.training) or cycle.name
            yield Problem(
                issue=(
                    f"Gradients of `{cycle.name}` are never cleared: each step adds those of all steps before"
                ),
                current="backward() and step(), no zero_grad()",
                recommended=f"{name}.zero_grad() once a step",
                evidence=(
                    f"backward on line {cycle.backward.line}, step on line {cycle.step.line}, in a loop "
                    "that clears no gradients"
                ),
                line=cycle.backward.line,
                name=cycle.name,
                fix=f"{name}.zero_grad()",
                edits=line_after(cycle.step.node, f"{name}.zero_grad()"),
            )
        elif cycle.step.entry != "<module>":
            yield could_not(
                f"whether gradients of `{cycle.name}` are cleared", "the loop is not in the source"
            )


def _by_hand(facts: ReviewFacts) -> Iterator[Problem]:
    """Parameters that are moved along `.grad` without an optimizer, in a loop that clears no gradients."""
    for update in facts.story.of("hand-step"):
        passes = [
            event
            for event in facts.story.of("backward")
            if event.data["owner"] == "person"
            and event.loops
            and event.loops[0] in update.loops
            and not _made_anew(facts, update, event)
        ]
        cleared = [event for event in facts.story.of("zero-grad") if event.loops[:1] == update.loops[:1]]
        edited = [event for event in facts.story.of("grad-edit") if event.loops[:1] == update.loops[:1]]
        if not passes or cleared or edited or facts.story.of("escape"):
            continue
        yield Problem(
            issue="Gradients are never cleared: each update adds those of all updates before",
            current="backward() and an update by hand, nothing clears `.grad`",
            recommended="set `.grad` to None, or zero it, after each update",
            evidence=(
                f"backward on line {passes[0].line}, the update on line {update.line}, in a loop that "
                "clears no gradients"
            ),
            line=passes[0].line,
            fix="for p in parameters:\n    p.grad = None",
        )
        return


def _made_anew(facts: ReviewFacts, update: Event, backward: Event) -> bool:
    """Whether each turn of the loop makes the tensor that is moved: a new one has no gradient."""
    loop = next(one for one in reversed(backward.loops) if one in update.loops)
    called = getattr(getattr(update.node, "func", None), "value", None)  # `p.data` of `p.data.sub_(...)`
    target = update.node.target if isinstance(update.node, ast.AugAssign) else called
    name = ast.unparse(target).removesuffix(".data") if target is not None else ""
    bound = [one.targets for one in ast.walk(loop.node) if isinstance(one, ast.Assign)]
    if any(name == ast.unparse(one) for targets in bound for one in targets):
        return True
    used = {id(one) for one, _ in behind(update.subject) if not isinstance(one, Term) or _is_leaf(one)}
    made = [event for kind in ("made", "instance") for event in facts.story.of(kind) if loop in event.loops]
    calls = [event.data["result"] for event in facts.story.of("call") if loop in event.loops]
    new = [event.subject for event in made] + [one for one in calls if isinstance(one, Term)]
    return any(id(one) in used for one in new)


def _is_leaf(value: Term) -> bool:
    """Whether a tensor is made to gather gradients: `torch.zeros(3, requires_grad=True)`."""
    op = value.op
    return op is not None and ("requires_grad" in op.kwargs or op.path == ".requires_grad_")


RULE = Rule("missing-zero-grad", Severity.CRITICAL, check)
