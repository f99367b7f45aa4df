"""The optimizer holds parameters that the model no longer has.

What it does
Looks for a layer that is replaced, or a model that is made anew, after the optimizer was made with the old
one's parameters. Among live objects, compares by identity: an optimizer whose parameters belong to no model
of the notebook, although one of the same shapes is there, or of which some do while the model has new ones in
no optimizer.

Why it hurts
The optimizer moves tensors that nothing uses. The new layer, or the whole new model, stays as it was
initialised while the loop runs on without an error.

Bad
```python
import torch
from torch import nn
from torchvision.models import resnet18

model = resnet18(weights="DEFAULT")
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
model.fc = nn.Linear(512, 10)
for x, y in train_loader:
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
```

Good
```python
import torch
from torch import nn
from torchvision.models import resnet18

model = resnet18(weights="DEFAULT")
model.fc = nn.Linear(512, 10)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
```

When to ignore
The replaced part is meant to stay as it is, and the optimizer's old tensors do no harm.

Source: parameters are held by identity (torch.optim.Optimizer); pytorch issue 14467, accelerate issue 2665.
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Confidence, Severity
from nbtrain.notebook.held import HeldModel, HeldOptimizer
from nbtrain.notebook.story import Cycle, may_be_same
from nbtrain.notebook.symbolic.values import Made, Member, Obj, Value
from nbtrain.notebook.training_models import holds, made_event, replaced_layers
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for optimizer in facts.held.optimizers:
        if seen := _live(facts, optimizer):
            yield _problem(optimizer.name, seen, None, Confidence.CERTAIN)
    for cycle in facts.cycles:
        made = made_event(facts.story, cycle)
        if made is None or not cycle.models or _extended(facts, cycle):
            continue
        for model in cycle.models:
            for event in replaced_layers(facts.story, _whole(model), after=made.at, before=cycle.step.at)[:1]:
                if isinstance(model, Member) and event.data["attr"] != model.attr:
                    continue
                seen = f"made on line {made.line}, `.{event.data['attr']}` replaced on line {event.line}"
                yield _problem(cycle.name, seen, event.line, Confidence.LIKELY)
        yield from _made_anew(facts, cycle, made.line)


def _whole(model: Value) -> Value:
    """The model of which a part was given to the optimizer: `model.fc.parameters()`."""
    return model.owner if isinstance(model, Member) else model


def _extended(facts: ReviewFacts, cycle: Cycle) -> bool:
    """New parameters may have been added to it."""
    added = facts.story.calls(".add_param_group")
    return any(
        may_be_same(getattr(event.subject, "owner", event.subject), cycle.step.subject) for event in added
    )


def _made_anew(facts: ReviewFacts, cycle: Cycle, line: int) -> Iterator[Problem]:
    names = {facts.story.name_of(one) for one in cycle.models if isinstance(one, Obj | Made)}
    run = [
        event.subject
        for event in cycle.of("forward")
        if cycle.in_turn(event) and not event.data.get("nested")
    ]
    if any(holds(model, one) for model in cycle.models for one in run):
        return
    for one in run:
        if isinstance(one, Obj | Made) and facts.story.name_of(one) in names:
            name = facts.story.name_of(one)
            seen = f"made on line {line} with an earlier `{name}` than the one that the loop runs"
            yield _problem(cycle.name, seen, line, Confidence.LIKELY)
            return


def _live(facts: ReviewFacts, optimizer: HeldOptimizer) -> str:
    models = facts.held_anywhere.models
    known = {key for model in models for key in model.parameters}
    strangers = [one for key, one in optimizer.tensors.items() if key not in known]
    loose = {id(one) for one in facts.everything.values()}
    strangers = [one for one in strangers if id(one) not in loose]
    if not strangers:
        return ""
    if len(strangers) == len(optimizer.tensors):
        twin = next((model for model in models if _same_shapes(strangers, model)), None)
        return (
            f"none of its {len(strangers)} tensors is in a model; `{twin.name}` has the same shapes"
            if twin
            else ""
        )
    held = {key for one in facts.held_anywhere.optimizers for key in one.tensors}
    for model in facts.held_anywhere.models_of(optimizer):
        missing = [path for key, (path, _) in model.trainable.items() if key not in held]
        if missing:
            return (
                f"{len(strangers)} of its tensors are in no model, and "
                f"`{model.name}.{missing[0]}` is in no optimizer"
            )
    return ""


def _same_shapes(tensors: list[object], model: HeldModel) -> bool:
    shapes = sorted(tuple(one.shape) for one in tensors)  # type: ignore[attr-defined]
    return shapes == sorted(tuple(one.shape) for _, one in model.parameters.values())


def _problem(name: str, seen: str, line: int | None, confidence: Confidence) -> Problem:
    return Problem(
        issue=f"`{name}` holds parameters that the model no longer has",
        current="optimizer made before the model was final",
        recommended="make the optimizer again, after the last change of the model",
        evidence=f"`{name}`: {seen}",
        line=line,
        name=name,
        confidence=confidence,
        fix=f"{name} = type({name})(model.parameters(), **{name}.defaults)",
    )


RULE = Rule("optimizer-stale-params", Severity.CRITICAL, check)
