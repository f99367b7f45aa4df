"""The best weights are kept as a reference to the weights that train on.

What it does
Looks for `best = model.state_dict()` in a loop, kept under a name for later (`best...`, or loaded back after
it), also through `dict(...)` or `.copy()` of the state, or as snapshots of one model in a list, without
`copy.deepcopy` and without cloning the tensors. A state that is saved to disk at once is left
alone.

Why it hurts
`state_dict()` returns the live tensors. At the end "best" is the last epoch: what was evaluated is not
what is kept.

Bad
```python
import torch
from torch import nn

model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
best_loss, best_state = float("inf"), None
for epoch in range(5):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    loss = validate(model)
    if loss < best_loss:
        best_loss, best_state = loss, model.state_dict()
model.load_state_dict(best_state)
```

Good
```python
import copy
import torch
from torch import nn

model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
best_loss, best_state = float("inf"), None
for epoch in range(5):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    loss = validate(model)
    if loss < best_loss:
        best_loss, best_state = loss, copy.deepcopy(model.state_dict())
model.load_state_dict(best_state)
```

When to ignore
The loop ends with the epoch that is kept.

Source: pytorch/tutorials issue 188, PyPOTS issue 667.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.symbolic.machine import Event, Loop
from nbtrain.notebook.symbolic.provenance import behind
from nbtrain.notebook.symbolic.values import Map, Member, Seq, Term, Value
from nbtrain.review.edits import around
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    if not facts.cycles and not facts.story.of("escape"):
        return
    loaded = [one for event in facts.story.calls(".load_state_dict") for one in event.data["args"]]
    again = {id(one) for value in loaded for one, _ in _plain(value)}
    held = {id(e.data["value"]): e.data["attr"] for e in facts.story.of("set")}
    for event in facts.story.calls(".state_dict"):
        state = event.data["result"]
        if not event.loops or not isinstance(state, Term) or not isinstance(event.subject, Member):
            continue
        shallow = [
            one.data["result"]
            for one in facts.story.calls(".copy")
            if isinstance(one.subject, Member) and one.subject.owner is state
        ]
        names = [one.alias or held.get(id(one), "") for one in [state, *shallow] if isinstance(one, Term)]
        name = next((one for one in names if one), "")
        if not name and _gathered(facts, event):
            yield _problem(facts, event, "each snapshot")
        elif "best" in name.lower() or (id(state) in again and _later(facts, event)):
            yield _problem(facts, event, name or "best_state")


def _gathered(facts: ReviewFacts, event: Event) -> bool:
    """States of one model, which was made before the loop, are put into a list in it: all are the last."""
    owner = event.subject.owner if isinstance(event.subject, Member) else None
    made = [one for kind in ("made", "instance") for one in facts.story.of(kind) if one.subject is owner]
    if not made or event.loops[0] in made[0].loops:
        return False
    return any(
        one is event.data["result"]
        and call.loops[:1] == event.loops[:1]
        and not _bound_in(event.loops[0], call)
        for call in facts.story.calls(".append")
        for one in call.data["args"]
    )


def _bound_in(loop: Loop, call: Event) -> bool:
    """Whether the list of `states.append(...)` is a new one in each turn of the loop."""
    func = getattr(call.node, "func", None)
    name = ast.unparse(func.value) if isinstance(func, ast.Attribute) else ""
    bound = [one for one in ast.walk(loop.node) if isinstance(one, ast.Assign | ast.AnnAssign)]
    targets = [
        part for one in bound for part in (one.targets if isinstance(one, ast.Assign) else [one.target])
    ]
    return any(ast.unparse(one) == name for one in targets)


def _plain(value: Value) -> Iterator[tuple[Value, object]]:
    """What a value may be without being copied: through names, containers and branches only."""
    for one, op in behind(value):
        if isinstance(one, Term | Seq | Map) and (op is None or op.path == "[]"):
            yield one, op


def _later(facts: ReviewFacts, event: Event) -> bool:
    """It is loaded back outside of the loop in which it was taken."""
    return any(
        event.loops[0] not in one.loops for one in facts.story.calls(".load_state_dict") if one.at > event.at
    )


def _problem(facts: ReviewFacts, event: Event, name: str) -> Problem:
    model = facts.story.name_of(event.subject.owner) or "model"  # type: ignore[attr-defined]
    bound = facts.source is not None and any(
        line.strip().startswith(("import copy", "from copy")) for line in facts.source.text.split("\n")
    )
    return Problem(
        issue=f"`{name}` is the live state of `{model}`, not a copy: it trains on",
        current=f"{name} = {model}.state_dict()",
        recommended=f"{name} = copy.deepcopy({model}.state_dict())",
        evidence=f"taken on line {event.line} in a loop, kept as `{name}`, nowhere copied",
        line=event.line,
        name=name,
        fix=f"{name} = copy.deepcopy({model}.state_dict())",
        edits=around(event.node, "copy.deepcopy(", ")")  # type: ignore[arg-type]
        if bound
        else around(event.node, "{key: value.detach().clone() for key, value in ", ".items()}"),  # type: ignore[arg-type]
    )


RULE = Rule("best-state-not-copied", Severity.CRITICAL, check)
