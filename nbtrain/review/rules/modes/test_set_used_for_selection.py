"""The test set chooses the epoch that it then judges.

What it does
Looks for a loader named for test that is evaluated within the epoch loop where weights are kept or the
training is stopped under a condition, while no loader named for validation is in the source.

Why it hurts
The best of many epochs on a set is too good on that set: the reported score is not what new data will give.

Bad
```python
import torch
from torch import nn

model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
best = 0.0
for epoch in range(5):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    correct = 0
    with torch.no_grad():
        for x, y in test_loader:
            correct += (model(x).argmax(1) == y).sum().item()
    if correct > best:
        best = correct
        torch.save(model.state_dict(), "best.pt")
```

Good
```python
import torch
from torch import nn

model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
best = 0.0
for epoch in range(5):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    correct = 0
    with torch.no_grad():
        for x, y in val_loader:
            correct += (model(x).argmax(1) == y).sum().item()
    if correct > best:
        best = correct
        torch.save(model.state_dict(), "best.pt")
```

When to ignore
Benchmarks whose second split is called test and used as validation by agreement.

Source: Hastie et al., The Elements of Statistical Learning, section 7.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.evaluation import loader_words
from nbtrain.notebook.feeds import feeds, unwrapped, words_in
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.provenance import behind
from nbtrain.notebook.symbolic.values import Made, Member, Term, Value, name_of, options
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

KEEPING = ("torch.save", ".state_dict", "deepcopy", ".save", ".save_pretrained")
TEST = frozenset({"test", "testing", "te"})
VALIDATING = frozenset({"val", "valid", "validation", "dev", "eval", "va"})
SCORES = frozenset(
    ["acc", "accuracy", "loss", "score", "auc", "map", "iou", "dice", "error", "err", "rmse", "mae", "metric"]
)
OWNERS = frozenset(["args", "cfg", "conf", "config", "opt", "opts", "hparams", "flags", "settings", "params"])
SETTINGS = OWNERS | {"interval", "every", "freq", "frequency", "period", "patience", "threshold"}
VALIDATION = re.compile(r"\b(val|valid|validation|dev)(_|\b)|val_?(loader|dl|data|set|ds)", re.IGNORECASE)


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    if facts.source is None:
        return
    yield from _trainers(facts)
    for event in facts.story.calls(*KEEPING):
        judged = _judged_by(facts, event)
        if judged and all(words_in(name) & TEST and not words_in(name) & VALIDATING for name in judged):
            yield _problem(judged[0], _run_line(facts, judged[0]) or event.line, event.line)
            return
    if VALIDATION.search(facts.words):
        return
    for run in facts.story.passes:
        words = loader_words(facts.story, run)
        if "test" not in words or not run.forward.loops:
            continue
        around = run.forward.loops[0]
        if around is run.loop or not any(around in cycle.step.loops for cycle in facts.cycles):
            continue
        kept = [
            event
            for event in facts.story.calls(*KEEPING)
            if around in event.loops and event.guards and event.at > run.forward.at
        ]
        if kept:
            yield _problem(words.split(" ")[0], run.line, kept[0].line)
            return


def _judged_by(facts: ReviewFacts, event: Event) -> list[str]:
    """The loaders whose batches decide whether weights are kept here, in a loop that trains."""
    if not event.loops or not any(event.loops[0] in cycle.step.loops for cycle in facts.cycles):
        return []
    found: list[str] = []
    scores: list[str] = []
    for guard in event.guards:
        for one, _ in behind(guard.condition) if guard.condition is not None else ():
            op = one.op if isinstance(one, Term) else None
            if op is not None and op.path == "batch" and op.inputs:
                names = [facts.story.name_of(loader) or name_of(loader) for loader in unwrapped(op.inputs[0])]
                found += [name for name in names if words_in(name) & (TEST | VALIDATING | {"train"})]
            elif op is not None and op.path == "compare":
                scores += [word for one in op.inputs if (word := _score_named(one))]
    return list(dict.fromkeys(found or scores))


def _score_named(value: Value) -> str:
    """The name of a score that is compared, where it says on which data it was taken: `test_acc`.

    Of what a call or a loop gave; `args.test_score_interval` is a setting.
    """
    name = (value.alias if isinstance(value, Term) else "") or name_of(value)
    words = words_in(name)
    if not words & (TEST | VALIDATING | {"train"}) or not words & SCORES or words & SETTINGS:
        return ""
    return name if any(isinstance(one, Term) and one.op is not None for one, _ in behind(value)) else ""


def _run_line(facts: ReviewFacts, name: str) -> int | None:
    return next((run.line for run in facts.story.passes if name in loader_words(facts.story, run)), None)


def _trainers(facts: ReviewFacts) -> Iterator[Problem]:
    """A framework's trainer that keeps the best weights by a score on the test set."""
    if "load_best_model_at_end=True" in facts.words.replace(" ", ""):
        for event in facts.story.made("hf-trainer"):
            held = event.subject.kwargs.get("eval_dataset") if isinstance(event.subject, Made) else None
            if isinstance(held, Member) and words_in(held.attr) & TEST and not _split_by_datasets(held):
                yield _problem("eval_dataset", event.line, event.line)
    if re.search(r"ModelCheckpoint\([^)]*monitor|EarlyStopping\(", facts.words):
        for fit in facts.story.of("fit"):
            if _module_tests(fit):
                yield _problem("test_dataloader", fit.line, fit.line)
        for feed in feeds(facts.story):
            given = feed.judges and not feed.trains and words_in(feed.name) & TEST
            if given and any(one is feed.value for fit in facts.story.of("fit") for one in _validates(fit)):
                yield _problem(feed.name, feed.made.line, feed.made.line)


def _validates(fit: Event) -> list[Value]:
    given = [fit.data["kwargs"].get("val_dataloaders"), *fit.data["args"][2:3]]
    return [one for value in given if value is not None for one in options(value)]


def _split_by_datasets(held: Member) -> bool:
    """`data.train_test_split(...)["test"]`: the library's name for the part that is held out."""
    made = [one.op.path for one, _ in behind(held) if isinstance(one, Term) and one.op is not None]
    return ".train_test_split" in made


def _module_tests(fit: Event) -> bool:
    """A trainer validates on what a data module gives for testing."""
    return any(
        isinstance(one, Term) and one.op is not None and one.op.path == ".test_dataloader"
        for one in _validates(fit)
    )


def _problem(name: str, line: int, kept: int) -> Problem:
    return Problem(
        issue=f"`{name}` chooses the weights that it judges",
        current=f"weights kept on line {kept} by a score on `{name}`",
        recommended="a validation split for the choice, the test set once at the end",
        evidence=f"`{name}` is run during training (line {line}); line {kept} keeps weights by its score",
        line=line,
        name=name,
        fix="train_data, val_data = torch.utils.data.random_split(train_data, [0.9, 0.1])",
    )


RULE = Rule("test-set-used-for-selection", Severity.WARNING, check)
